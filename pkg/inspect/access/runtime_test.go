package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// runnerFunc is a run.Runner made of a function.
type runnerFunc func(run.Cmd) ([]byte, error)

func (f runnerFunc) Run(_ context.Context, c run.Cmd) ([]byte, error) { return f(c) }

func TestRuntime(t *testing.T) {
	tests := map[string]struct {
		providerID string
		err        error
		want       string // the command
		wantErr    string
	}{
		"docker":                    {providerID: "kind://docker/lab/lab-worker", want: "docker exec lab-worker sh -c SCRIPT dualstack"},
		"podman":                    {providerID: "kind://podman/lab/lab-worker", want: "podman exec lab-worker sh -c SCRIPT dualstack"},
		"nerdctl":                   {providerID: "kind://nerdctl/lab/lab-worker", want: "nerdctl exec lab-worker sh -c SCRIPT dualstack"},
		"no provider":               {wantErr: "not a Kind node"},
		"a cloud":                   {providerID: "aws:///eu-west-1a/i-0123456789", wantErr: "not a Kind node"},
		"a program of its choosing": {providerID: "kind://reboot/lab/lab-worker", wantErr: "not a Kind node"},
		"a path to one":             {providerID: "kind://..//tmp/docker/lab", wantErr: "not a Kind node"},
		"an option for a name":      {providerID: "kind://docker/lab/--privileged", wantErr: "not a Kind node"},
		"no container of this name": {
			providerID: "kind://docker/lab/lab-worker",
			err:        &run.Error{Cmd: run.Cmd{Name: "docker", Args: []string{"exec"}}, Code: 1, Stderr: "Error: No such container: lab-worker"},
			wantErr:    "look at container lab-worker: no such container",
		},
		"no runtime": {
			providerID: "kind://docker/lab/lab-worker", err: exec.ErrNotFound, wantErr: "executable file not found",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var ran string
			runner := runnerFunc(func(c run.Cmd) ([]byte, error) {
				if out, ok := worker().answer(c); ok && tt.err == nil {
					return out, nil
				}
				if c.Stdout == nil {
					return nil, tt.err
				}
				ran = c.String()
				_, _ = c.Stdout.Write([]byte("printed"))
				return nil, tt.err
			})
			nodes := []inspect.Node{{Name: "lab-worker", ProviderID: tt.providerID, InternalIPs: []netip.Addr{netip.MustParseAddr("10.10.10.11")}, BootID: bootID}}
			out, err := NewRuntime(runner, "https://127.0.0.1:6443", nodes).Run(t.Context(), "lab-worker", "SCRIPT")
			checkError(t, err, tt.wantErr, true)
			if tt.wantErr == "" && (ran != tt.want || string(out) != "printed") {
				t.Errorf("ran %q, output %q", ran, out)
			}
		})
	}
}

// bootID is that of the machine of tests.
const bootID = "11c14304-03d8-47a3-bfa2-cf2245b0d8e4"

// described is a container as the runtime describes it.
type described struct{ hostname, cluster, role, bootID, addresses string }

func worker() described {
	return described{hostname: "lab-worker", cluster: "lab", role: "worker", bootID: bootID,
		addresses: "1: lo    inet 127.0.0.1/8 scope host lo\n2: eth1    inet 10.10.10.11/24 scope global eth1\n2: eth1    inet6 fd00:10:10::11/64 scope global\n"}
}

// answer answers the questions that are put before a container is believed.
func (n described) answer(c run.Cmd) ([]byte, bool) {
	switch {
	case slices.Contains(c.Args, "inspect"):
		return fmt.Appendf(nil, `[{"Config":{"Hostname":%q,"Labels":{"io.x-k8s.kind.cluster":%q,"io.x-k8s.kind.role":%q}}}]`, n.hostname, n.cluster, n.role), true
	case slices.Contains(c.Args, identity):
		_, _ = io.WriteString(c.Stdout, n.bootID+"\n"+n.addresses)
		return nil, true
	}
	return nil, false
}

