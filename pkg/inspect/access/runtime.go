package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

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
// it, and it holds all InternalIPs of the node.
type Runtime struct {
	runner run.Runner
	server string // the API server, as the kubeconfig has it
	nodes  map[string]inspect.Node

	mu     sync.Mutex
	proven map[string]error // by node
}

// container is a container of this machine.
type container struct{ runtime, cluster, name string }

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
func kindContainer(providerID string) (container, bool) {
	path, ok := strings.CutPrefix(providerID, "kind://")
	parts := strings.Split(path, "/")
	if !ok || len(parts) != 3 || parts[1] == "" || parts[2] == "" || strings.HasPrefix(parts[2], "-") {
		return container{}, false
	}
	switch parts[0] {
	case "docker", "podman", "nerdctl":
		return container{runtime: parts[0], cluster: parts[1], name: parts[2]}, true
	default:
		return container{}, false
	}
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
func (r *Runtime) enter(ctx context.Context, c container, command []string) ([]byte, error) {
	stdout := &Buffer{Limit: MaxOutput}
	err := WithTimeout(ctx, runtimeTimeout, func(ctx context.Context) error {
		args := append([]string{"exec", c.name}, command...)
		_, err := r.runner.Run(ctx, run.Cmd{Name: c.runtime, Args: args, Stdout: stdout})
		return err
	})
	switch {
	case err == nil:
		return stdout.Bytes(), nil
	case stdout.Len() == MaxOutput:
		return nil, Permanent(ErrTooLarge{Limit: MaxOutput})
	case ctx.Err() != nil:
		return nil, err
	default:
		// The runtime is on this machine: it will refuse again.
		return nil, Permanent(fmt.Errorf("enter container %s: %w", c.name, err))
	}
}

// prove checks once that a container is the node that the API server says.
func (r *Runtime) prove(ctx context.Context, node string, c container) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err, done := r.proven[node]; done {
		return err
	}
	err := r.provenHere(ctx, c)
	if err == nil {
		err = r.isNode(ctx, r.nodes[node], c)
	}
	if err != nil && ctx.Err() == nil {
		err = Permanent(err)
	}
	if ctx.Err() == nil {
		r.proven[node] = err
	}
	return err
}

// provenHere checks that the API server is on this machine: at its loopback, or at the address of a container of the same
// cluster.
func (r *Runtime) provenHere(ctx context.Context, c container) error {
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

// isNode checks that a container is a node of its cluster, by its labels and host name from Kind and its addresses.
func (r *Runtime) isNode(ctx context.Context, n inspect.Node, c container) error {
	out, err := r.runner.Run(ctx, run.Cmd{Name: c.runtime, Args: []string{"container", "inspect", "--format", "{{json .Config}}", c.name}})
	if err != nil {
		return fmt.Errorf("look at container %s: %w", c.name, err)
	}
	var config struct {
		Hostname string            `json:"Hostname"`
		Labels   map[string]string `json:"Labels"`
	}
	if err := json.Unmarshal(out, &config); err != nil {
		return fmt.Errorf("look at container %s: %w", c.name, err)
	}
	if config.Labels["io.x-k8s.kind.cluster"] != c.cluster || config.Labels["io.x-k8s.kind.role"] == "" || config.Hostname != n.Name {
		return fmt.Errorf("container %s is not node %s of the Kind cluster %s", c.name, n.Name, c.cluster)
	}
	held, err := r.enter(ctx, c, []string{"ip", "-o", "address", "show"})
	if err != nil {
		return err
	}
	for _, ip := range n.InternalIPs {
		if !strings.Contains(string(held), " "+ip.String()+"/") {
			return fmt.Errorf("container %s does not hold the address %s of node %s: it is another cluster's", c.name, ip, n.Name)
		}
	}
	if len(n.InternalIPs) == 0 {
		return fmt.Errorf("node %s has no address to know container %s by", n.Name, c.name)
	}
	return nil
}
