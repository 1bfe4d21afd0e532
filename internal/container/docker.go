// Package container speaks to Docker through its command line, as kind does: contexts, DOCKER_HOST and rootless set-ups then
// work as the user has them. It knows containers, images and networks, and nothing of labs or clusters.
package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
)

// Docker is a Docker host as the docker command reaches it.
type Docker struct {
	Runner run.Runner
}

// Container is what docker inspect says of a container, trimmed.
type Container struct {
	ID     string            `json:"Id"`
	Name   string            `json:"Name"` // without the leading slash
	Image  string            `json:"-"`    // as it was asked for
	Labels map[string]string `json:"-"`
	State  struct {
		Running  bool   `json:"Running"`
		Status   string `json:"Status"` // running, exited, created, …
		Pid      int    `json:"Pid"`
		ExitCode int    `json:"ExitCode"`
		// StartedAt is when the container was last started, by the Docker host's clock.
		StartedAt time.Time `json:"StartedAt"`
	} `json:"State"`
	Mounts    []string              `json:"-"` // destinations
	Addresses map[string]NetAddress `json:"-"` // by network name
}

// NetAddress is the address of a container on a Docker network. Stopped containers have none.
type NetAddress struct {
	IPv4 netip.Addr
	IPv6 netip.Addr
}

// Network is a Docker network.
type Network struct {
	Name       string
	IPv6       bool
	Subnets    []netip.Prefix
	Containers int // running containers on it
}

func (d Docker) docker(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	return d.Runner.Run(ctx, run.Cmd{Name: "docker", Args: args, Stdin: stdin})
}

// Ping returns the daemon's version, or why no daemon answers.
func (d Docker) Ping(ctx context.Context) (string, error) {
	out, err := d.docker(ctx, nil, "version", "--format", "{{.Server.Version}}")
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}

// Exec runs a command in a running container and returns its standard output.
func (d Docker) Exec(ctx context.Context, name string, stdin io.Reader, args ...string) ([]byte, error) {
	opts := []string{"exec"}
	if stdin != nil {
		opts = append(opts, "-i")
	}
	return d.docker(ctx, stdin, append(append(opts, name), args...)...)
}

// Run runs "docker run" with the arguments given and returns its standard output.
func (d Docker) Run(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	return d.docker(ctx, stdin, append([]string{"run"}, args...)...)
}

// Create creates a container without starting it ("docker create").
func (d Docker) Create(ctx context.Context, args ...string) error {
	_, err := d.docker(ctx, nil, append([]string{"create"}, args...)...)
	return err
}

// CopyTo copies a tar stream into a container's folder; the container need not run.
func (d Docker) CopyTo(ctx context.Context, name, folder string, tar io.Reader) error {
	_, err := d.docker(ctx, tar, "cp", "-", name+":"+folder)
	return err
}

// Start starts stopped containers. Running ones are left as they are.
func (d Docker) Start(ctx context.Context, names ...string) error {
	_, err := d.docker(ctx, nil, append([]string{"start"}, names...)...)
	return err
}

// Remove removes containers and their anonymous volumes, running or not. Ones that are gone already are no error.
func (d Docker) Remove(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	_, err := d.docker(ctx, nil, append([]string{"rm", "-f", "-v"}, names...)...)
	var failed *run.Error
	if errors.As(err, &failed) && onlyGone(failed.Stderr) {
		return nil
	}
	return err
}

// onlyGone reports whether every complaint is about a container that does not exist, or that another call is removing.
func onlyGone(stderr string) bool {
	for line := range strings.Lines(stderr) {
		if line = strings.TrimSpace(line); line != "" && !strings.Contains(line, "No such container") &&
			!strings.Contains(line, "is already in progress") {
			return false
		}
	}
	return true
}

// List returns the containers, running or not, that pass all filters (as "docker ps --filter" takes them).
func (d Docker) List(ctx context.Context, filters ...string) ([]Container, error) {
	args := []string{"ps", "-a", "-q", "--no-trunc"}
	for _, f := range filters {
		args = append(args, "--filter", f)
	}
	out, err := d.docker(ctx, nil, args...)
	if err != nil {
		return nil, err
	}
	return d.Inspect(ctx, strings.Fields(string(out))...)
}

// Inspect returns the containers of the names or ids given, in that order. Ones that do not exist are left out.
func (d Docker) Inspect(ctx context.Context, names ...string) ([]Container, error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, err := d.docker(ctx, nil, append([]string{"container", "inspect"}, names...)...)
	var failed *run.Error
	if errors.As(err, &failed) && onlyGone(failed.Stderr) {
		err = nil // what exists is printed all the same
	}
	if err != nil {
		return nil, err
	}
	return parseContainers(out)
}

