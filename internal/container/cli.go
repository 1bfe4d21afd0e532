package container

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/netip"
	"os/exec"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
)

// cli is a command line modelled on docker's. It implements most of Runtime for all three.
type cli struct {
	runner run.Runner
	binary string
	// kinds give lines of the standard error their meaning. The first match counts.
	kinds []kind
	// image returns a reference in the form that the command line needs.
	image func(ref string) string
}

// kind is a kind of failure and the text that marks it in a line of a runtime's errors: in lower case, with "…" for
// anything. A nil error marks lines that say nothing: they are left out of errors.
type kind struct {
	text string
	err  error
}

func (k kind) matches(line string) bool {
	for part := range strings.SplitSeq(k.text, "…") {
		_, rest, found := strings.Cut(line, part)
		if !found {
			return false
		}
		line = rest
	}
	return true
}

// Error is a command of a runtime that failed in a known way.
type Error struct {
	Kind error // ErrNotFound, …, or fs.ErrNotExist for a file in a container
	Err  error // what the command said
}

// Error says what the command said.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives access to the kind and to what the command said.
func (e *Error) Unwrap() []error { return []error{e.Kind, e.Err} }

func (c cli) run(ctx context.Context, cmd run.Cmd) ([]byte, error) {
	cmd.Name = c.binary
	out, err := c.runner.Run(ctx, cmd)
	return out, c.classify(err)
}

func (c cli) do(ctx context.Context, stdin io.Reader, args ...string) ([]byte, error) {
	return c.run(ctx, run.Cmd{Args: args, Stdin: stdin})
}

// classify gives an error its kind. A command that was given several names may fail for several reasons: the error has a kind
// only if every line of the standard error has it.
func (c cli) classify(err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return &Error{Kind: ErrUnavailable, Err: err}
	}
	var failed *run.Error
	if !errors.As(err, &failed) {
		return err
	}
	var said []string
	var kinds []error // of the lines, each once; nil is an unknown kind
	for line := range strings.Lines(failed.Stderr) {
		lower := strings.ToLower(strings.TrimSpace(line))
		i := slices.IndexFunc(c.kinds, func(k kind) bool { return k.matches(lower) })
		if lower == "" || i >= 0 && c.kinds[i].err == nil {
			continue
		}
		said = append(said, strings.TrimRight(line, "\n"))
		var is error
		if i >= 0 {
			is = c.kinds[i].err
		}
		if !slices.Contains(kinds, is) {
			kinds = append(kinds, is)
		}
	}
	err = &run.Error{Cmd: failed.Cmd, Code: failed.Code, Stderr: strings.Join(said, "\n")}
	if len(kinds) != 1 || kinds[0] == nil {
		return err
	}
	return &Error{Kind: kinds[0], Err: err}
}

// ignore turns an error of a kind into success.
func ignore(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}

// Name implements Runtime.
func (c cli) Name() string { return c.binary }

// args returns the options and the image of docker create and docker run.
func (c cli) args(s Spec) []string {
	var all []string
	option := func(name string, values ...string) {
		for _, v := range values {
			if v != "" {
				all = append(all, name, v)
			}
		}
	}
	option("--name", s.Name)
	option("--hostname", s.Hostname)
	for _, k := range slices.Sorted(maps.Keys(s.Labels)) {
		option("--label", k+"="+s.Labels[k])
	}
	option("--env", s.Env...)
	option("--network", s.Network)
	if s.HostPIDs {
		option("--pid", "host")
	}
	if s.Privileged {
		all = append(all, "--privileged")
	}
	option("--cap-add", s.Capabilities...)
	option("--sysctl", s.Sysctls...)
	option("--restart", s.Restart)
	option("--stop-signal", s.StopSignal)
	option("--entrypoint", s.Entrypoint)
	return append(append(all, "--pull", "never", c.image(s.Image)), s.Args...)
}

// Run implements Runtime.
func (c cli) Run(ctx context.Context, s Spec, stdin io.Reader, stdout io.Writer) error {
	args := []string{"run", "--rm"}
	if stdin != nil {
		args = append(args, "--interactive")
	}
	_, err := c.run(ctx, run.Cmd{Args: append(args, c.args(s)...), Stdin: stdin, Stdout: stdout})
	return err
}

// Create implements Runtime.
func (c cli) Create(ctx context.Context, s Spec) error {
	_, err := c.do(ctx, nil, append([]string{"create"}, c.args(s)...)...)
	return err
}

// Start implements Runtime.
func (c cli) Start(ctx context.Context, names ...string) error {
	_, err := c.do(ctx, nil, append([]string{"start"}, names...)...)
	return err
}

// Remove implements Runtime.
func (c cli) Remove(ctx context.Context, names ...string) error {
	if len(names) == 0 {
		return nil
	}
	_, err := c.do(ctx, nil, append([]string{"rm", "-f", "-v"}, names...)...)
	return ignore(err, ErrNotFound)
}

// Exec implements Runtime.
func (c cli) Exec(ctx context.Context, name string, stdin io.Reader, args ...string) ([]byte, error) {
	opts := []string{"exec"}
	if stdin != nil {
		opts = append(opts, "-i")
	}
	return c.do(ctx, stdin, append(append(opts, name), args...)...)
}

