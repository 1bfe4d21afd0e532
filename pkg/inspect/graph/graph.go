// Package graph computes what a picture of the cluster shows: the switch of a lab, the nodes with their pods,
// the tunnels of each family, the services, and their faults. The inspectors that verify the nodes' tables
// judge them. It does no I/O, and it draws nothing.
package graph

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix/ways"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/neighbors"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/services"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/vxlan"
)

// Addresses are the addresses of something, at most one in each family.
type Addresses = inspect.ByFamily[netip.Addr]

// Graph is the content of a picture, sorted in the order of drawing.
type Graph struct {
	Switch   *Switch // nil if the cluster is not a lab's
	Nodes    []Node
	Tunnels  []Tunnel // one for each family that has any
	Paths    []Path   // from node to node, only those not as expected
	Services []Service
	// Left counts the parts not shown, so that a picture of a large cluster stays legible.
	Left Left
	// Marked counts the parts that are not as expected, including those not shown.
	Marked int
}

// Left counts the parts left out. Each node counts its own pods.
type Left struct{ Nodes, Paths, Services int }

// Switch is the switch of a lab.
type Switch struct {
	Name     string
	Gateway  Addresses // towards the nodes
	External Addresses // stands for the world outside
}

// Node is a node with its pods.
type Node struct {
	Name      string
	Roles     []string
	Addresses Addresses
	Pods      []Pod
	More      int // pods that are not shown
	Mark
}

// Pod is a pod of a node.
type Pod struct {
	Namespace   string
	Name        string
	Addresses   Addresses
	HostNetwork bool
	Services    []int // that send to it: indices of Graph.Services
	Mark
}

// Tunnel joins the nodes' tunnel devices of a family.
type Tunnel struct {
	Family inspect.Family
	Device string // the name that the devices have
	VNI    int
	Port   int // UDP
	// Encapsulated and Direct count the paths from a node to another's pods that go through the tunnel, and past it.
	Encapsulated, Direct int
	Why                  string // why some paths are direct
	Ends                 []End  // in the order of Graph.Nodes
}

// End is the tunnel device of a node.
type End struct {
	Node    string
	Address netip.Addr // of the device
	VTEP    netip.Addr // source of the outer header
	Mark
}

// Path is the way from a node to the pods of another, in one family.
type Path struct {
	From, To string
	Family   inspect.Family
	Mark
}

// Service is a service with its addresses.
type Service struct {
	Namespace string
	Name      string
	Type      string
	Addresses Addresses
	Ports     []services.Port
	Endpoints inspect.ByFamily[*services.Endpoints]
	Mark
}

// Mark says what is wrong with a part of the graph. The zero value is the mark of a part that is as expected.
type Mark struct {
	Number   int // of the findings in pictures; 0 without findings
	Findings []inspect.Finding
}

// Marked reports whether anything is wrong or unknown.
func (m Mark) Marked() bool { return len(m.Findings) > 0 }

// Health is that of the worst finding. A part that is both broken and partly unknown is broken.
func (m Mark) Health() inspect.Health {
	worst := inspect.Healthy
	for _, f := range m.Findings {
		worst = max(worst, f.Severity.Health())
	}
	return worst
}

// The codes of the findings for which check has no rule.
const (
	NodeNotListed     inspect.Code = "node-not-listed" // pods name it, the list of nodes does not
	PodNotReady       inspect.Code = "pod-not-ready"
	ServiceNotReady   inspect.Code = "service-not-ready"       // no endpoint of a family is ready
	MissingWithDevice inspect.Code = "missing-with-the-device" // routes and entries, which the kernel drops with it
)

// Fault is a marked part, with words for its place.
type Fault struct {
	Where string
	Mark
}

// Options limit the graph.
type Options struct {
	Family inspect.Family // zero: both
	// Limit is how many nodes, pods of a node, services and broken paths are shown at most; 0 is all of them. Faulty
	// ones come first.
	Limit int
	// Serving leaves out services that send to none of the pods.
	Serving bool
}

// Needs lists the facts that Analyze uses.
func Needs() []inspect.Fact {
	facts := []inspect.Fact{inspect.FactPods, inspect.FactServices, inspect.FactEndpointSlices, inspect.FactLab}
	seen := map[inspect.Fact]bool{}
	for _, needs := range [][]inspect.Fact{vxlan.Needs(), fdb.Needs(), neighbors.Needs(), routes.Needs(), bgp.Needs()} {
		for _, fact := range needs {
			if !seen[fact] {
				seen[fact], facts = true, append(facts, fact)
			}
		}
	}
	return facts
}

// Analyze returns the graph of a snapshot.
func Analyze(s *inspect.Snapshot, o Options) *Graph {
	b := builder{snapshot: s, expected: ways.New(s), options: o, graph: &Graph{}}
	b.addSwitch()
	b.addNodes()
	b.addServices()
	b.addPods()
	b.addTunnels()
	b.addPaths()
	b.graph.Marked = len(b.graph.Faults())
	b.limit()
	b.number()
	return b.graph
}

// Faults returns the marked parts, in the order of their numbers.
func (g *Graph) Faults() []Fault {
	var all []Fault
	g.visit(func(where string, m *Mark) {
		if m.Marked() {
			all = append(all, Fault{where, *m})
		}
	})
	return all
}

// visit calls back for every part that can be marked, in the order of drawing.
func (g *Graph) visit(visit func(where string, m *Mark)) {
	for i := range g.Nodes {
		n := &g.Nodes[i]
		visit("node "+n.Name, &n.Mark)
		for j := range n.Pods {
			visit("pod "+n.Pods[j].Namespace+"/"+n.Pods[j].Name, &n.Pods[j].Mark)
		}
	}
	for i := range g.Tunnels {
		t := &g.Tunnels[i]
		for j := range t.Ends {
			visit(t.Device+" of "+t.Ends[j].Node, &t.Ends[j].Mark)
		}
	}
	for i := range g.Paths {
		p := &g.Paths[i]
		visit(p.Family.String()+" from "+p.From+" to "+p.To, &p.Mark)
	}
	for i := range g.Services {
		s := &g.Services[i]
		visit("service "+s.Namespace+"/"+s.Name, &s.Mark)
	}
}
