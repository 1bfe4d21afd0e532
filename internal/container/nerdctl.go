package container

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
)

// Nerdctl is containerd as nerdctl, or a program that takes its commands, reaches it.
type Nerdctl struct{ cli }

var _ Runtime = Nerdctl{}

// NewNerdctl returns the containerd that binary reaches: nerdctl, finch or nerdctl.lima.
func NewNerdctl(r run.Runner, binary string) Nerdctl {
	return Nerdctl{cli{runner: r, binary: binary, image: func(ref string) string { return ref }, kinds: []kind{
		{"no such container", ErrNotFound},
		{"no such image", ErrNotFound},
		{"no such network", ErrNotFound},
		{"no such object", ErrNotFound},
		{"is already used by id", ErrInUse},
		{"is in use by container", ErrInUse},
		{"permission denied", ErrPermission},
		{"cannot access containerd socket", ErrUnavailable},
		{"rootless containerd not running", ErrUnavailable},
		{"errors occurred", nil},                      // begins a list
		{"no such file or directory", fs.ErrNotExist}, // nerdctl cp
	}}}
}

// Ping implements Runtime.
func (n Nerdctl) Ping(ctx context.Context) error {
	if _, err := n.do(ctx, nil, "info", "--format", "{{.ServerVersion}}"); err != nil {
		return fmt.Errorf("reach containerd: %w: start it, or name another runtime with --runtime", err)
	}
	return nil
}

// labelNetworks is the label in which nerdctl keeps the networks of a container, a list in JSON (nerdctl, pkg/labels). When
// it describes a container it calls them unknown-eth0, unknown-eth1, ….
const labelNetworks = "nerdctl/networks"

// List implements Runtime.
func (n Nerdctl) List(ctx context.Context, filters ...string) ([]Container, error) {
	all, err := n.cli.List(ctx, filters...)
	return nameNetworks(all), err
}

// Inspect implements Runtime.
func (n Nerdctl) Inspect(ctx context.Context, names ...string) ([]Container, error) {
	all, err := n.cli.Inspect(ctx, names...)
	return nameNetworks(all), err
}

func nameNetworks(all []Container) []Container {
	for _, c := range all {
		var networks []string
		_ = json.Unmarshal([]byte(c.Labels[labelNetworks]), &networks) // no label: the names stay
		for i, name := range networks {
			key := fmt.Sprintf("unknown-eth%d", i)
			if a, ok := c.Addresses[key]; ok {
				delete(c.Addresses, key)
				c.Addresses[name] = a
			}
		}
	}
	return all
}

// HasFile implements Runtime. nerdctl copies to files only.
func (n Nerdctl) HasFile(ctx context.Context, name, path string) (bool, error) {
	dir, err := os.MkdirTemp("", "dualstack-")
	if err != nil {
		return false, fmt.Errorf("make a folder to copy %s to: %w", path, err)
	}
	defer os.RemoveAll(dir)
	_, err = n.do(ctx, nil, "cp", name+":"+path, filepath.Join(dir, "file"))
	return err == nil, ignore(err, fs.ErrNotExist)
}

// CopyTo implements Runtime. nerdctl copies from files only.
func (n Nerdctl) CopyTo(ctx context.Context, name, folder string, stream io.Reader) error {
	dir, err := os.MkdirTemp("", "dualstack-")
	if err != nil {
		return fmt.Errorf("make a folder to copy from: %w", err)
	}
	defer os.RemoveAll(dir)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the folder to copy from: %w", err)
	}
	defer root.Close()
	for r := tar.NewReader(stream); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = unpack(root, h, r)
		}
		if err != nil {
			return fmt.Errorf("unpack what is to be copied: %w", err)
		}
	}
	_, err = n.do(ctx, nil, "cp", dir+"/.", name+":"+folder)
	return err
}

// unpack writes a file of an archive.
func unpack(root *os.Root, h *tar.Header, r io.Reader) error {
	f, err := root.OpenFile(h.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, h.FileInfo().Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
