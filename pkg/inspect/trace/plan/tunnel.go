package plan

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
)

// encapsulate sends a packet through a tunnel device: next hop, Ethernet address, VTEP, outer header. It returns where
// the frame is taken out again.
func (w *walk) encapsulate(n *node, d *kernel.Decision, via netip.Addr, pk packet) (next, in string) {
	dev := d.Route.Dev
	link := n.kernel.Link(dev)
	if link.VXLAN != nil && link.VXLAN.FlowBased {
		w.uncertain = true
		w.add(trace.Hop{Node: n.name, Component: trace.ComponentTunnel, Action: "unknown",
			Detail: dev + " gets the VTEP from the eBPF data plane", Meter: meter(n.name, dev, trace.TX)})
		return pk.dst.Node, dev
	}
	vtep := w.vtepOf(via)
	mac := w.neighbor(n, dev, via, vtep)
	to := w.forward(n, dev, mac, vtep)
	w.add(trace.Hop{Node: n.name, Component: trace.ComponentTunnel, Action: "encapsulated", Detail: linkText(link),
		Meter: meter(n.name, dev, trace.TX), Problem: w.deviceProblem(n, true)})
	w.narrow(w.deviceMTU(n, link))
	w.outer(n, link, to)
	next = w.receiver(dev, mac, to)
	if next == "" {
		w.lost = true
		next = pk.dst.Node
	}
	w.decapsulate(n, dev, mac, next)
	return next, dev
}

// vtepOf is the VTEP whose tunnel address a next hop is, or nil.
func (w *walk) vtepOf(via netip.Addr) *felix.VTEP {
	vteps := w.cluster.VTEPs(w.family)
	if i, ok := vteps.WithTunnel(via); ok {
		return vteps.At(i)
	}
	return nil
}

// neighbor adds the look-up of the next hop's Ethernet address. Where the table has none, it returns that which must be
// there.
func (w *walk) neighbor(n *node, dev string, via netip.Addr, vtep *felix.VTEP) inspect.MAC {
	found := n.kernel.Neighbor(dev, via)
	hop := trace.Hop{Node: n.name, Component: trace.ComponentNeighbor, Action: "resolved",
		Detail: fmt.Sprintf("%s lladdr %s %s", via, found.Entry.MAC, found.Entry.State)}
	show := showTable("neighbors", n.name, w.family)
	mac := found.Entry.MAC
	switch {
	case !found.Found:
		hop.Action, hop.Detail = "missing", via.String()
		hop.Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.NeighborWrong, Node: n.name, Command: show,
			Summary: fmt.Sprintf("node %s has no neighbour entry for %s on %s", n.name, via, dev)}
		if found.Entry.State != "" {
			hop.Detail += " " + found.Entry.State
			hop.Problem.Summary += ": it is " + found.Entry.State
		}
		if vtep != nil {
			mac = vtep.MAC
			hop.Problem.Summary += fmt.Sprintf("; it must be %s, for %s", vtep.MAC, vtep.Node)
		}
	case vtep != nil && mac != vtep.MAC && n.judged(felix.Neighbors, w.family):
		hop.Problem = w.deviate(&inspect.Finding{Severity: inspect.SeverityError, Code: trace.NeighborWrong, Node: n.name, Command: show,
			Summary: fmt.Sprintf("the neighbour entry of node %s for %s on %s has %s%s; it must be %s, for %s", n.name, via, dev,
				mac, w.whose(mac), vtep.MAC, vtep.Node)})
	}
	w.add(hop)
	return mac
}

// whose names the node that has an Ethernet address, in parentheses.
func (w *walk) whose(mac inspect.MAC) string {
	if name := w.cluster.VTEPs(w.family).NodeOf(mac, netip.Addr{}); name != "" {
		return " (of " + name + ")"
	}
	return ""
}

