package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/distribution/reference"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
)

// Podman is podman, version 4 or later: earlier ones describe networks in another form.
type Podman struct{ cli }

var _ Runtime = Podman{}

// NewPodman returns the podman of r.
func NewPodman(r run.Runner) Podman {
	return Podman{cli{runner: r, binary: "podman", image: normalized, kinds: []kind{
		{"could not be found on container", fs.ErrNotExist},
		{"no such container", ErrNotFound},
		{"no container with name or id", ErrNotFound},
		{"image not known", ErrNotFound},
		{"network not found", ErrNotFound},
		{"that name is already in use", ErrInUse},
		{"has associated containers with it", ErrInUse},
		{"cannot connect to podman", ErrUnavailable},
		{"permission denied", ErrPermission},
		{"failed to connect to syslog", nil}, // podman's DNS server, on a machine without one
	}}}
}

// Ping implements Runtime.
func (p Podman) Ping(ctx context.Context) error {
	if _, err := p.do(ctx, nil, "version", "--format", "{{.Server.Version}}"); err != nil {
		return fmt.Errorf("reach podman: %w: install it, or name another runtime with --runtime", err)
	}
	return nil
}

// normalized returns a reference with its registry. Podman would otherwise choose one by its own configuration, and kind names
// Docker Hub.
func normalized(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ref // podman reports its mistake
	}
	return reference.TagNameOnly(named).String()
}

// HasImage implements Runtime. "podman load" names images without a registry "localhost/…", where kind does not look.
func (p Podman) HasImage(ctx context.Context, ref string) (bool, error) {
	have, err := p.cli.HasImage(ctx, ref)
	if have || err != nil {
		return have, err
	}
	local := "localhost/" + strings.TrimPrefix(normalized(ref), "docker.io/")
	if have, err = p.cli.HasImage(ctx, local); have {
		return false, fmt.Errorf("podman has it as %s: name it so", local)
	}
	return false, err
}

// Remove implements Runtime. kind gives each node a volume that is not anonymous, with the node's name as its label.
func (p Podman) Remove(ctx context.Context, names ...string) error {
	if err := p.cli.Remove(ctx, names...); err != nil {
		return err
	}
	var errs []error
	for _, n := range names {
		out, err := p.do(ctx, nil, "volume", "ls", "--quiet", "--filter", "label="+n)
		if volumes := strings.Fields(string(out)); err == nil && len(volumes) > 0 {
			_, err = p.do(ctx, nil, append([]string{"volume", "rm", "--force"}, volumes...)...)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
