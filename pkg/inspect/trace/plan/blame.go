package plan

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/walk"
)

// blame returns the fault at a step: what the kernel does to the packet, or how its tables differ from what Felix should
// have programmed. Nil means no fault.
func (w *way) blame(s *walk.Step) *inspect.Finding {
	if cause := w.blameWire(s); cause != nil {
		return cause
	}
	switch s.Kind {
	case walk.Pod:
		if s.Fault != "" {
			gateway := calico.PodGateway(w.family.Is6())
			return trace.Cause(trace.PodGateway, s.Node, trace.OnNode(s.Node, "ip", "-d", "address", "show", "dev", s.Device),
				"node %s does not answer the pod on %s for its gateway %s: %s", s.Node, s.Device, gateway, s.Fault)
		}
	case walk.NotHeld:
		return w.lostAddress(s.Node, s.Packet.Dst.IP, s.Held, "packets to it are not accepted")
	case walk.Received:
		if s.Gone {
			return w.lostAddress(s.Node, s.Via, s.Held, "packets to it do not arrive")
		}
	case walk.Mask:
		if !s.To.IsValid() {
			return trace.Cause(trace.AddressLost, s.Node, showAddresses(s.Node), "node %s has no %s address: it cannot translate the pod's to its own",
				s.Node, w.family)
		}
	case walk.Route:
		return w.blameRoute(s)
	case walk.Neighbor:
		return w.blameNeighbor(s)
	case walk.Forward:
		return w.blameForward(s)
	case walk.Encapsulate:
		if s.Gone {
			return w.lostAddress(s.Node, s.Via, s.Held, "its tunnel cannot send from it")
		}
		return w.blameDevice(s.Node, true)
	case walk.Outer:
		return w.blameOuter(s)
	case walk.Decapsulate:
		return w.blameEnd(s)
	}
	return nil
}

// blameWire returns the fault in the Ethernet address of the next hop on a link. One that the kernel would ask for again is a deviation.
func (w *way) blameWire(s *walk.Step) *inspect.Finding {
	wire := &s.Wire
	switch owner := w.ground.Hosts[wire.Next]; {
	case wire.Twice != "":
		return trace.Cause(trace.AddressLost, wire.Twice, showAddresses(wire.Twice),
			"node %s holds the address %s of node %s, too: packets to it arrive at the one or the other", wire.Twice, wire.Next, owner)
	case !wire.Wrong():
		return nil
	}
	cause := trace.Cause(trace.NeighborWrong, s.Node, trace.OnNode(s.Node, "ip", "neighbor", "show", "to", wire.Next.String(), "dev", wire.Device),
		"the neighbour entry of node %s for %s on %s has %s (%s); expected %s, of %s", s.Node, wire.Next, wire.Device, wire.Entry.MAC, wire.Entry.State, wire.MAC, wire.Of)
	if wire.Of == "the other nodes" {
		cause.Summary = fmt.Sprintf("the neighbour entry of node %s for %s on %s has %s (%s); the other nodes have %s", s.Node, wire.Next, wire.Device,
			wire.Entry.MAC, wire.Entry.State, wire.MAC)
	}
	if !wire.Kept() {
		cause.Severity = inspect.SeverityWarning
	}
	return cause
}

// deviation marks a cause as a warning unless the packet is lost: the path may still work.
func deviation(s *walk.Step, cause *inspect.Finding) *inspect.Finding {
	if !s.Leg.Lost {
		cause.Severity = inspect.SeverityWarning
	}
	return cause
}

// lostAddress is a node that lacks an address that the datastore gives it.
func (w *way) lostAddress(node string, a netip.Addr, held *inspect.LinkAddress, effect string) *inspect.Finding {
	state := "does not hold its address " + a.String()
	switch {
	case held != nil && held.DADFailed:
		state = fmt.Sprintf("may not use its address %s on %s, which another machine has too (dadfailed)", a, held.Link)
	case held != nil && held.Tentative:
		state = fmt.Sprintf("does not use its address %s on %s yet (tentative)", a, held.Link)
	}
	return trace.Cause(trace.AddressLost, node, showAddresses(node),
		"node %s %s: %s", node, state, effect)
}