// forward adds the look-up of the VTEP behind an Ethernet address.
func (w *walk) forward(n *node, dev string, mac inspect.MAC, vtep *felix.VTEP) []netip.Addr {
	found := n.kernel.Forward(dev, mac)
	hop := trace.Hop{Node: n.name, Component: trace.ComponentFDB, Action: "found"}
	show := showTable("fdb", n.name, w.family)
	vteps := w.cluster.VTEPs(w.family)
	var host netip.Addr
	of := mac.String()
	if i, ok := vteps.WithMAC(mac); ok {
		host = vteps.At(i).Host
		of += ", of " + vteps.At(i).Node
	} else if vtep != nil && vtep.MAC == mac {
		host = vtep.Host
	}
	must := ""
	if host.IsValid() {
		must = fmt.Sprintf("; it must be dst %s", host)
	}
	switch {
	case len(found.VTEPs) == 0:
		hop.Action, hop.Detail = "missing", mac.String()
		hop.Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.FDBWrong, Node: n.name, Command: show,
			Summary: fmt.Sprintf("node %s has no forwarding entry for %s on %s%s", n.name, of, dev, must)}
	case host.IsValid() && !slices.Contains(found.VTEPs, host) && n.judged(felix.FDB, w.family):
		hop.Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.FDBWrong, Node: n.name, Command: show,
			Summary: fmt.Sprintf("the forwarding entry of node %s for %s on %s leads to %s%s%s", n.name, of, dev,
				found.VTEPs[0], w.located(found.VTEPs[0]), must)}
	}
	if len(found.VTEPs) > 0 {
		hop.Detail = fmt.Sprintf("%s dst %s", mac, found.VTEPs[0])
		if found.Flooded {
			hop.Detail = fmt.Sprintf("no entry for %s: flooded to %s", mac, found.VTEPs[0])
		}
	}
	w.add(hop)
	return found.VTEPs
}

func (w *walk) located(a netip.Addr) string {
	if name := w.hosts[a]; name != "" {
		return " (" + name + ")"
	}
	return ""
}

// outer adds the way of the outer packet.
func (w *walk) outer(n *node, link *inspect.Link, to []netip.Addr) {
	if len(to) == 0 || link.VXLAN == nil {
		return
	}
	d := n.kernel.Lookup(netip.Addr{}, to[0])
	hop := trace.Hop{Node: n.name, Component: trace.ComponentUnderlay, Action: "sent",
		Detail: fmt.Sprintf("%s > %s UDP %d, VNI %d: %s", link.VXLAN.Local, to[0], link.VXLAN.Port, link.VXLAN.VNI, routeText(&d))}
	if d.Drops() {
		hop.Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: dropCode(&d), Node: n.name, Command: w.routeGet(n, to[0]),
			Summary: fmt.Sprintf("node %s has no route to %s%s, the other end of the tunnel: %s", n.name, to[0],
				w.located(to[0]), insteadText(&d))}
	}
	w.add(hop)
}

// receiver is the node that takes a frame out of the tunnel: one of those that it is sent to, whose device has the
// frame's address. The others drop it.
func (w *walk) receiver(dev string, mac inspect.MAC, to []netip.Addr) string {
	for _, vtep := range to {
		name := w.hosts[vtep]
		n := w.nodes[name]
		if n == nil {
			continue
		}
		own := inspect.MAC{}
		if n.kernel != nil {
			if l := n.kernel.Link(dev); l != nil {
				own = l.MAC
			}
		}
		if own.IsZero() { // not read, or not there: the next hop says so
			if i, ok := w.cluster.VTEPs(w.family).OfNode(name); ok {
				own = w.cluster.VTEPs(w.family).At(i).MAC
			}
		}
		if own == mac {
			return name
		}
	}
	// What is sent to the right node and is not for it is for that node to explain.
	if len(to) > 0 && !w.lost {
		return w.hosts[to[0]]
	}
	return ""
}

