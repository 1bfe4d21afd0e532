package access

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// runtimeTimeout is how long a container runtime may take.
const runtimeTimeout = 30 * time.Second

// Runtime enters the container that a Kind node is, by the runtime of this machine. It changes nothing and does not
// need the cluster to answer.
//
// The API server says which container a node is, and two machines may both have a cluster called "kind". So Runtime
// enters a container only if the API server is on this machine, the container's labels and host name are those that Kind gave
// it, its kernel is the node's by its boot ID (a tunnel may make a remote API server look local), and it holds all
// InternalIPs of the node.
type Runtime struct {
	runner run.Runner
	server string // the API server, as the kubeconfig has it
	nodes  map[string]inspect.Node

	mu     sync.Mutex
	proven map[string]error // by node
}

// kindNode is a container that Kind made on this machine.
type kindNode struct{ runtime, cluster, name string }

var _ Way = (*Runtime)(nil)

// NewRuntime returns the access by container runtime to those of the nodes that are Kind's. The nodes are those of the API
// server at the URL or host server.
func NewRuntime(runner run.Runner, server string, nodes []inspect.Node) *Runtime {
	r := &Runtime{runner: runner, server: server, nodes: map[string]inspect.Node{}, proven: map[string]error{}}
	for _, n := range nodes {
		r.nodes[n.Name] = n
	}
	return r
}

// kindContainer reads the provider ID that Kind gives a node: kind://RUNTIME/CLUSTER/CONTAINER. Text from a cluster
// must neither choose the program that runs here nor look like an option to it.
func kindContainer(providerID string) (kindNode, bool) {
	path, ok := strings.CutPrefix(providerID, "kind://")
	parts := strings.Split(path, "/")
	if !ok || len(parts) != 3 || parts[1] == "" || parts[2] == "" || strings.HasPrefix(parts[2], "-") {
		return kindNode{}, false
	}
	return kindNode{runtime: parts[0], cluster: parts[1], name: parts[2]}, slices.Contains(container.Names(), parts[0])
}

// Name implements Way.
func (*Runtime) Name() string { return "runtime" }

// Run implements Way.
func (r *Runtime) Run(ctx context.Context, node, script string, args ...string) ([]byte, error) {
	c, ok := kindContainer(r.nodes[node].ProviderID)
	if !ok {
		return nil, Permanent(errors.New("not a Kind node"))
	}
	if err := r.prove(ctx, node, c); err != nil {
		return nil, err
	}
	return r.enter(ctx, c, shell(script, args))
}

// enter runs a command in a container.
func (r *Runtime) enter(ctx context.Context, c kindNode, command []string) ([]byte, error) {
	runtime, err := container.Named(r.runner, c.runtime)
	if err != nil {
		return nil, Permanent(err)
	}
	stdout := NewOutput(ctx, MaxOutput)
	err = WithTimeout(ctx, runtimeTimeout, func(ctx context.Context) error {
		return runtime.ExecTo(ctx, c.name, stdout, command...)
	})
	switch {
	case err == nil:
		return stdout.Bytes(), nil
	case errors.As(stdout.Refused, new(ErrTooLarge)):
		return nil, Permanent(stdout.Refused)
	case stdout.Refused != nil: // there may be room later
		return nil, stdout.Refused
	case ctx.Err() != nil:
		return nil, err
	default:
		// The runtime is on this machine: it will refuse again.
		return nil, Permanent(fmt.Errorf("enter container %s: %w", c.name, err))
	}
}

// prove checks once that a container is the node that the API server says.
func (r *Runtime) prove(ctx context.Context, node string, c kindNode) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err, done := r.proven[node]; done {
		return err
	}
	err := r.provenHere(ctx, c)
	if err == nil {
		err = r.isNode(ctx, r.nodes[node], c)
	}
	if ctx.Err() != nil || errors.As(err, new(*budget.ExceededError)) {
		return err // which proves nothing
	}
	if err != nil {
		err = Permanent(err)
	}
	r.proven[node] = err
	return err
}

// provenHere checks that the API server is on this machine: at its loopback, or at the address of a container of the same
// cluster.
func (r *Runtime) provenHere(ctx context.Context, c kindNode) error {
	host := hostOf(r.server)
	ip, err := netip.ParseAddr(host)
	if host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	for _, n := range r.nodes {
		other, ok := kindContainer(n.ProviderID)
		if ok && other.cluster == c.cluster && slices.Contains(n.InternalIPs, ip.Unmap()) {
			return r.isNode(ctx, n, other)
		}
	}
	return fmt.Errorf("the API server %s is not on this machine, so container %s here may be another cluster's", host, c.name)
}

// hostOf returns the host of a server's URL, which may lack the scheme.
func hostOf(server string) string {
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// identity prints what isNode compares, in a container.
const identity = "cat /proc/sys/kernel/random/boot_id && ip -o address show"

// isNode checks that a container is a node of its cluster, by its labels and host name from Kind, its kernel and its
// addresses.
func (r *Runtime) isNode(ctx context.Context, n inspect.Node, c kindNode) error {
	runtime, err := container.Named(r.runner, c.runtime)
	if err != nil {
		return err
	}
	found, err := runtime.Inspect(ctx, c.name)
	if err == nil && len(found) != 1 {
		err = container.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("look at container %s: %w", c.name, err)
	}
	labels := found[0].Labels
	if labels["io.x-k8s.kind.cluster"] != c.cluster || labels["io.x-k8s.kind.role"] == "" || found[0].Hostname != n.Name {
		return fmt.Errorf("container %s is not node %s of the Kind cluster %s", c.name, n.Name, c.cluster)
	}
	if len(n.InternalIPs) == 0 || n.BootID == "" {
		return fmt.Errorf("node %s has no address or boot ID to know container %s by", n.Name, c.name)
	}
	out, err := r.enter(ctx, c, shell(identity, nil))
	if err != nil {
		return err
	}
	bootID, held, _ := strings.Cut(string(out), "\n")
	if bootID != n.BootID {
		return fmt.Errorf("container %s does not have the boot ID of node %s: the node is on another machine", c.name, n.Name)
	}
	for _, ip := range n.InternalIPs {
		if !strings.Contains(held, " "+ip.String()+"/") {
			return fmt.Errorf("container %s does not hold the address %s of node %s: it is another cluster's", c.name, ip, n.Name)
		}
	}
	return nil
}
