// Package walk follows packets through the recorded kernels of nodes, from a pod to a target and back into the pod. It
// returns their steps, each with its look-ups. It neither judges nor describes them: package plan does, in a second pass
// over the steps.
//
// If the kernels lose a packet, the walk continues at its intended node, to show the rest of the way; the leg is marked
// as lost.
package walk

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
)

// maxNodes bounds how many nodes a packet passes: a loop ends there, as it does by the TTL.
const maxNodes = 8

// Map has the places of addresses and the nodes' kernels. It must not be changed while walkers use it.
type Map struct {
	Nodes map[string]*Node
	Hosts map[netip.Addr]string // the node that has an address
	Pools []inspect.IPPool
	VTEPs func(inspect.Family) *felix.VTEPs
}

// Node is a node on the way of packets.
type Node struct {
	Name   string
	Kernel *kernel.Node // nil where its tables were not read
	Opaque string       // why the tables do not show where packets go; empty if they do
}

// kernelOf returns the kernel of a node, or nil.
func (m *Map) kernelOf(name string) *kernel.Node {
	if n := m.Nodes[name]; n != nil {
		return n.Kernel
	}
	return nil
}

// Link returns a device of a node, or nil.
func (m *Map) Link(node, device string) *inspect.Link {
	if k := m.kernelOf(node); k != nil {
		return k.Link(device)
	}
	return nil
}

// SourceOn is the source address that a node gives to packets of its own for an address, and to those that it masquerades, or the
// zero Addr.
func (m *Map) SourceOn(node string, to netip.Addr) netip.Addr {
	k := m.kernelOf(node)
	if k == nil {
		return netip.Addr{}
	}
	d := k.Lookup(netip.Addr{}, to)
	if d.Drops() {
		return netip.Addr{}
	}
	return k.SourceOf(&d, inspect.FamilyOf(to))
}

// PoolOf returns the Calico pool that an address is from, or nil.
func (m *Map) PoolOf(a netip.Addr) *inspect.IPPool { return inspect.PoolOf(m.Pools, a) }

// Walker follows the packets of one path in one family.
type Walker struct {
	*Map
	Family inspect.Family
	// Routers is how many of them have passed the answer on.
	Routers int
	// Uncertain is set if a part of the way is unknown. Then the number of routers is unknown too.
	Uncertain bool

	steps  []Step
	back   bool
	leg    *Leg
	masked netip.Addr // the node's address that stands for the pod's
	exit   *exit
}

// exit is where a packet left the cluster.
type exit struct{ node, device string }

// New returns a walker for one path.
func New(m *Map, f inspect.Family) *Walker { return &Walker{Map: m, Family: f, leg: &Leg{}} }

func (w *Walker) add(s Step) {
	s.Back, s.Leg = w.back, w.leg
	w.steps = append(w.steps, s)
}

// taken returns the steps since the last call.
func (w *Walker) taken() []Step {
	steps := w.steps
	w.steps = nil
	return steps
}

// Leave takes a packet out of a pod, into its node. A node has it already.
func (w *Walker) Leave(source trace.Endpoint) []Step {
	if source.Kind != trace.Node {
		w.leave(source)
	}
	return w.taken()
}

// Return hands an answer to the pod that asked, where the way back is not known.
func (w *Walker) Return(pod trace.Endpoint) []Step {
	w.back = true
	w.cable(pod, trace.TX)
	return w.taken()
}

// There goes from the node of a source to a target on a node.
func (w *Walker) There(source, target trace.Endpoint) []Step {
	w.carry(source.Node, source.Interface, Packet{Src: source.IP, Dst: target, Own: source.Kind == trace.Node})
	return w.taken()
}

// Masked is the address of a node that stands for that of the source, or the zero Addr.
func (w *Walker) Masked() netip.Addr { return w.masked }

// RoundTrip goes from the node of a source to a target, and with the answer back.
func (w *Walker) RoundTrip(source, target trace.Endpoint) []Step {
	return w.roundTrip(source, target, source.Kind == trace.Node)
}

// Relay does the same for packets that the source, a node, passes on.
func (w *Walker) Relay(source, target trace.Endpoint) []Step {
	return w.roundTrip(source, target, false)
}

func (w *Walker) roundTrip(source, target trace.Endpoint, own bool) []Step {
	w.carry(source.Node, source.Interface, Packet{Src: source.IP, Dst: target, Own: own})
	if target.Node == "" {
		w.add(Step{Kind: Target, Packet: Packet{Dst: target}})
	}
	w.back = true
	w.answer(source, target)
	return w.taken()
}