// decapsulate adds the arrival of a frame at the other end of a tunnel.
func (w *walk) decapsulate(from *node, dev string, mac inspect.MAC, at string) {
	hop := trace.Hop{Node: at, Component: trace.ComponentTunnel, Action: "decapsulated", Detail: dev,
		Meter: meter(at, dev, trace.RX)}
	n := w.nodes[at]
	if n == nil || n.kernel == nil {
		w.add(hop)
		return
	}
	hop.Problem = w.deviceProblem(n, true)
	link := n.kernel.Link(dev)
	show := showTable("vxlan", at, w.family)
	if link != nil && (!trace.Stops(hop.Problem)) {
		sender := from.kernel.Link(dev)
		switch {
		case link.VXLAN != nil && sender.VXLAN != nil &&
			(link.VXLAN.VNI != sender.VXLAN.VNI || link.VXLAN.Port != sender.VXLAN.Port):
			blamed := at
			if hop.Problem == nil && w.deviceProblem(from, true) != nil {
				blamed = from.name
			}
			hop.Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.TunnelDown, Node: blamed, Command: showTable("vxlan", blamed, w.family),
				Summary: fmt.Sprintf("the two ends of %s differ: VNI %d and port %d on %s, VNI %d and port %d on %s", dev,
					sender.VXLAN.VNI, sender.VXLAN.Port, from.name, link.VXLAN.VNI, link.VXLAN.Port, at)}
		case link.MAC != mac && !link.MAC.IsZero():
			hop.Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.TunnelDown, Node: at, Command: show,
				Summary: fmt.Sprintf("%s of node %s has the address %s: frames for %s are not taken", dev, at, link.MAC, mac)}
		}
	}
	if link != nil {
		hop.Detail = linkText(link)
		w.narrow(w.deviceMTU(n, link))
	}
	w.add(hop)
}

// deviceProblem says what is wrong with the tunnel device of a node. Settings that only matter where the two ends differ
// are harmless by themselves.
func (w *walk) deviceProblem(n *node, settings bool) *inspect.Finding {
	if !n.judged(felix.Devices, w.family) {
		return nil
	}
	want, ok := n.felix.Device(w.family)
	if !ok {
		return nil
	}
	cause := &inspect.Finding{Severity: inspect.SeverityError, Code: trace.TunnelDown, Node: n.name, Command: showTable("vxlan", n.name, w.family)}
	link := n.kernel.Link(want.Name)
	switch {
	case link == nil:
		cause.Summary = fmt.Sprintf("node %s has no tunnel device %s", n.name, want.Name)
	case !link.Up:
		cause.Summary = fmt.Sprintf("the tunnel device %s of node %s is down", want.Name, n.name)
	case !settings || link.VXLAN == nil:
		return nil
	case want.Local.IsValid() && link.VXLAN.Local != want.Local:
		cause.Summary = fmt.Sprintf("%s of node %s sends from %s in place of %s", want.Name, n.name, link.VXLAN.Local, want.Local)
	case link.VXLAN.VNI != want.VNI || link.VXLAN.Port != want.Port:
		cause.Severity = inspect.SeverityWarning
		cause.Summary = fmt.Sprintf("%s of node %s has VNI %d and port %d in place of %d and %d", want.Name, n.name,
			link.VXLAN.VNI, link.VXLAN.Port, want.VNI, want.Port)
	case want.MTU != 0 && link.MTU != want.MTU:
		cause.Code, cause.Severity = trace.PathMTU, inspect.SeverityWarning
		cause.Summary = fmt.Sprintf("%s of node %s has an MTU of %d in place of %d", want.Name, n.name, link.MTU, want.MTU)
	default:
		return nil
	}
	return cause
}

// deviceMTU is what a tunnel device must carry, so that one with too small an MTU shows.
func (w *walk) deviceMTU(n *node, link *inspect.Link) int {
	if n.judged(felix.Devices, w.family) {
		if want, ok := n.felix.Device(w.family); ok && want.Name == link.Name && want.MTU != 0 {
			return want.MTU
		}
	}
	return link.MTU
}
