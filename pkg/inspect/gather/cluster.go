package gather

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// Cluster is a live cluster.
type Cluster struct {
	Clients
	// Config is for the API server, which also runs the commands in pods.
	Config *rest.Config
	Options
	// Silence knows the nodes whose kubelet has not answered.
	Silence access.Silence

	ways func([]inspect.Node) []access.Way // replaces those of Ways in tests
}

// Clients are the clients of the API server.
type Clients struct {
	Kubernetes kubernetes.Interface
	Dynamic    dynamic.Interface // for Calico's objects
}

// Options say how nodes are entered. The zero value works.
type Options struct {
	// NodeAccess is one of NodeAccesses; empty is AccessAuto.
	NodeAccess string
	// Image is the image of debug pods, with sh and iproute2; empty is the image of the node's calico-node.
	Image string
}

// AccessAuto tries every way into a node until one works: first those that change nothing.
const AccessAuto = "auto"

// NodeAccesses returns the values of Options.NodeAccess.
func NodeAccesses() []string { return []string{AccessAuto, "exec", "debug", "runtime"} }

// DebugNamespace is where a debug pod runs. It shares its node's network, which other namespaces may not admit.
const DebugNamespace = "kube-system"

var _ Source = (*Cluster)(nil)

// NewCluster returns the cluster of a server. Kubernetes' own objects travel as protobuf, which costs a fraction of JSON
// in time and memory. The client does not limit its rate, since the server has its own priority and fairness.
func NewCluster(config *rest.Config, opts Options) (*Cluster, error) {
	if opts.NodeAccess != "" && !slices.Contains(NodeAccesses(), opts.NodeAccess) {
		return nil, fmt.Errorf("node access %q: use one of %v", opts.NodeAccess, NodeAccesses())
	}
	own := rest.CopyConfig(config)
	own.QPS = -1
	own.Wrap(func(next http.RoundTripper) http.RoundTripper { return patience{next} })
	client, err := rest.HTTPClientFor(own)
	if err != nil {
		return nil, err
	}
	dyn, err := dynamic.NewForConfigAndClient(own, client)
	if err != nil {
		return nil, err
	}
	own.ContentType = "application/vnd.kubernetes.protobuf"
	own.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	typed, err := kubernetes.NewForConfigAndClient(own, client)
	if err != nil {
		return nil, err
	}
	return &Cluster{Clients: Clients{Kubernetes: typed, Dynamic: dyn}, Config: config, Options: opts}, nil
}

// maxRetryAfter is how long a server may make the client wait before the next of ten attempts, in seconds.
const maxRetryAfter = 2

// patience bounds the wait that a server asks for with Retry-After.
type patience struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p patience) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(req)
	if err == nil {
		if seconds, convErr := strconv.Atoi(resp.Header.Get("Retry-After")); convErr == nil && seconds > maxRetryAfter {
			resp.Header.Set("Retry-After", strconv.Itoa(maxRetryAfter))
		}
	}
	return resp, err
}

// Cluster implements Source.
func (c *Cluster) Cluster() (*Cluster, error) { return c, nil }

// Ways returns the ways into the nodes in the order in which they are tried.
func (c *Cluster) Ways(nodes []inspect.Node) []access.Way {
	if c.ways != nil {
		return c.ways(nodes)
	}
	all := []access.Way{
		access.NewExec(c.Config, c.Kubernetes, &c.Silence),
		access.NewRuntime(run.Host{}, c.Config.Host, nodes),
		access.NewDebug(c.Kubernetes, DebugNamespace, c.Image, &c.Silence),
	}
	if c.NodeAccess == "" || c.NodeAccess == AccessAuto {
		return all
	}
	return slices.DeleteFunc(all, func(w access.Way) bool { return w.Name() != c.NodeAccess })
}
