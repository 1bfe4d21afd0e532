package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
)

// minInotifyInstances is roughly how much of fs.inotify.max_user_instances a kind node needs: its kubelet, kube-proxy and
// systemd watch files, and with the kernel's default of 128 they fail with "too many open files".
const minInotifyInstances = 170

// preflight looks for everything that would make the plan fail, before anything is made, and reports all at once.
// It returns the network for kind's nodes, or nil if it does not exist yet.
func (m *Manager) preflight(ctx context.Context, o *CreateOptions) (*container.Network, error) {
	var errs []error
	network, err := m.Runtime.FindNetwork(ctx, record.KindNetwork)
	errs = append(errs, err, checkNetwork(m.Runtime.Name(), network, o))
	errs = append(errs, m.checkNames(ctx, o))
	errs = append(errs, checkArchives(o.ImageArchives), checkKubeconfig(o.Kubeconfig), m.chooseSwitch(ctx, o))
	if err := m.ensureImage(ctx, o.NodeImage, "node image", "--node-image"); err != nil {
		errs = append(errs, err)
	} else {
		errs = append(errs, m.checkInotify(ctx, o))
	}
	return network, errors.Join(errs...)
}

// checkArchives makes sure that there are files to load images from.
func checkArchives(archives []string) error {
	var errs []error
	for _, a := range archives {
		if info, err := os.Stat(a); err != nil {
			errs = append(errs, fmt.Errorf("image archive: %w", err))
		} else if info.IsDir() {
			errs = append(errs, fmt.Errorf("image archive %s: is a folder: give a file that docker save wrote", a))
		}
	}
	return errors.Join(errs...)
}

// checkKubeconfig makes sure that the file can be written: kind writes it last, after all nodes exist, and puts a lock
// beside it.
func checkKubeconfig(path string) error {
	const advice = "name another in KUBECONFIG or with --kubeconfig"
	switch info, err := os.Stat(path); {
	case err == nil && info.IsDir():
		return fmt.Errorf("kubeconfig %s: is a folder", path)
	case err == nil:
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("kubeconfig: %w: %s", err, advice)
		}
		_ = f.Close() // nothing was written
	}
	folder := filepath.Dir(path)
	for parent := filepath.Dir(folder); parent != folder; folder, parent = parent, filepath.Dir(parent) {
		if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
			break
		}
	}
	f, err := os.CreateTemp(folder, ".kubectl-dualstack-")
	if err != nil {
		if p := (*fs.PathError)(nil); errors.As(err, &p) {
			err = p.Err // the name of our own file means nothing to users
		}
		return fmt.Errorf("kubeconfig %s: cannot be written: %w: %s", path, err, advice)
	}
	_ = f.Close() // nothing was written
	return os.Remove(f.Name())
}

// checkNetwork looks at the network that kind uses. kind creates one with IPv6 if it is missing.
func checkNetwork(runtime string, n *container.Network, o *CreateOptions) error {
	if n == nil {
		return nil
	}
	var errs []error
	if !n.IPv6 {
		errs = append(errs, fmt.Errorf("%s network %q has no IPv6: remove it (%[1]s network rm %[2]s) once nothing uses it, and kind creates it again",
			runtime, n.Name))
	}
	for _, f := range o.Lab.Families() {
		for _, r := range f.Ranges() {
			for _, s := range n.Subnets {
				if r.Prefix.Overlaps(s) {
					errs = append(errs, fmt.Errorf("%s.%s: %s is in use: %s network %q has %s", f.Name, r.Key, r.Prefix, runtime, n.Name, s))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// checkNames makes sure that no other container has a name that the lab needs.
func (m *Manager) checkNames(ctx context.Context, o *CreateOptions) error {
	taken, err := m.Runtime.Inspect(ctx, append(nodeNames(o.Lab), o.Lab.SwitchName(), record.LockName(o.Lab.Name))...)
	if err != nil {
		return fmt.Errorf("look for containers of the lab's names: %w", err)
	}
	var errs []error
	for _, c := range taken {
		if record.LabOf(c) == o.Lab.Name {
			continue // ours, and about to be replaced
		}
		owner := "a container that is no lab's"
		if k := c.Labels[record.KindCluster]; k != "" {
			owner = fmt.Sprintf("kind cluster %q, which is no lab's", k)
		}
		errs = append(errs, fmt.Errorf("name %q is taken: container %s belongs to %s: choose another with --name", o.Lab.Name, c.Name, owner))
		break // one is enough to see what is wrong
	}
	return errors.Join(errs...)
}

// chooseSwitch resolves "auto" and makes sure that the switch's image is present.
func (m *Manager) chooseSwitch(ctx context.Context, o *CreateOptions) error {
	kinds := fabric.Kinds()
	if o.Switch != SwitchAuto {
		k, err := fabric.Find(o.Switch)
		if err != nil {
			return err
		}
		kinds = []fabric.Kind{k}
	}
	for i, k := range kinds {
		image, err := k.Image(ctx, m.Runtime, o.SwitchImage, o.NodeImage)
		switch {
		case err == nil && i > 0:
			m.Progress.Infof("no %s image on this Docker host: the switch is %s (--switch %s)", kinds[0].Title(), k.Title(), k.Name())
			fallthrough
		case err == nil:
			o.Switch, o.SwitchImage = k.Name(), image
			return nil
		case !errors.Is(err, fabric.ErrNoImage), o.SwitchImage != "", i == len(kinds)-1:
			return err
		}
	}
	return nil
}

// ensureImage makes sure that an image is present, and pulls it if it is not.
func (m *Manager) ensureImage(ctx context.Context, ref, what, flag string) error {
	have, err := m.Runtime.HasImage(ctx, ref)
	if err != nil {
		return fmt.Errorf("look for the %s %s: %w", what, ref, err)
	}
	if have {
		return nil
	}
	step := m.Progress.Start("pull " + ref)
	if err := step.Done(m.Runtime.Pull(ctx, ref)); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s %s is not on this Docker host and cannot be pulled: %s: load it (%s load), or name another with %s",
			what, ref, reason(err), m.Runtime.Name(), flag)
	}
	return nil
}

// checkInotify reads the kernel's limit where the nodes will run, which need not be this machine.
func (m *Manager) checkInotify(ctx context.Context, o *CreateOptions) error {
	const path = "/proc/sys/fs/inotify/max_user_instances"
	var out bytes.Buffer
	err := m.Runtime.Run(ctx, container.Spec{
		Image: o.NodeImage, Labels: record.Labels(o.Lab.Name, record.RoleHelper), Network: "none", Entrypoint: "cat", Args: []string{path},
	}, nil, &out)
	if err != nil {
		var failed *run.Error
		if errors.As(err, &failed) {
			return fmt.Errorf("start a container of %s: %s", o.NodeImage, failed.Reason())
		}
		return fmt.Errorf("start a container of %s: %w", o.NodeImage, err)
	}
	has, err := strconv.Atoi(strings.TrimSpace(out.String()))
	need := minInotifyInstances * (1 + o.Lab.Workers)
	if err == nil && has < need {
		return fmt.Errorf("the kernel allows %d inotify instances and the lab needs about %d, or its kubelets die of too many open files: "+
			"sysctl fs.inotify.max_user_instances=8192 on the Docker host", has, need)
	}
	return nil
}