func parseContainers(out []byte) ([]Container, error) {
	var raw []struct {
		Container
		Config struct {
			Image  string            `json:"Image"`
			Labels map[string]string `json:"Labels"`
		} `json:"Config"`
		Mounts []struct {
			Destination string `json:"Destination"`
		} `json:"Mounts"`
		NetworkSettings struct {
			Networks map[string]struct {
				IPAddress         string `json:"IPAddress"`
				GlobalIPv6Address string `json:"GlobalIPv6Address"`
			} `json:"Networks"`
		} `json:"NetworkSettings"`
	}
	if len(strings.TrimSpace(string(out))) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(out, &raw); err != nil {
		return nil, fmt.Errorf("read what docker inspect printed: %w", err)
	}
	all := make([]Container, 0, len(raw))
	for _, r := range raw {
		c := r.Container
		c.Name = strings.TrimPrefix(c.Name, "/")
		c.Image, c.Labels = r.Config.Image, r.Config.Labels
		for _, m := range r.Mounts {
			c.Mounts = append(c.Mounts, m.Destination)
		}
		c.Addresses = map[string]NetAddress{}
		for name, n := range r.NetworkSettings.Networks {
			v4, _ := netip.ParseAddr(n.IPAddress) // empty when stopped
			v6, _ := netip.ParseAddr(n.GlobalIPv6Address)
			c.Addresses[name] = NetAddress{IPv4: v4, IPv6: v6}
		}
		all = append(all, c)
	}
	return all, nil
}

// HasFile reports whether a file is there in a container, which need not run.
func (d Docker) HasFile(ctx context.Context, name, path string) (bool, error) {
	_, err := d.Runner.Run(ctx, run.Cmd{Name: "docker", Args: []string{"cp", name + ":" + path, "-"}, Stdout: io.Discard})
	var failed *run.Error
	if errors.As(err, &failed) && (strings.Contains(failed.Stderr, "Could not find the file") || strings.Contains(failed.Stderr, "no such file")) {
		return false, nil
	}
	return err == nil, err
}

// HasImage reports whether an image is present on the Docker host.
func (d Docker) HasImage(ctx context.Context, ref string) (bool, error) {
	_, err := d.docker(ctx, nil, "image", "inspect", "--format", "{{.Id}}", ref)
	var failed *run.Error
	if errors.As(err, &failed) && strings.Contains(strings.ToLower(failed.Stderr), "no such image") {
		return false, nil
	}
	return err == nil, err
}

// Images returns the references (repository:tag) of the images whose repository matches, newest first.
func (d Docker) Images(ctx context.Context, repository string) ([]string, error) {
	out, err := d.docker(ctx, nil, "images", "--format", "{{.Repository}}:{{.Tag}}", repository)
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(out)), nil
}

// Pull pulls an image.
func (d Docker) Pull(ctx context.Context, ref string) error {
	_, err := d.docker(ctx, nil, "pull", "--quiet", ref)
	return err
}

// FindNetwork returns the Docker network of a name, or nil where there is none.
func (d Docker) FindNetwork(ctx context.Context, name string) (*Network, error) {
	out, err := d.docker(ctx, nil, "network", "inspect", name)
	var failed *run.Error
	if errors.As(err, &failed) && strings.Contains(strings.ToLower(failed.Stderr), "no such network") ||
		errors.As(err, &failed) && strings.Contains(failed.Stderr, "not found") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseNetwork(out)
}

func parseNetwork(out []byte) (*Network, error) {
	var raw []struct {
		Name       string `json:"Name"`
		EnableIPv6 bool   `json:"EnableIPv6"`
		IPAM       struct {
			Config []struct {
				Subnet string `json:"Subnet"`
			} `json:"Config"`
		} `json:"IPAM"`
		Containers map[string]json.RawMessage `json:"Containers"`
	}
	if err := json.Unmarshal(out, &raw); err != nil {
		return nil, fmt.Errorf("read what docker network inspect printed: %w", err)
	}
	if len(raw) == 0 {
		return nil, errors.New("read what docker network inspect printed: it is empty")
	}
	n := &Network{Name: raw[0].Name, IPv6: raw[0].EnableIPv6, Containers: len(raw[0].Containers)}
	for _, c := range raw[0].IPAM.Config {
		if p, err := netip.ParsePrefix(c.Subnet); err == nil {
			n.Subnets = append(n.Subnets, p)
		}
	}
	return n, nil
}

// RemoveNetwork removes a network that no container uses. One that is gone already is no error.
func (d Docker) RemoveNetwork(ctx context.Context, name string) error {
	_, err := d.docker(ctx, nil, "network", "rm", name)
	var failed *run.Error
	if errors.As(err, &failed) && (strings.Contains(failed.Stderr, "No such network") || strings.Contains(failed.Stderr, "not found")) {
		return nil
	}
	return err
}
