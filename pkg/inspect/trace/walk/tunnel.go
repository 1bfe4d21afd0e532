package walk

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// encapsulate sends a packet through a tunnel device: next hop, Ethernet address, VTEP, outer header. The kernel sends nothing
// from an address that the node does not hold. It returns where the frame is decapsulated.
func (w *Walker) encapsulate(n *Node, s *Step) (next, in string) {
	dev, pk := s.Decision.Route.Dev, s.Packet
	link := n.Kernel.Link(dev)
	if link.VXLAN != nil && link.VXLAN.FlowBased {
		w.Uncertain = true
		w.add(Step{Kind: Flow, Node: n.Name, Device: dev, Meter: meter(n.Name, dev, trace.TX)})
		return pk.Dst.Node, dev
	}
	mac := w.neighbor(n, dev, s.Via)
	to := w.forward(n, dev, mac, s.Via)
	taken := Step{Kind: Encapsulate, Node: n.Name, Packet: pk, Device: dev, Link: link, Meter: meter(n.Name, dev, trace.TX)}
	if link.VXLAN != nil && link.VXLAN.Local.IsValid() {
		taken.Via = link.VXLAN.Local
		taken.Gone, taken.Held = w.gone(n.Name, taken.Via)
		w.leg.Lost = w.leg.Lost || taken.Gone
	}
	w.add(taken)
	if len(to) > 0 && link.VXLAN != nil {
		w.outer(n, link, to[0])
	}
	next = w.receiver(dev, mac, to)
	if next == "" {
		w.leg.Lost = true
		next = pk.Dst.Node
	}
	out := Step{Kind: Decapsulate, Node: next, Packet: pk, Device: dev, MAC: mac, Peer: n.Name, Link: w.Link(next, dev), Sender: link,
		Meter: meter(next, dev, trace.RX)}
	missing := w.kernelOf(next) != nil && (out.Link == nil || !out.Link.Up)
	w.leg.Lost = w.leg.Lost || missing || out.Unlike() || out.Refused()
	w.add(out)
	return next, dev
}

// VTEPAt returns the VTEP that has a tunnel address, or nil.
func (w *Walker) VTEPAt(a netip.Addr) *felix.VTEP {
	vteps := w.VTEPs(w.Family)
	if i, ok := vteps.WithTunnel(a); ok {
		return vteps.At(i)
	}
	return nil
}

// neighbor looks up the Ethernet address of a next hop. If the table has none, it returns the expected one.
func (w *Walker) neighbor(n *Node, dev string, via netip.Addr) inspect.MAC {
	found := n.Kernel.Neighbor(dev, via)
	mac := found.Entry.MAC
	if vtep := w.VTEPAt(via); !found.Found && vtep != nil {
		mac = vtep.MAC
	}
	w.leg.Lost = w.leg.Lost || !found.Found
	w.add(Step{Kind: Neighbor, Node: n.Name, Device: dev, Via: via, Neighbor: found, MAC: mac})
	return mac
}

// forward looks up the VTEP behind an Ethernet address.
func (w *Walker) forward(n *Node, dev string, mac inspect.MAC, via netip.Addr) []netip.Addr {
	s := Step{Kind: Forward, Node: n.Name, Device: dev, MAC: mac, Forward: n.Kernel.Forward(dev, mac)}
	vteps := w.VTEPs(w.Family)
	if i, ok := vteps.WithMAC(mac); ok {
		s.Host, s.Peer = vteps.At(i).Host, vteps.At(i).Node
	} else if vtep := w.VTEPAt(via); vtep != nil && vtep.MAC == mac {
		s.Host = vtep.Host
	}
	w.leg.Lost = w.leg.Lost || s.Missed()
	w.add(s)
	return s.Forward.VTEPs
}

// outer sends the outer packet.
func (w *Walker) outer(n *Node, link *inspect.Link, to netip.Addr) {
	s := Step{Kind: Outer, Node: n.Name, Link: link, Via: to, Peer: w.Hosts[to], Decision: n.Kernel.Lookup(netip.Addr{}, to)}
	s.Gone, s.Held = w.gone(s.Peer, to)
	if !s.Decision.Drops() {
		s.Wire = w.wireTo(n, s.Decision.Route.Dev, nextHop(&s.Decision, to))
	}
	w.leg.Lost = w.leg.Lost || s.Decision.Drops() || s.Gone || s.Wire.Kept()
	w.add(s)
}

// receiver is the node that decapsulates a frame: the one among its destinations whose device has the frame's address.
// The others drop it.
func (w *Walker) receiver(dev string, mac inspect.MAC, to []netip.Addr) string {
	for _, vtep := range to {
		name := w.Hosts[vtep]
		if w.Nodes[name] == nil {
			continue
		}
		own := inspect.MAC{}
		if l := w.Link(name, dev); l != nil {
			own = l.MAC
		}
		if own.IsZero() { // not read, or absent: the next step says so
			if i, ok := w.VTEPs(w.Family).OfNode(name); ok {
				own = w.VTEPs(w.Family).At(i).MAC
			}
		}
		if own == mac {
			return name
		}
	}
	// If the frame reached the right node, the fault is on that node.
	if len(to) > 0 && !w.leg.Lost {
		return w.Hosts[to[0]]
	}
	return ""
}