// ExecTo implements Runtime.
func (c cli) ExecTo(ctx context.Context, name string, stdout io.Writer, args ...string) error {
	_, err := c.run(ctx, run.Cmd{Args: append([]string{"exec", name}, args...), Stdout: stdout})
	return err
}

// CopyTo implements Runtime.
func (c cli) CopyTo(ctx context.Context, name, folder string, tar io.Reader) error {
	_, err := c.do(ctx, tar, "cp", "-", name+":"+folder)
	return err
}

// HasFile implements Runtime.
func (c cli) HasFile(ctx context.Context, name, path string) (bool, error) {
	_, err := c.run(ctx, run.Cmd{Args: []string{"cp", name + ":" + path, "-"}, Stdout: io.Discard})
	return err == nil, ignore(err, fs.ErrNotExist)
}

// List implements Runtime.
func (c cli) List(ctx context.Context, filters ...string) ([]Container, error) {
	args := []string{"ps", "-a", "-q", "--no-trunc"}
	for _, f := range filters {
		args = append(args, "--filter", f)
	}
	out, err := c.do(ctx, nil, args...)
	if err != nil {
		return nil, err
	}
	return c.Inspect(ctx, strings.Fields(string(out))...)
}

// Inspect implements Runtime. The runtimes print the containers that exist even if others do not.
func (c cli) Inspect(ctx context.Context, names ...string) ([]Container, error) {
	if len(names) == 0 {
		return nil, nil
	}
	out, err := c.do(ctx, nil, append([]string{"container", "inspect"}, names...)...)
	if err = ignore(err, ErrNotFound); err != nil {
		return nil, err
	}
	return parseContainers(out)
}

func parseContainers(out []byte) ([]Container, error) {
	var raw []struct {
		Container
		Config struct {
			Image    string            `json:"Image"`
			Hostname string            `json:"Hostname"`
			Labels   map[string]string `json:"Labels"`
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
	if len(bytes.TrimSpace(out)) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(out, &raw); err != nil {
		return nil, fmt.Errorf("read the runtime's description of containers: %w", err)
	}
	all := make([]Container, 0, len(raw))
	for _, r := range raw {
		c := r.Container
		c.Name = strings.TrimPrefix(c.Name, "/")
		c.Image, c.Labels, c.Hostname = r.Config.Image, r.Config.Labels, r.Config.Hostname
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

// HasImage implements Runtime.
func (c cli) HasImage(ctx context.Context, ref string) (bool, error) {
	_, err := c.do(ctx, nil, "image", "inspect", "--format", "{{.Id}}", c.image(ref))
	return err == nil, ignore(err, ErrNotFound)
}

// Images implements Runtime. The runtimes' own filters match in three different ways.
func (c cli) Images(ctx context.Context, pattern string) ([]string, error) {
	out, err := c.do(ctx, nil, "images", "--format", "{{.Repository}}:{{.Tag}}")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, ref := range strings.Fields(string(out)) {
		repository := strings.TrimPrefix(ref[:strings.LastIndex(ref, ":")], "localhost/")
		if ok, err := path.Match(pattern, repository); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", pattern, err)
		} else if ok {
			all = append(all, ref)
		}
	}
	return all, nil
}

// Pull implements Runtime.
func (c cli) Pull(ctx context.Context, ref string) error {
	_, err := c.do(ctx, nil, "pull", "--quiet", c.image(ref))
	return err
}

// FindNetwork implements Runtime.
func (c cli) FindNetwork(ctx context.Context, name string) (*Network, error) {
	out, err := c.do(ctx, nil, "network", "inspect", name)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseNetwork(out)
}

// parseNetwork reads a network as Docker and nerdctl print it, or as podman does, in lower case. nerdctl has no word for IPv6.
func parseNetwork(out []byte) (*Network, error) {
	type subnet struct {
		Subnet string `json:"subnet"` // encoding/json matches "Subnet" too
	}
	var raw []struct {
		Name       string `json:"name"`
		EnableIPv6 bool   `json:"EnableIPv6"`
		IPAM       struct {
			Config []subnet `json:"Config"`
		} `json:"IPAM"`
		PodmanIPv6 bool     `json:"ipv6_enabled"`
		Subnets    []subnet `json:"subnets"`
	}
	if err := json.Unmarshal(out, &raw); err != nil {
		return nil, fmt.Errorf("read the runtime's description of the network: %w", err)
	}
	if len(raw) == 0 {
		return nil, errors.New("read the runtime's description of the network: it is empty")
	}
	n := &Network{Name: raw[0].Name, IPv6: raw[0].EnableIPv6 || raw[0].PodmanIPv6}
	for _, c := range append(raw[0].IPAM.Config, raw[0].Subnets...) {
		if p, err := netip.ParsePrefix(c.Subnet); err == nil {
			n.Subnets, n.IPv6 = append(n.Subnets, p), n.IPv6 || p.Addr().Is6()
		}
	}
	return n, nil
}

// RemoveNetwork implements Runtime.
func (c cli) RemoveNetwork(ctx context.Context, name string) error {
	_, err := c.do(ctx, nil, "network", "rm", name)
	return ignore(err, ErrNotFound)
}
