package plan

import (
	"fmt"
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
)

// masks reports whether a node puts its own address in the place of a pod's: Felix has it do so for what leaves the
// pools, where the pod's pool says natOutgoing (felix/rules/nat.go). A destination in any pool is left alone.
func (w *walk) masks(n *node, pk packet) bool {
	if w.back || pk.own || w.masked.IsValid() || pk.dst.Node == n.name {
		return false
	}
	pool := w.poolOf(pk.src)
	return pool != nil && pool.NATOutgoing && w.poolOf(pk.dst.IP) == nil
}

// mask adds the translation of a source address.
func (w *walk) mask(n *node, d *kernel.Decision, pk packet) {
	w.masked = d.Route.Source
	if !w.masked.IsValid() {
		w.masked = n.kernel.AddressOn(d.Route.Dev, w.family)
	}
	to := "the address of " + d.Route.Dev
	if w.masked.IsValid() {
		to = w.masked.String()
	}
	w.add(trace.Hop{Node: n.name, Component: trace.ComponentNAT, Action: "translated",
		Detail: fmt.Sprintf("source %s -> %s (natOutgoing of pool %s)", pk.src, to, w.poolOf(pk.src).Name)})
}

// unmask adds the translation back, on the way back.
func (w *walk) unmask(at string, pod netip.Addr) {
	w.add(trace.Hop{Node: at, Component: trace.ComponentNAT, Action: "translated back",
		Detail: fmt.Sprintf("destination %s -> %s", w.masked, pod)})
}

// toOutside sends a packet out of the cluster, and brings the answer back to the node.
func (w *walk) toOutside(n *node, d *kernel.Decision, hop trace.Hop, pk packet) {
	if hop.Problem == nil {
		hop.Problem = w.exitProblem(n, d, pk)
	}
	w.add(hop)
	if w.masks(n, pk) {
		w.mask(n, d, pk)
	}
	dev := d.Route.Dev
	if d.Drops() {
		dev = ""
	}
	w.wire(n, dev, pk, trace.TX)
	w.add(trace.Hop{Component: trace.ComponentTarget, Action: "reached", Detail: targetText(pk.dst)})
	w.back = true
	w.add(trace.Hop{Component: trace.ComponentTarget, Action: "answered", Detail: targetText(pk.dst)})
	pod := trace.Endpoint{}
	if p := w.pods[pk.src]; p != nil {
		pod = w.podEnd(p, w.family)
	}
	if !w.masked.IsValid() && pod.Kind == trace.Pod {
		// By which node an answer to a pod's own address comes in is for the network outside to decide.
		w.uncertain = true
		w.add(trace.Hop{Component: trace.ComponentUnderlay, Action: "unknown",
			Detail: fmt.Sprintf("%s needs a route back to %s: the source is not translated", targetText(pk.dst), pk.src)})
		dev = ""
	}
	if dev != "" {
		w.wire(n, dev, pk, trace.RX)
	}
	if w.masked.IsValid() {
		w.unmask(n.name, pk.src)
	}
	w.carry(n.name, dev, packet{src: pk.dst.IP, dst: pod})
}

// wire adds the passage of a packet between a node and what is outside.
func (w *walk) wire(n *node, dev string, pk packet, direction trace.Direction) {
	if dev == "" {
		return
	}
	if l := n.kernel.Link(dev); l != nil {
		w.narrow(l.MTU)
	}
	action, detail := "sent", "dev "+dev
	if direction == trace.RX {
		action = "received"
	} else if pool := w.poolOf(pk.src); !w.masked.IsValid() && pool != nil && !pool.NATOutgoing {
		detail += fmt.Sprintf(", source %s not translated (natOutgoing of pool %s is off)", pk.src, pool.Name)
	}
	w.add(trace.Hop{Node: n.name, Component: trace.ComponentUnderlay, Action: action, Detail: detail,
		Meter: meter(n.name, dev, direction)})
}

// exitProblem says what is wrong with the way out. Of a lab it is known where the way must lead.
func (w *walk) exitProblem(n *node, d *kernel.Decision, pk packet) *inspect.Finding {
	gateway := w.s.Lab.Gateway.Get(w.family)
	if d.Drops() {
		return &inspect.Finding{Severity: inspect.SeverityError, Code: dropCode(d), Node: n.name, Command: w.routeGet(n, pk.dst.IP),
			Summary: fmt.Sprintf("node %s has no route to %s: %s", n.name, pk.dst.IP, insteadText(d))}
	}
	if pk.dst.Kind != trace.Switch || !gateway.IsValid() || pk.dst.IP == gateway || d.Route.Gateway == gateway {
		return nil
	}
	return &inspect.Finding{Severity: inspect.SeverityError, Code: trace.NoRoute, Node: n.name, Command: w.routeGet(n, pk.dst.IP),
		Summary: fmt.Sprintf("node %s has no route to %s by the switch (via %s): it leads out through %s (%s)", n.name,
			pk.dst.IP, gateway, d.Route.Dev, routeText(d))}
}

func targetText(e trace.Endpoint) string {
	if e.Kind == trace.Switch {
		return fmt.Sprintf("the switch, %s", e.IP)
	}
	return e.IP.String()
}
