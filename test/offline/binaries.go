package offline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// APIServerPrograms returns the programs that make an API server without nodes.
func APIServerPrograms() []string { return []string{"etcd", "kube-apiserver"} }

// Binaries makes sure that the named programs are there, and returns the folder that they are in, each under its
// name. Without names it is about APIServerPrograms. Calico's manifests are then there too: tests of an API server
// apply them.
func (l *Lab) Binaries(ctx context.Context, names ...string) (string, error) {
	if len(names) == 0 {
		names = APIServerPrograms()
	}
	var wanted []program
	for _, name := range names {
		p, err := programNamed(name)
		if err != nil {
			return "", err
		}
		wanted = append(wanted, p)
	}
	dir, err := l.binDir()
	if err != nil {
		return "", err
	}
	if err := l.compile(ctx, wanted); err != nil {
		return "", err
	}
	if _, err := l.Manifests(ctx); err != nil {
		return "", err
	}
	return dir, l.link(ctx, dir, wanted)
}

// compile builds the programs, in two lanes: while the one links, which takes a single core, the other compiles. The
// two share no packages to speak of.
func (l *Lab) compile(ctx context.Context, wanted []program) error {
	lanes := map[bool][]program{}
	for _, p := range programs() {
		if slices.ContainsFunc(wanted, func(w program) bool { return w.name == p.name }) {
			lanes[p.module == "kubernetes"] = append(lanes[p.module == "kubernetes"], p)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, lane := range lanes {
		group.Go(func() error {
			for _, p := range lane {
				if _, err := l.program(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// binDir is the folder of links to the programs. Its name hashes all their keys, so that checkouts of different
// versions do not take each other's.
func (l *Lab) binDir() (string, error) {
	var keys []string
	for _, p := range programs() {
		k, err := l.programKey(p)
		if err != nil {
			return "", err
		}
		keys = append(keys, k)
	}
	return filepath.Join(l.Cache, "bin", key(keys...)), nil
}

func (l *Lab) link(ctx context.Context, dir string, wanted []program) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("link programs: %w", err)
	}
	for _, p := range wanted {
		target, err := l.program(ctx, p)
		if err != nil {
			return err
		}
		err = os.Symlink(target, filepath.Join(dir, p.name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("link programs: %w", err)
		}
	}
	return touch(dir)
}

// calicoManifests is a copy of the YAML files that Calico publishes with this version, for `kubectl apply` and the lab.
func (l *Lab) calicoManifests() (artifact, error) {
	mod, err := os.ReadFile(filepath.Join(l.moduleDir("calico"), "go.mod"))
	if err != nil {
		return artifact{}, fmt.Errorf("key of the Calico manifests: %w", err)
	}
	build := func(ctx context.Context, dir string) error {
		source, err := l.source(ctx, "calico", calicoModule)
		if err != nil {
			return err
		}
		found, err := filepath.Glob(filepath.Join(source, "manifests", "*.yaml"))
		if err != nil {
			return fmt.Errorf("copy the Calico manifests: %w", err)
		}
		for _, name := range found {
			data, err := os.ReadFile(name)
			if err == nil {
				err = os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o644)
			}
			if err != nil {
				return fmt.Errorf("copy the Calico manifests: %w", err)
			}
		}
		return nil
	}
	return artifact{name: "calico-manifests", key: key("manifests", string(mod)), build: build}, nil
}

// Manifests makes sure that Calico's manifests are there and returns their folder: calico-vxlan.yaml,
// operator-crds.yaml, tigera-operator.yaml and the others, naming images of exactly CalicoVersion.
func (l *Lab) Manifests(ctx context.Context) (string, error) {
	a, err := l.calicoManifests()
	if err != nil {
		return "", err
	}
	return l.store().ensure(ctx, a)
}

// prune removes old artifacts and links, not those of this checkout.
func (l *Lab) prune(now time.Time) error {
	bin, err := l.binDir()
	if err != nil {
		return err
	}
	keep := map[string]bool{bin: true}
	for _, p := range programs() {
		a, err := l.programArtifact(p)
		if err != nil {
			return err
		}
		keep[l.store().path(a)] = true
	}
	manifests, err := l.calicoManifests()
	if err != nil {
		return err
	}
	keep[l.store().path(manifests)] = true
	keep[l.store().path(l.userland())] = true
	return l.store().prune(keep, now.Add(-unusedFor))
}
