package walk

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
)

// Kind says what happens at a step, and so which fields of it are set.
type Kind int

// The kinds. Node, Packet and Device are set where they apply.
const (
	Pod         Kind = iota // a pod sends: Device is its cable, Fault what its gateway has
	Cable                   // the packet passes the cable between pod and node: Link, Meter
	Local                   // the node itself is its target: the address is on Device
	NotHeld                 // the node itself is its target, and does not hold the address: Via, Held
	Route                   // the node looks for a way on: Decision, Forwarding; towards another node Via, Peer, Reaches
	Mask                    // the source becomes the node's address: From, To
	Unmask                  // and the destination the pod's again: From, To
	Sent                    // it goes to the node Peer as it is: Via, Link, Meter
	Routed                  // it goes to the router Via, which is to bring it to the node Peer: Link, Meter
	Received                // and arrives there: Via, Gone, Held; Meter where Device is known
	Neighbor                // Via is looked up: Neighbor, MAC
	Forward                 // the VTEP behind MAC is looked up: Forward, Host
	Encapsulate             // the tunnel device Link takes it: Meter; it sends from Via: Gone, Held
	Outer                   // the outer packet goes to the VTEP Via of Peer: Link, Decision, Gone, Held
	Decapsulate             // a tunnel device takes it out: MAC, Sender, Meter; Link where it is known
	Flow                    // eBPF picks the VTEP of the tunnel device Device: Meter
	Out                     // it leaves the cluster by Device, or comes in: Link, Meter
	Target                  // the target outside gets it, or answers
	NeedsRoute              // an answer to a pod's own address depends on the network outside
	Unknown                 // the node's tables tell nothing: Reason
)

// Packet is a packet on its way.
type Packet struct {
	Src netip.Addr
	Dst trace.Endpoint
	Own bool // the node makes it itself
	// Masked is set for an answer to an address of the node that stands for a pod's.
	Masked bool
}

// Leg is the way of a packet from one end to the other.
type Leg struct {
	// Lost is set when the kernels do not bring the packet to its end.
	Lost bool
}

// Step is one event of a packet, with its look-ups.
type Step struct {
	Kind   Kind
	Node   string // empty beyond the nodes
	Back   bool   // on the way back
	Leg    *Leg
	Packet Packet
	Device string
	Link   *inspect.Link // nil where the node was not read or has no such device
	Meter  *trace.Meter

	Decision   kernel.Decision
	Forwarding kernel.Forwarding
	Fault      string     // why the node does not answer the pod for its gateway
	Wire       Wire       // the next hop of a packet that is sent on a link
	Reaches    bool       // the decision leads to a node, or to a router on the way to it
	Router     bool       // Via is a router
	Via        netip.Addr // the next hop, or the VTEP
	Peer       string     // the node that has Via
	Gone       bool       // its node was read and does not hold Via
	Held       *inspect.LinkAddress
	From, To   netip.Addr

	MAC      inspect.MAC // of the frame
	Neighbor kernel.Neighbor
	Forward  kernel.Forward
	Host     netip.Addr    // the VTEP that the datastore has for MAC
	Sender   *inspect.Link // the tunnel device at the other end
	Reason   string
}

// Wire is the next hop of a packet on the link of several machines, as the node has its Ethernet address, and as it is.
type Wire struct {
	Next   netip.Addr
	Device string
	Entry  inspect.Neighbor
	MAC    inspect.MAC // zero where it is not known, or where the node has it
	Of     string      // who says so
	// Twice is a node that holds Next, too, which is the address of another one.
	Twice string
}

// Wrong reports whether frames go to another machine, or to none.
func (w Wire) Wrong() bool { return !w.MAC.IsZero() && w.Entry.MAC != w.MAC }

// Kept reports whether the kernel uses a wrong address without asking again: it asks for one that is stale.
func (w Wire) Kept() bool {
	return w.Wrong() && (w.Entry.State == "PERMANENT" || w.Entry.State == "REACHABLE" || w.Entry.State == "NOARP")
}

// Stopped reports whether a node that should forward a packet forwards nothing.
func (s *Step) Stopped() bool { return !s.Packet.Own && s.Forwarding.Known && !s.Forwarding.On }

// Misled reports whether a node sends a packet for its own pod elsewhere.
func (s *Step) Misled() bool {
	return s.Decision.Drops() || s.Decision.Route.Dev != s.Packet.Dst.Interface
}

// Missed reports whether the frame goes to none of its expected VTEPs.
func (s *Step) Missed() bool {
	if !s.Host.IsValid() {
		return len(s.Forward.VTEPs) == 0
	}
	for _, vtep := range s.Forward.VTEPs {
		if vtep == s.Host {
			return false
		}
	}
	return true
}

// Unlike reports whether the two ends of a tunnel are incompatible.
func (s *Step) Unlike() bool {
	return s.Link != nil && s.Sender != nil && s.Link.VXLAN != nil && s.Sender.VXLAN != nil &&
		(s.Link.VXLAN.VNI != s.Sender.VXLAN.VNI || s.Link.VXLAN.Port != s.Sender.VXLAN.Port)
}

// Refused reports whether the frame has another address than the tunnel device at its end.
func (s *Step) Refused() bool { return s.Link != nil && s.Link.MAC != s.MAC && !s.Link.MAC.IsZero() }
