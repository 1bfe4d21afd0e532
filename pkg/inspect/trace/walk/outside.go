package walk

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
)

// masks reports whether a node replaces a pod's address by its own: Felix sets this for packets that leave the pools, if the
// pod's pool has natOutgoing (felix/rules/nat.go). Destinations in any pool are excluded.
func (w *Walker) masks(n *Node, pk Packet) bool {
	if w.back || pk.Own || w.masked.IsValid() || pk.Dst.Node == n.Name {
		return false
	}
	pool := w.PoolOf(pk.Src)
	return pool != nil && pool.NATOutgoing && w.PoolOf(pk.Dst.IP) == nil
}

func (w *Walker) mask(n *Node, d *kernel.Decision, pk Packet) {
	w.masked = n.Kernel.SourceOf(d, w.Family)
	w.add(Step{Kind: Mask, Node: n.Name, Packet: pk, Device: d.Route.Dev, From: pk.Src, To: w.masked})
}

func (w *Walker) unmask(node string, pod netip.Addr) {
	w.add(Step{Kind: Unmask, Node: node, From: w.masked, To: pod})
}

// toOutside sends a packet out of the cluster.
func (w *Walker) toOutside(n *Node, s Step) {
	w.leg.Lost = w.leg.Lost || s.Decision.Drops()
	w.add(s)
	if w.masks(n, s.Packet) {
		w.mask(n, &s.Decision, s.Packet)
	}
	w.exit = &exit{node: n.Name}
	if !s.Decision.Drops() {
		w.exit.device = s.Decision.Route.Dev
	}
	w.wire(n.Name, w.exit.device, trace.TX, s.Packet)
	if w.exit.device != "" {
		out := &w.steps[len(w.steps)-1]
		out.Wire = w.wireTo(n, w.exit.device, nextHop(&s.Decision, s.Packet.Dst.IP))
		w.leg.Lost = w.leg.Lost || out.Wire.Kept()
	}
}

// wire adds the passage of a packet between a node and the network outside.
func (w *Walker) wire(node, device string, d trace.Direction, pk Packet) {
	if device != "" {
		w.add(Step{Kind: Out, Node: node, Device: device, Link: w.Link(node, device), Meter: meter(node, device, d), Packet: pk,
			To: w.masked})
	}
}
