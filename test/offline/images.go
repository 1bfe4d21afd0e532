package offline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/archive"
)

// Images makes sure that Docker has the node image and every image that is in it, and that Calico's manifests are
// there.
func (l *Lab) Images(ctx context.Context) error {
	if _, err := l.Manifests(ctx); err != nil {
		return err
	}
	missing, err := l.missingImages(ctx)
	if err != nil {
		return err
	}
	if missing.none() {
		l.Report.Infof("%s and all images in it are up to date: nothing to be done", NodeImage)
		return nil
	}
	unlock, err := l.store().lock(ctx, "images")
	if err != nil {
		return err
	}
	defer unlock()
	if missing, err = l.missingImages(ctx); err != nil || missing.none() { // somebody else may have built them
		return err
	}
	if err := l.materials(ctx, missing); err != nil {
		return err
	}
	if err := l.load(ctx, missing); err != nil {
		return err
	}
	return l.clean(ctx)
}

// missing is what Docker does not have, or has of another key.
type missing struct {
	images []image // besides the node image
	node   string  // the key that the node image must have; empty: it has it
}

func (m missing) none() bool { return len(m.images) == 0 && m.node == "" }

func (l *Lab) missingImages(ctx context.Context) (missing, error) {
	var m missing
	nodeKey, err := l.nodeKey()
	if err != nil {
		return m, err
	}
	images := append(podImages(), hostImages()...)
	names := []string{NodeImage}
	for _, img := range images {
		names = append(names, img.name)
	}
	present, err := l.labels(ctx, names)
	if err != nil {
		return m, err
	}
	for _, img := range images {
		k, err := l.imageKey(img)
		if err != nil {
			return m, err
		}
		if present[img.name] != k {
			m.images = append(m.images, img)
		}
	}
	if present[NodeImage] != nodeKey {
		m.node = nodeKey
	}
	return m, nil
}

// labels returns the key of each of the images that Docker has.
func (l *Lab) labels(ctx context.Context, names []string) (map[string]string, error) {
	out, err := l.Run.Run(ctx, run.Cmd{Name: "docker", Args: append([]string{"image", "inspect"}, names...)})
	var failed *run.Error
	if err != nil && !errors.As(err, &failed) {
		return nil, fmt.Errorf("look for images in Docker: %w", err)
	}
	var found []struct {
		RepoTags []string `json:"RepoTags"`
		Config   struct {
			Labels map[string]string `json:"Labels"`
		} `json:"Config"`
	}
	// images that are missing make it fail, after it has printed those that are not
	if jsonErr := json.Unmarshal(out, &found); jsonErr != nil {
		return nil, fmt.Errorf("look for images in Docker: %w", errors.Join(err, jsonErr))
	}
	keys := map[string]string{}
	for _, img := range found {
		for _, tag := range img.RepoTags {
			keys[tag] = img.Config.Labels[keyLabel]
		}
	}
	return keys, nil
}

// materials builds all that the missing images are made of: the userland, which waits for the network and the disk,
// while the programs compile.
func (l *Lab) materials(ctx context.Context, m missing) error {
	images := m.images
	if m.node != "" {
		images = append(images, append(podImages(), nodeBaseImage())...)
	}
	var programs []program
	for _, img := range images {
		for _, f := range img.files {
			if f.program == "" {
				continue
			}
			p, err := programNamed(f.program)
			if err != nil {
				return err
			}
			programs = append(programs, p)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { _, err := l.store().ensure(ctx, l.userland()); return err })
	group.Go(func() error { return l.compile(ctx, programs) })
	return group.Wait()
}

// load puts the missing images into Docker.
func (l *Lab) load(ctx context.Context, m missing) error {
	if len(m.images) > 0 {
		err := l.step(fmt.Sprintf("load %d images into Docker", len(m.images)), func(p *progress) error {
			return l.dockerLoad(ctx, p, m.images...)
		})
		if err != nil {
			return err
		}
	}
	if m.node == "" {
		return nil
	}
	return l.step("bake "+NodeImage, func(p *progress) error { return l.bake(ctx, p, m.node) })
}

func (l *Lab) dockerLoad(ctx context.Context, p *progress, images ...image) error {
	assembled, err := l.assembleAll(ctx, images...)
	if err != nil {
		return err
	}
	return stream(assembled, func(r io.Reader) error {
		return p.command(ctx, l.Run, run.Cmd{Name: "docker", Args: []string{"load"}, Stdin: r})
	})
}

// bake makes the node image: kind's files on Debian, finished from inside by a script that also puts the pods' images
// into its containerd.
func (l *Lab) bake(ctx context.Context, p *progress, nodeKey string) error {
	if err := l.dockerLoad(ctx, p, nodeBaseImage()); err != nil {
		return err
	}
	pods, err := l.assembleAll(ctx, podImages()...)
	if err != nil {
		return err
	}
	for i := range pods {
		pods[i].Name = fullName(pods[i].Name)
	}
	l.removeBake(ctx) // left by a run that was killed
	defer l.removeBake(context.WithoutCancel(ctx))
	err = stream(pods, func(r io.Reader) error {
		return p.command(ctx, l.Run, run.Cmd{Name: "docker", Stdin: r, Args: []string{"run", "--interactive", "--privileged",
			"--network=none", "--name=" + bakeContainer, "--entrypoint=/bin/bash", nodeBase, "-c", bakeNode}})
	})
	if err != nil {
		return fmt.Errorf("put images into the node image: %w", err)
	}
	return p.command(ctx, l.Run, run.Cmd{Name: "docker", Args: []string{"commit", "--change=ENTRYPOINT " + nodeEntrypoint,
		"--change=CMD []", "--change=LABEL " + keyLabel + "=" + nodeKey, bakeContainer, NodeImage}})
}

// removeBake removes what only the baking needs. Whatever of it is not there need not be removed.
func (l *Lab) removeBake(ctx context.Context) {
	_, _ = l.Run.Run(ctx, run.Cmd{Name: "docker", Args: []string{"rm", "--force", "--volumes", bakeContainer}})
}

// assembleAll is assemble for several images.
func (l *Lab) assembleAll(ctx context.Context, images ...image) ([]archive.Image, error) {
	assembled := make([]archive.Image, 0, len(images))
	for _, img := range images {
		a, err := l.assemble(ctx, img)
		if err != nil {
			return nil, err
		}
		assembled = append(assembled, a)
	}
	return assembled, nil
}

// stream hands an archive of the images to use, as it is written.
func stream(images []archive.Image, use func(io.Reader) error) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := archive.Write(w, images...)
		w.CloseWithError(err)
		written <- err
	}()
	err := use(r)
	r.Close() // a reader that ended early must not leave the writer waiting
	if writeErr := <-written; writeErr != nil && !errors.Is(writeErr, io.ErrClosedPipe) {
		return errors.Join(writeErr, err)
	}
	return err
}

// clean removes what this run has made superfluous: images of ours that have lost their names, and old artifacts.
func (l *Lab) clean(ctx context.Context) error {
	prune := []string{"image", "prune", "--force", "--filter", "label=" + keyLabel}
	if _, err := l.Run.Run(ctx, run.Cmd{Name: "docker", Args: prune}); err != nil {
		return fmt.Errorf("remove old images: %w", err)
	}
	return l.prune(time.Now())
}