// answer follows the answer from any target back into the pod that asked. Every way back uses it.
func (w *Walker) answer(source, target trace.Endpoint) {
	toSource := Packet{Src: target.IP, Dst: source}
	switch {
	case target.Node == "":
		w.add(Step{Kind: Target, Packet: Packet{Dst: target}})
		w.comeIn(source, target)
	case target.Kind == trace.Pod && target.Interface != "":
		w.leave(target)
		w.carry(target.Node, target.Interface, toSource)
	case !w.masked.IsValid():
		toSource.Own = true
		w.carry(target.Node, "", toSource)
	default:
		at := trace.Endpoint{Kind: trace.Node, Name: source.Node, Node: source.Node, IP: w.masked}
		w.carry(target.Node, "", Packet{Src: target.IP, Dst: at, Own: true, Masked: true})
		w.unmask(source.Node, source.IP)
		w.carry(source.Node, w.deviceOn(source.Node, w.masked), toSource)
	}
}

// comeIn takes an answer from outside into the cluster, by the node and device by which the question left it.
func (w *Walker) comeIn(source, target trace.Endpoint) {
	pk := Packet{Src: target.IP, Dst: source}
	if w.exit == nil {
		w.cable(source, trace.TX)
		return
	}
	device := w.exit.device
	switch {
	case w.masked.IsValid():
		w.wire(w.exit.node, device, trace.RX, pk)
		w.unmask(w.exit.node, source.IP)
	case source.Kind == trace.Node:
		w.wire(w.exit.node, device, trace.RX, pk)
	default:
		// The network outside decides by which node an answer to a pod's own address comes in.
		w.Uncertain, device = true, ""
		w.add(Step{Kind: NeedsRoute, Packet: Packet{Src: source.IP, Dst: target}})
	}
	w.carry(w.exit.node, device, pk)
}

func (w *Walker) leave(pod trace.Endpoint) {
	s := Step{Kind: Pod, Node: pod.Node, Device: pod.Interface}
	if k := w.kernelOf(pod.Node); k != nil && pod.Interface != "" {
		gateway := calico.PodGateway(w.Family.Is6())
		s.Fault = k.GatewayFault(w.Family, pod.Interface, gateway, w.holder(gateway, "") != "")
	}
	w.add(s)
	w.cable(pod, trace.RX)
}

func (w *Walker) cable(pod trace.Endpoint, d trace.Direction) {
	if pod.Interface != "" {
		w.add(Step{Kind: Cable, Node: pod.Node, Device: pod.Interface, Link: w.Link(pod.Node, pod.Interface),
			Meter: meter(pod.Node, pod.Interface, d)})
	}
}

// carry follows a packet from a node on, which it has entered by a device, until it is delivered or leaves the cluster.
func (w *Walker) carry(at, device string, pk Packet) {
	w.leg = &Leg{}
	for range maxNodes {
		n := w.Nodes[at]
		if n == nil || n.Kernel == nil || n.Opaque != "" {
			w.unknown(at, n, pk)
			return
		}
		next, in := w.step(n, device, pk)
		if next == at {
			w.leg.Lost = true
		}
		if next == "" || next == at {
			return
		}
		at, device, pk.Own = next, in, false
		if w.leg.Lost {
			at = pk.Dst.Node // continue as if it had arrived
		}
	}
}

// unknown is a node whose tables tell nothing.
func (w *Walker) unknown(at string, n *Node, pk Packet) {
	w.Uncertain = true
	reason := "the node is not known"
	if n != nil {
		reason = n.Opaque
	}
	w.add(Step{Kind: Unknown, Node: at, Reason: reason})
	if pk.Dst.Kind == trace.Pod {
		w.cable(pk.Dst, trace.TX)
	}
}

// step is what one node does with a packet. It returns the next node and the device by which the packet enters it, or
// none where the packet is delivered or leaves the cluster.
func (w *Walker) step(n *Node, device string, pk Packet) (next, in string) {
	here := pk.Dst.Node == n.Name
	if n.Kernel.Holds(pk.Dst.IP) {
		if !pk.Masked {
			w.add(Step{Kind: Local, Node: n.Name, Packet: pk, Device: n.Kernel.DeviceOf(pk.Dst.IP)})
		}
		return "", ""
	}
	s := Step{Kind: Route, Node: n.Name, Packet: pk, Decision: n.Kernel.Lookup(pk.Src, pk.Dst.IP),
		Forwarding: n.Kernel.Forwards(w.Family, device)}
	w.Uncertain = w.Uncertain || len(s.Decision.Doubts) > 0
	if w.back && !pk.Own {
		w.Routers++
	}
	w.leg.Lost = w.leg.Lost || s.Stopped()
	switch {
	case here && pk.Dst.Interface != "" && pk.Dst.Kind == trace.Pod:
		w.leg.Lost = w.leg.Lost || s.Misled()
		w.add(s)
		w.cable(pk.Dst, trace.TX)
	case here && w.Hosts[pk.Dst.IP] == n.Name:
		w.leg.Lost = true
		w.add(Step{Kind: NotHeld, Node: n.Name, Packet: pk, Via: pk.Dst.IP, Held: n.Kernel.Address(pk.Dst.IP)})
	case here: // by an unknown cable
		w.add(s)
	case pk.Dst.Node != "":
		return w.toNode(n, s)
	default:
		w.toOutside(n, s)
	}
	return "", ""
}

