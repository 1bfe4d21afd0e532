package trace

import (
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Kind is the kind of a reported path.
const Kind = "Path"

// Planned is the predicted way through the cluster in one family, from a pod to a target.
type Planned struct {
	// Name is CLASS/SOURCE/TARGET/FAMILY, plus /CHECK if one target is probed in several ways. It is unique
	// within a plan, and --run and --skip match it.
	Name   string
	Class  Class
	Family inspect.Family
	Source Endpoint
	Target Endpoint
	// Hops are the way there and, marked as such, the way back: if the answer is lost, the question fails too.
	Hops  []Hop
	Probe Probe
	// Skip says why there is nothing to probe: a family that the target cannot have, or no pod to probe from.
	Skip string
	// Expect says what an answer must show, as far as the plan can tell.
	Expect Expect
}

// Meters are the counters of a path: those that its packets must move, and those that they must not.
func (p *Planned) Meters() []Meter {
	all := slices.Clone(p.Expect.Still)
	for i := range p.Hops {
		if p.Hops[i].Meter != nil {
			all = append(all, *p.Hops[i].Meter)
		}
	}
	return all
}

// Probed is a planned path with the result of its probe.
type Probed struct {
	Planned
	Result *Result // nil when nothing was sent
}

// Path is a judged path, as reported. Its plan fields are those of Planned.
type Path struct {
	Name     string           `json:"name"`
	Class    Class            `json:"class"`
	Family   inspect.Family   `json:"family"`
	Source   Endpoint         `json:"source"`
	Target   Endpoint         `json:"target"`
	Verdict  Verdict          `json:"verdict"`
	Hops     []Hop            `json:"hops,omitempty"`
	Probe    Probe            `json:"probe,omitzero"`
	Result   *Result          `json:"result,omitempty"`
	Evidence Evidence         `json:"evidence,omitzero"`
	Cause    *inspect.Finding `json:"cause,omitempty"`
	Skip     string           `json:"skip,omitempty"`
	Expect   Expect           `json:"expect,omitzero"`
}

// Report returns the path with only its plan.
func (p *Probed) Report() Path {
	path := Path{Name: p.Name, Class: p.Class, Family: p.Family, Source: p.Source, Target: p.Target, Verdict: NotSent, Hops: p.Hops,
		Probe: p.Probe, Result: p.Result, Skip: p.Skip, Expect: p.Expect}
	if p.Skip != "" {
		path.Verdict = Skip
	}
	return path
}

// Class groups the paths of the matrix.
type Class string

// The classes. Their order is that of the matrix.
const (
	SameNode  Class = "same-node"  // pod to pod, on one node
	CrossNode Class = "cross-node" // pod to pod, from node to node
	External  Class = "external"   // pod to an address outside of the cluster
	ToNode    Class = "node"       // pod to an address of a node
	Service   Class = "service"    // pod to the cluster address of a service
	NodePort  Class = "node-port"  // pod to a node port of a service, on one node
	Balancer  Class = "balancer"   // pod to an address of a service outside of the cluster: a load balancer's, or an external one
	HostPort  Class = "host-port"  // pod to another pod's port on the address of its node
	Name      Class = "dns"        // pod asks for the address of a name
	Web       Class = "http"       // pod to a service by its name
)

// Translated reports whether packets of a class go to an address that a node translates.
func (c Class) Translated() bool {
	switch c {
	case Service, NodePort, Balancer, HostPort, Web:
		return true
	}
	return false
}

// EndpointKind is the kind of an end of a path.
type EndpointKind string

// The kinds of endpoints.
const (
	Pod      EndpointKind = "pod"
	Svc      EndpointKind = "service"
	Node     EndpointKind = "node"
	Switch   EndpointKind = "switch"   // of a lab: its gateway or loopback address
	Outside  EndpointKind = "external" // an address that the cluster does not know
	HostName EndpointKind = "name"     // a DNS name
)

// Endpoint is an end of a path.
type Endpoint struct {
	Kind      EndpointKind `json:"kind"`
	Namespace string       `json:"namespace,omitempty"`
	Name      string       `json:"name,omitempty"` // of the pod, service or node, or the DNS name
	Node      string       `json:"node,omitempty"` // where it is; empty if it is not on one node
	IP        netip.Addr   `json:"ip,omitzero"`
	Port      uint16       `json:"port,omitempty"`
	// Interface is the node's end of a pod's cable (cali…).
	Interface string `json:"interface,omitempty"`
	// SeenFrom is the source address of the packets that reach it, if that is not the sender's own.
	SeenFrom netip.Addr `json:"seenFrom,omitzero"`
}

// Component is the part of the network at a hop.
type Component string

// The components, in the order in which a packet meets them.
const (
	ComponentPod      Component = "pod"      // leaves or reaches a pod
	ComponentVeth     Component = "veth"     // the cable between pod and node
	ComponentService  Component = "service"  // kube-proxy's translation of a cluster address
	ComponentPolicy   Component = "policy"   // network policies, where some select an end; in a dry run only
	ComponentRoute    Component = "route"    // the node's choice of a next hop
	ComponentNeighbor Component = "neighbor" // the next hop's Ethernet address
	ComponentFDB      Component = "fdb"      // the VTEP behind an Ethernet address
	ComponentTunnel   Component = "tunnel"   // a VXLAN device
	ComponentNAT      Component = "nat"      // masquerading of packets that leave the cluster
	ComponentUnderlay Component = "underlay" // the wire between nodes, or to the switch
	ComponentTarget   Component = "target"   // whatever answers outside of the cluster
	ComponentDNS      Component = "dns"
)

// Hop is a step of a path, like those of Antrea's Traceflow: the place, the component, and what it does.
type Hop struct {
	Node      string    `json:"node,omitempty"`
	Component Component `json:"component"`
	Action    string    `json:"action"`           // forwarded, encapsulated, decapsulated, translated, delivered, …
	Detail    string    `json:"detail,omitempty"` // as the ip command would print it
	Return    bool      `json:"return,omitempty"` // on the way back
	// Meter is the counter that a packet at this hop must move, if there is one.
	Meter *Meter `json:"meter,omitempty"`
	// UDPPort is that of a tunnel.
	UDPPort int `json:"-"`
	// Problem is the fact that contradicts the path.
	Problem *inspect.Finding `json:"problem,omitempty"`
}

// Direction of a counter, as seen by its device.
type Direction string

// The directions.
const (
	RX Direction = "rx"
	TX Direction = "tx"
)

// Meter names a packet counter of a device on a node. It is comparable.
type Meter struct {
	Node      string    `json:"node"`
	Device    string    `json:"device"`
	Direction Direction `json:"direction"`
}

// Readings are packet counts by meter: at one time, or the difference between two.
type Readings map[Meter]uint64

// Expect says what the answer of a working path must show. Zero values expect nothing.
type Expect struct {
	// TTL is the TTL or hop limit of an echo reply. It is known if every router on the way back is.
	TTL int `json:"ttl,omitempty"`
	// Answers are the addresses that a name must have in the path's family.
	Answers []netip.Addr `json:"answers,omitempty"`
	// Still are the meters that packets of this path must not move: the tunnel's, for a direct path.
	Still []Meter `json:"still,omitempty"`
	// Frontend is the address that becomes that of one of the Endpoints, and where.
	Frontend *inspect.Frontend `json:"frontend,omitempty"`
	// Endpoints are the pods behind the Frontend. One of them must answer.
	Endpoints []Endpoint `json:"endpoints,omitempty"`
	// EBPF is set if Calico's eBPF data plane translates the addresses of services, so that kube-proxy has no rules.
	EBPF bool `json:"ebpf,omitempty"`
	// Resolver is the DNS service, for a path that needs it.
	Resolver netip.Addr `json:"resolver,omitzero"`
}
