package lab

import (
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

// minInotifyInstances is what a node of kind needs of fs.inotify.max_user_instances, roughly: its kubelet, kube-proxy and
// systemd watch files, and with the kernel's default of 128 they fail with "too many open files".
const minInotifyInstances = 170

// preflight looks for everything that would make the plan fail, before anything is made, and reports all of it at once.
// It returns the network that kind's nodes will be on, nil where there is none yet.
func (m *Manager) preflight(ctx context.Context, o *CreateOptions) (*container.Network, error) {
	var errs []error
	network, err := m.Docker.FindNetwork(ctx, record.KindNetwork)
	errs = append(errs, err, checkNetwork(network, o))
	errs = append(errs, m.checkNames(ctx, o))
	for _, a := range o.ImageArchives {
		if info, err := os.Stat(a); err != nil {
			errs = append(errs, fmt.Errorf("image archive: %w", err))
		} else if info.IsDir() {
			errs = append(errs, fmt.Errorf("image archive %s: is a folder: give a file that docker save wrote", a))
		}
	}
	errs = append(errs, checkKubeconfig(o.Kubeconfig), m.chooseSwitch(ctx, o))
	if err := m.ensureImage(ctx, o.NodeImage, "node image", "--node-image"); err != nil {
		errs = append(errs, err)
	} else {
		errs = append(errs, m.checkInotify(ctx, o))
	}
	return network, errors.Join(errs...)
}

// checkKubeconfig makes sure that the file can be written: kind does so in the end, when all nodes are there. Kind puts a
// lock beside it.
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
			err = p.Err // the name of our own file says nothing
		}
		return fmt.Errorf("kubeconfig %s: cannot be written: %w: %s", path, err, advice)
	}
	_ = f.Close() // nothing was written
	return os.Remove(f.Name())
}

// checkNetwork looks at the Docker network that kind uses. It makes one with IPv6 where there is none.
func checkNetwork(n *container.Network, o *CreateOptions) error {
	if n == nil {
		return nil
	}
	var errs []error
	if !n.IPv6 {
		errs = append(errs, fmt.Errorf("docker network %q has no IPv6: remove it (docker network rm %s) once nothing uses it, and kind makes it anew",
			n.Name, n.Name))
	}
	for _, f := range o.Lab.Families() {
		for _, r := range f.Ranges() {
			for _, s := range n.Subnets {
				if r.Prefix.Overlaps(s) {
					errs = append(errs, fmt.Errorf("%s.%s: %s is in use: docker network %q has %s", f.Name, r.Key, r.Prefix, n.Name, s))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// checkNames makes sure that no container of somebody else's has a name that the lab needs.
func (m *Manager) checkNames(ctx context.Context, o *CreateOptions) error {
	taken, err := m.Docker.Inspect(ctx, append(nodeNames(o.Lab), o.Lab.SwitchName())...)
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

// chooseSwitch decides what "auto" means and makes sure that the switch's image is there.
func (m *Manager) chooseSwitch(ctx context.Context, o *CreateOptions) error {
	if o.Switch == fabric.Linux {
		o.SwitchImage = o.NodeImage
		return nil
	}
	if o.SwitchImage == "" {
		images, err := m.Docker.Images(ctx, "ceos*")
		if err != nil {
			return fmt.Errorf("look for a cEOS image: %w", err)
		}
		if len(images) > 0 {
			o.SwitchImage = images[0]
		}
	}
	have := false
	if o.SwitchImage != "" {
		var err error
		if have, err = m.Docker.HasImage(ctx, o.SwitchImage); err != nil {
			return fmt.Errorf("look for the image %s: %w", o.SwitchImage, err)
		}
	}
	switch {
	case have:
		o.Switch = fabric.CEOS
	case o.Switch == SwitchAuto && o.SwitchImage == "":
		o.Switch, o.SwitchImage = fabric.Linux, o.NodeImage
		m.Progress.Infof("no cEOS image on this Docker host: the switch is a Linux bridge and router (--switch %s)", fabric.Linux)
	default:
		return errors.New("the cEOS image is not on this Docker host and cannot be pulled: download cEOS-lab from Arista " +
			"(it takes a login), then: docker import cEOS64-lab-4.34.0F.tar.xz ceos:4.34.0F; or use --switch " + fabric.Linux)
	}
	return nil
}

// ensureImage makes sure that an image is there, and pulls it where it is not.
func (m *Manager) ensureImage(ctx context.Context, ref, what, flag string) error {
	have, err := m.Docker.HasImage(ctx, ref)
	if err != nil {
		return fmt.Errorf("look for the %s %s: %w", what, ref, err)
	}
	if have {
		return nil
	}
	step := m.Progress.Start("pull " + ref)
	if err := step.Done(m.Docker.Pull(ctx, ref)); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%s %s is not on this Docker host and cannot be pulled: %s: load it (docker load), or name another with %s",
			what, ref, reason(err), flag)
	}
	return nil
}

// checkInotify reads the kernel's limit where the nodes will run, which need not be this machine.
func (m *Manager) checkInotify(ctx context.Context, o *CreateOptions) error {
	const path = "/proc/sys/fs/inotify/max_user_instances"
	out, err := m.Docker.Run(ctx, nil, "--rm", "--label", record.LabelLab+"="+o.Lab.Name, "--label", record.LabelRole+"="+record.RoleHelper,
		"--network", "none", "--entrypoint", "cat", o.NodeImage, path)
	if err != nil {
		var failed *run.Error
		if errors.As(err, &failed) {
			return fmt.Errorf("start a container of %s: %s", o.NodeImage, failed.Reason())
		}
		return fmt.Errorf("start a container of %s: %w", o.NodeImage, err)
	}
	has, err := strconv.Atoi(strings.TrimSpace(string(out)))
	need := minInotifyInstances * (1 + o.Lab.Workers)
	if err == nil && has < need {
		return fmt.Errorf("the kernel allows %d inotify instances and the lab needs about %d, or its kubelets die of too many open files: "+
			"sysctl fs.inotify.max_user_instances=8192 on the Docker host", has, need)
	}
	return nil
}