// toNode sends a packet on towards another node.
func (w *Walker) toNode(n *Node, s Step) (next, in string) {
	d, pk := &s.Decision, s.Packet
	s.Via = nextHop(d, pk.Dst.IP)
	tunnel := d.Type == kernel.Unicast && n.Kernel.IsVXLAN(d.Route.Dev)
	s.Peer = w.Hosts[s.Via]
	s.Router = !tunnel && s.Peer == "" && w.routed(n, &s)
	s.Reaches = !d.Drops() && (tunnel || s.Peer != "" || s.Router)
	w.add(s)
	if !s.Reaches {
		w.leg.Lost = true
		return pk.Dst.Node, ""
	}
	if w.masks(n, pk) {
		w.mask(n, d, pk)
	}
	switch {
	case tunnel:
		return w.encapsulate(n, &s)
	case s.Router:
		return w.routedOn(n, &s)
	}
	return w.direct(n, &s)
}

// routed reports whether a packet for another node may go by a router that is no node: to the node itself, if they share no link, or to
// a pod, if its pool is not encapsulated and the route is for its block: BGP, or an administrator, has told the routers of the blocks. A
// default route does not count for a block: it is what is left where BGP has brought none.
func (w *Walker) routed(n *Node, s *Step) bool {
	d, dst := &s.Decision, s.Packet.Dst
	if d.Type != kernel.Unicast || !d.Route.Gateway.IsValid() {
		return false
	}
	if dst.Kind != trace.Pod || dst.Interface == "" {
		return !n.Kernel.OnLink(dst.IP)
	}
	pool := w.PoolOf(dst.IP)
	return pool != nil && pool.VXLANMode.None() && pool.IPIPMode.None() && d.Route.Dst.Bits() > 0
}

// routedOn passes a packet to a router. The way behind it is unknown up to the target's node.
func (w *Walker) routedOn(n *Node, s *Step) (next, in string) {
	dev := s.Decision.Route.Dev
	w.Uncertain = true
	w.add(Step{Kind: Routed, Node: n.Name, Packet: s.Packet, Via: s.Via, Peer: s.Packet.Dst.Node, Device: dev, Link: n.Kernel.Link(dev),
		Meter: meter(n.Name, dev, trace.TX), Wire: w.wireTo(n, dev, s.Via)})
	return s.Packet.Dst.Node, ""
}

// direct passes a packet to another node as it is.
func (w *Walker) direct(n *Node, s *Step) (next, in string) {
	dev := s.Decision.Route.Dev
	sent := Step{Kind: Sent, Node: n.Name, Packet: s.Packet, Via: s.Via, Peer: s.Peer, Device: dev, Link: n.Kernel.Link(dev),
		Meter: meter(n.Name, dev, trace.TX), Wire: w.wireTo(n, dev, s.Via)}
	w.leg.Lost = w.leg.Lost || sent.Wire.Kept()
	w.add(sent)
	received := Step{Kind: Received, Node: s.Peer, Packet: s.Packet, Via: s.Via, Device: w.deviceOn(s.Peer, s.Via)}
	if received.Device != "" {
		received.Meter = meter(s.Peer, received.Device, trace.RX)
	}
	received.Gone, received.Held = w.gone(s.Peer, s.Via)
	w.leg.Lost = w.leg.Lost || received.Gone
	w.add(received)
	return s.Peer, received.Device
}

// gone reports whether a node that was read lacks an address that it should have, and returns the kernel's entry for it.
func (w *Walker) gone(node string, a netip.Addr) (bool, *inspect.LinkAddress) {
	k := w.kernelOf(node)
	if k == nil || k.Holds(a) {
		return false, nil
	}
	return true, k.Address(a)
}

func (w *Walker) deviceOn(node string, a netip.Addr) string {
	if k := w.kernelOf(node); k != nil {
		return k.DeviceOf(a)
	}
	return ""
}

func meter(node, device string, d trace.Direction) *trace.Meter {
	return &trace.Meter{Node: node, Device: device, Direction: d}
}