// TestRuntimeProvesContainer: an API server that names a container of this machine is not believed. Another cluster's
// node, or another machine's, is not read.
func TestRuntimeProvesContainer(t *testing.T) {
	for name, test := range map[string]struct {
		server string
		edit   func(*described)
		node   func(*inspect.Node)
		want   string
	}{
		"the node":                       {},
		"by name":                        {server: "https://localhost:6443"},
		"by IPv6":                        {server: "https://[::1]:6443"},
		"without a scheme":               {server: "127.0.0.1:6443"},
		"at a node's own address":        {server: "https://10.10.10.11:6443"},
		"a remote API server":            {server: "https://203.0.113.7:6443", want: "the API server 203.0.113.7 is not on this machine"},
		"one with a name":                {server: "https://kind.example:6443", want: "is not on this machine"},
		"one whose name says localhost":  {server: "https://localhost.example:6443", want: "is not on this machine"},
		"another cluster's container":    {edit: func(n *described) { n.cluster = "kind" }, want: "is not node lab-worker of the Kind cluster lab"},
		"no node's container":            {edit: func(n *described) { n.role = "" }, want: "is not node"},
		"another node's container":       {edit: func(n *described) { n.hostname = "lab-worker2" }, want: "is not node"},
		"the same names, elsewhere":      {edit: func(n *described) { n.addresses = "2: eth0    inet 10.10.10.12/24 scope global eth0\n" }, want: "does not hold the address 10.10.10.11"},
		"an address that begins like it": {edit: func(n *described) { n.addresses = "2: eth0    inet 10.10.10.110/24\n 3: eth1   inet 110.10.10.11/24\n" }, want: "does not hold"},
		"only one of the families": {node: func(n *inspect.Node) { n.InternalIPs = append(n.InternalIPs, netip.MustParseAddr("fd00:10:10::12")) },
			want: "does not hold the address fd00:10:10::12"},
		"a node without addresses": {node: func(n *inspect.Node) { n.InternalIPs = nil }, want: "no address or boot ID to know container"},
		"a node without a boot ID": {node: func(n *inspect.Node) { n.BootID = "" }, want: "no address or boot ID to know container"},
		"another machine's cluster of the same names and addresses, through a tunnel": {
			node: func(n *inspect.Node) { n.BootID = "11c14304-03d8-47a3-bfa2-cf2245b0d8e5" },
			want: "does not have the boot ID of node lab-worker: the node is on another machine"},
	} {
		t.Run(name, func(t *testing.T) {
			container := worker()
			if test.edit != nil {
				test.edit(&container)
			}
			node := inspect.Node{Name: "lab-worker", ProviderID: "kind://docker/lab/lab-worker", InternalIPs: []netip.Addr{netip.MustParseAddr("10.10.10.11")}, BootID: bootID}
			if test.node != nil {
				test.node(&node)
			}
			entered := false
			runner := runnerFunc(func(c run.Cmd) ([]byte, error) {
				out, ok := container.answer(c)
				entered = entered || !ok
				return out, nil
			})
			_, err := NewRuntime(runner, cmp.Or(test.server, "https://127.0.0.1:6443"), []inspect.Node{node}).Run(t.Context(), "lab-worker", "SCRIPT")
			checkError(t, err, test.want, true)
			if entered != (test.want == "") {
				t.Errorf("entered: %v", entered)
			}
		})
	}
}

func TestRuntimeTooLarge(t *testing.T) {
	runner := runnerFunc(func(c run.Cmd) ([]byte, error) {
		if out, ok := worker().answer(c); ok {
			return out, nil
		}
		for {
			if _, err := c.Stdout.Write([]byte(strings.Repeat("x", 1<<20))); err != nil {
				return nil, errors.New("signal: broken pipe")
			}
		}
	})
	nodes := []inspect.Node{{Name: "lab-worker", ProviderID: "kind://docker/lab/lab-worker", InternalIPs: []netip.Addr{netip.MustParseAddr("10.10.10.11")}, BootID: bootID}}
	_, err := NewRuntime(runner, "localhost", nodes).Run(t.Context(), "lab-worker", "SCRIPT")
	checkError(t, err, "more than 16 MiB", true)
}
