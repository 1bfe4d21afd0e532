package trace

import (
	"context"
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Prober does a trace's work in a cluster. Package probe has the real one. All methods are safe for concurrent use.
type Prober interface {
	Sender
	Observer
}

// NodeSource is the source that stands for a node itself: a pod without a name, on the network of the node. Its namespace is that
// of the names that a trace looks up.
func NodeSource(node, namespace string) inspect.Pod {
	return inspect.Pod{Namespace: namespace, Node: node, HostNetwork: true}
}

// IsNode reports whether a source stands for a node.
func IsNode(source inspect.Pod) bool { return source.Name == "" }

// Sender sends probes from pods, and from nodes.
type Sender interface {
	// Probe runs probes in a pod, or on the network of a node, all at once and in one exec, and returns a Result for each of them, in their order.
	// It fails when it cannot run them at all; the failure of a single one is in its Result.
	Probe(ctx context.Context, source inspect.Pod, probes []Probe) ([]Result, error)
	// Close ends leftovers of Probe, such as ephemeral containers, and names them.
	Close(ctx context.Context) (notes []string, err error)
}

// Observer reads facts that change during probes, or that matter only to failed paths.
type Observer interface {
	// Counters reads the packet counters of all devices of the nodes, in one exec for each and all at once. A node
	// that cannot be read is absent, with the reason in missing.
	Counters(ctx context.Context, nodes []string) (Readings, []inspect.Missing)
	// Listeners says in which families a TCP port of a pod listens, by the kernel's tables of sockets.
	Listeners(ctx context.Context, pod inspect.Pod, port uint16) (Listening, error)
	// Footing says what a pod's own network has for an address of the pod, by the kernel's tables there.
	Footing(ctx context.Context, pod inspect.Pod, own netip.Addr) (Footing, error)
	// Silent names the nodes whose kubelet has not answered so far.
	Silent() []string
	// ServiceRule reports whether a node has a rule for a frontend.
	ServiceRule(ctx context.Context, at inspect.Frontend) (inspect.ServiceRule, error)
}

// Footing is what a pod's network must have to send in a family, and to be answered.
type Footing struct {
	Held bool // the address, in use
	// Tentative is set while the address may not be used: it is still looked for elsewhere, or was found there.
	Tentative bool
	Default   bool // a default route of the family
}

// Listening says in which families a port accepts connections. An IPv6 wildcard usually accepts both.
type Listening struct {
	IPv4, IPv6 bool
	// Intact is set if the pod's kernel has never seen a segment of TCP with a wrong checksum.
	Intact bool
}