// blameRoute returns the fault in a node's route.
func (w *way) blameRoute(s *walk.Step) *inspect.Finding {
	dst := s.Packet.Dst
	switch {
	case s.Stopped():
		return trace.Cause(trace.Forwarding, s.Node, trace.OnNode(s.Node, "sysctl", s.Forwarding.Key),
			"node %s does not forward %s: %s is 0", s.Node, w.family, s.Forwarding.Key)
	case dst.Node == "":
		return w.blameExit(s)
	case dst.Node != s.Node:
		return w.blameToNode(s)
	case dst.Kind == trace.Pod && dst.Interface != "" && s.Misled():
		return trace.Cause(dropCode(&s.Decision), s.Node, w.routeGet(s.Node, dst.IP), "node %s has no route to its own pod %s (%s dev %s): %s",
			s.Node, dst.Name, dst.IP, dst.Interface, insteadText(&s.Decision))
	}
	return nil
}

// blameExit returns the fault in the way out of the cluster. In a lab the gateway is known.
func (w *way) blameExit(s *walk.Step) *inspect.Finding {
	d, dst := &s.Decision, s.Packet.Dst
	gateway := w.s.Lab.Gateway.Get(w.family)
	switch {
	case d.Drops():
		return trace.Cause(dropCode(d), s.Node, w.routeGet(s.Node, dst.IP), "node %s has no route to %s: %s", s.Node, dst.IP, insteadText(d))
	case dst.Kind != trace.Switch || !gateway.IsValid() || dst.IP == gateway || d.Route.Gateway == gateway:
		return nil
	default:
		return trace.Cause(trace.NoRoute, s.Node, w.routeGet(s.Node, dst.IP),
			"node %s has no route to %s through the switch (via %s): it leads out through %s (%s)", s.Node, dst.IP, gateway, d.Route.Dev, routeText(d))
	}
}

// blameToNode returns the fault in a node's route to a pod or an address of another node.
func (w *way) blameToNode(s *walk.Step) *inspect.Finding {
	d, dst := &s.Decision, s.Packet.Dst
	want, judged := w.wanted(s)
	if !judged {
		if s.Reaches {
			return nil
		}
		return trace.Cause(dropCode(d), s.Node, w.routeGet(s.Node, dst.IP), "node %s has no route to %s on %s: %s", s.Node, dst.IP, dst.Node,
			insteadText(d))
	}
	same := d.Route.Dst == want.Dst
	if d.Type == kernel.Unicast && same && want.Accepts(&d.Route) {
		return nil
	}
	if want.Dev == calico.VXLANDevice(w.family.Is6()) {
		if cause := w.blameDevice(s.Node, false); cause != nil {
			cause.Summary += ", and its routes with it"
			return deviation(s, cause)
		}
	}
	show := showTable("routes", s.Node, w.family)
	expected := fmt.Sprintf("expected %s %s", want.Dst, want.String())
	switch {
	case d.Drops() || !s.Reaches && !same:
		cause := trace.Cause(dropCode(d), s.Node, show, "node %s has no route to %s on %s: %s; %s", s.Node, want.Dst, want.Node, insteadText(d), expected)
		cause.RemoteNode = want.Node
		return cause
	case same && d.Route.Gateway == want.Via && d.Route.Dev == want.Dev:
		differences := want.Differences(&d.Route)
		cause := trace.Cause(trace.WrongRoute, s.Node, show, "the route of node %s to %s: %s", s.Node, want.Dst, strings.Join(differences, ", "))
		if len(differences) == 1 && strings.HasPrefix(differences[0], "mtu ") {
			cause.Code = trace.PathMTU
		}
		return deviation(s, cause)
	default:
		return deviation(s, trace.Cause(trace.WrongRoute, s.Node, show, "the route of node %s to %s is %s; %s", s.Node, want.Dst, routeText(d), expected))
	}
}
