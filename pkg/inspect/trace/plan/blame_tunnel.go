package plan

import (
	"fmt"
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/walk"
)

// blameNeighbor returns the fault in the Ethernet address of a next hop.
func (w *way) blameNeighbor(s *walk.Step) *inspect.Finding {
	show := showTable("neighbors", s.Node, w.family)
	vtep := w.walker.VTEPAt(s.Via)
	expected := ""
	if vtep != nil {
		expected = fmt.Sprintf("; expected %s, of %s", vtep.MAC, vtep.Node)
	}
	switch {
	case !s.Neighbor.Found:
		state := ""
		if s.Neighbor.Entry.State != "" {
			state = ": it is " + s.Neighbor.Entry.State
		}
		return trace.Cause(trace.NeighborWrong, s.Node, show, "node %s has no neighbour entry for %s on %s%s%s", s.Node, s.Via, s.Device, state, expected)
	case vtep != nil && s.MAC != vtep.MAC && w.judges(s.Node, felix.Neighbors, w.family):
		return deviation(s, trace.Cause(trace.NeighborWrong, s.Node, show, "the neighbour entry of node %s for %s on %s has %s%s%s",
			s.Node, s.Via, s.Device, s.MAC, w.whose(s.MAC), expected))
	}
	return nil
}

// whose names the node that has an Ethernet address, in parentheses.
func (w *way) whose(mac inspect.MAC) string {
	return inParentheses("of ", w.cluster.VTEPs(w.family).NodeOf(mac, netip.Addr{}))
}

// located names the node that has an address, in parentheses.
func (w *way) located(a netip.Addr) string { return inParentheses("", w.ground.Hosts[a]) }

func inParentheses(word, name string) string {
	if name == "" {
		return ""
	}
	return " (" + word + name + ")"
}

// blameForward returns the fault in the VTEP behind an Ethernet address.
func (w *way) blameForward(s *walk.Step) *inspect.Finding {
	show := showTable("fdb", s.Node, w.family)
	of, expected := s.MAC.String(), ""
	if s.Peer != "" {
		of += ", of " + s.Peer
	}
	if s.Host.IsValid() {
		expected = fmt.Sprintf("; expected dst %s", s.Host)
	}
	switch {
	case len(s.Forward.VTEPs) == 0:
		return trace.Cause(trace.FDBWrong, s.Node, show, "node %s has no forwarding entry for %s on %s%s", s.Node, of, s.Device, expected)
	case s.Missed() && w.judges(s.Node, felix.FDB, w.family):
		to := s.Forward.VTEPs[0]
		return trace.Cause(trace.FDBWrong, s.Node, show, "the forwarding entry of node %s for %s on %s leads to %s%s%s", s.Node, of,
			s.Device, to, w.located(to), expected)
	}
	return nil
}

// blameOuter returns the fault in the way of the outer packet.
func (w *way) blameOuter(s *walk.Step) *inspect.Finding {
	switch {
	case s.Decision.Drops():
		return trace.Cause(dropCode(&s.Decision), s.Node, w.routeGet(s.Node, s.Via), "node %s has no route to %s%s, the other end of the tunnel: %s",
			s.Node, s.Via, w.located(s.Via), insteadText(&s.Decision))
	case s.Gone:
		return w.lostAddress(s.Peer, s.Via, s.Held, "tunnelled packets to it do not arrive")
	}
	return nil
}

// blameEnd returns the fault in the tunnel device that decapsulates a frame.
func (w *way) blameEnd(s *walk.Step) *inspect.Finding {
	problem := w.blameDevice(s.Node, true)
	switch {
	case trace.Stops(problem):
	case s.Unlike():
		node := s.Node
		if problem == nil && w.blameDevice(s.Peer, true) != nil {
			node = s.Peer
		}
		return trace.Cause(trace.TunnelDown, node, showTable("vxlan", node, w.family),
			"the two ends of %s differ: VNI %d and port %d on %s, VNI %d and port %d on %s", s.Device,
			s.Sender.VXLAN.VNI, s.Sender.VXLAN.Port, s.Peer, s.Link.VXLAN.VNI, s.Link.VXLAN.Port, s.Node)
	case s.Refused():
		return trace.Cause(trace.TunnelDown, s.Node, showTable("vxlan", s.Node, w.family),
			"%s of node %s has the address %s: it does not accept frames for %s", s.Device, s.Node, s.Link.MAC, s.MAC)
	}
	return problem
}

// blameDevice returns the fault in the tunnel device of a node: it does not work or, with settings, it differs. Settings
// that matter only if the two ends differ are warnings.
func (w *way) blameDevice(node string, settings bool) *inspect.Finding {
	want, ok := w.device(node)
	if !ok {
		return nil
	}
	cause := func(format string, args ...any) *inspect.Finding {
		return trace.Cause(trace.TunnelDown, node, showTable("vxlan", node, w.family), format, args...)
	}
	link := w.ground.Link(node, want.Name)
	switch {
	case link == nil:
		return cause("node %s has no tunnel device %s", node, want.Name)
	case !link.Up:
		return cause("the tunnel device %s of node %s is down", want.Name, node)
	case !settings || link.VXLAN == nil:
		return nil
	case want.Local.IsValid() && link.VXLAN.Local != want.Local:
		return cause("%s of node %s sends from %s instead of %s", want.Name, node, link.VXLAN.Local, want.Local)
	case link.VXLAN.VNI != want.VNI || link.VXLAN.Port != want.Port:
		found := cause("%s of node %s has VNI %d and port %d instead of %d and %d", want.Name, node, link.VXLAN.VNI, link.VXLAN.Port,
			want.VNI, want.Port)
		found.Severity = inspect.SeverityWarning
		return found
	case want.MTU != 0 && link.MTU != want.MTU:
		found := cause("%s of node %s has an MTU of %d instead of %d", want.Name, node, link.MTU, want.MTU)
		found.Code, found.Severity = trace.PathMTU, inspect.SeverityWarning
		return found
	default:
		return nil
	}
}
