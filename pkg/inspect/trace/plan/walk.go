package plan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
)

// maxNodes bounds how many nodes a packet passes: a loop ends there, as it does by the TTL.
const maxNodes = 8

// walk follows the packets of one path, there and back, and notes the hops.
type walk struct {
	*planner
	family inspect.Family
	back   bool
	hops   []trace.Hop
	still  []trace.Meter

	routers   int  // that passed the answer on
	uncertain bool // something on the way is not known, so neither is the TTL
	mtu       int  // bytes; the smallest on the way, 0 where none is known
	masked    netip.Addr
	detours   []*inspect.Finding
	lost      bool
}

// packet is what is carried: to whom, and from which address.
type packet struct {
	src netip.Addr
	dst trace.Endpoint
	// own is set for what the node makes itself, and for an answer to an address that stands for a pod's.
	own, masked bool
}

func (w *walk) add(h trace.Hop) {
	h.Return = w.back
	w.hops = append(w.hops, h)
	if trace.Stops(h.Problem) {
		w.lost = true
	}
}

// deviate notes a problem that does not matter if the packet arrives all the same.
func (w *walk) deviate(c *inspect.Finding) *inspect.Finding {
	c.Severity = inspect.SeverityWarning
	w.detours = append(w.detours, c)
	return c
}

func (w *walk) narrow(mtu int) {
	if mtu > 0 && (w.mtu == 0 || mtu < w.mtu) {
		w.mtu = mtu
	}
}

// leave takes a packet out of a pod, into its node.
func (w *walk) leave(pod trace.Endpoint, action string) {
	detail := "default via 169.254.1.1 dev eth0"
	if w.family == inspect.IPv6 {
		detail = "default via fe80::ecee:eeff:feee:eeee dev eth0"
	}
	if !strings.HasPrefix(pod.Interface, "cali") {
		detail = ""
	}
	w.add(trace.Hop{Node: pod.Node, Component: trace.ComponentPod, Action: action, Detail: detail})
	w.cable(pod, trace.RX, "received")
}

func (w *walk) cable(pod trace.Endpoint, d trace.Direction, action string) {
	if pod.Interface == "" {
		return
	}
	if n := w.nodes[pod.Node]; n != nil && n.kernel != nil {
		if l := n.kernel.Link(pod.Interface); l != nil {
			w.narrow(l.MTU)
		}
	}
	w.add(trace.Hop{Node: pod.Node, Component: trace.ComponentVeth, Action: action, Detail: pod.Interface,
		Meter: &trace.Meter{Node: pod.Node, Device: pod.Interface, Direction: d}})
}

// carry follows a packet from a node on, which it has entered by a device, until it is where it must be.
func (w *walk) carry(at, device string, pk packet) {
	first := len(w.detours)
	lost := w.lost
	w.lost = false
	for range maxNodes {
		n := w.nodes[at]
		if n == nil || n.kernel == nil || w.bpf(n) {
			w.unknown(at, n, pk)
			break
		}
		next, in := w.step(n, device, pk)
		if next == "" {
			break
		}
		if next == at {
			w.lost = true
			break
		}
		at, device, pk.own = next, in, false
		if w.lost {
			at = pk.dst.Node // what follows is how it should go on
		}
	}
	if w.lost {
		for _, c := range w.detours[first:] {
			if c.Code != trace.PathMTU {
				c.Severity = inspect.SeverityError
			}
		}
	}
	w.lost = w.lost || lost
}

func (w *walk) bpf(n *node) bool {
	return n.felix != nil && n.felix.Omits(felix.Devices, w.family) == felix.EBPF
}

// unknown is a node of which nothing can be told.
func (w *walk) unknown(at string, n *node, pk packet) {
	w.uncertain = true
	reason := "the node is not known"
	if n != nil {
		reason = n.unread
		if n.kernel != nil {
			reason = "the eBPF data plane keeps tables of its own, which are not read"
		}
	}
	w.add(trace.Hop{Node: at, Component: trace.ComponentRoute, Action: "unknown", Detail: reason})
	if pk.dst.Kind == trace.Pod {
		w.cable(pk.dst, trace.TX, "delivered")
	}
}

// step is what one node does with a packet. It returns the next node and the device by which the packet enters it, or
// none where the packet is delivered or leaves the cluster.
func (w *walk) step(n *node, device string, pk packet) (next, in string) {
	if n.kernel.Holds(pk.dst.IP) {
		if !pk.masked {
			w.add(trace.Hop{Node: n.name, Component: trace.ComponentRoute, Action: "delivered",
				Detail: fmt.Sprintf("local %s dev %s", pk.dst.IP, n.kernel.DeviceOf(pk.dst.IP))})
		}
		return "", ""
	}
	d := n.kernel.Lookup(pk.src, pk.dst.IP)
	hop := trace.Hop{Node: n.name, Component: trace.ComponentRoute, Action: "forwarded", Detail: routeText(&d)}
	if d.Drops() {
		hop.Action = "dropped"
	}
	if len(d.Doubts) > 0 {
		w.uncertain = true
		hop.Detail += "; not certain: " + strings.Join(d.Doubts, ", ")
	}
	if w.back && !pk.own {
		w.routers++
	}
	w.narrow(d.Route.MTU)
	if fw := n.kernel.Forwards(w.family, device); !pk.own && fw.Known && !fw.On {
		hop.Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.Forwarding, Node: n.name,
			Summary: fmt.Sprintf("node %s does not forward %s: %s is 0", n.name, w.family, fw.Key),
			Command: trace.OnNode(n.name, "sysctl", fw.Key)}
	}
	switch {
	case pk.dst.Node == n.name && pk.dst.Kind == trace.Pod && pk.dst.Interface != "":
		w.deliver(n, &d, hop, pk)
		return "", ""
	case pk.dst.Node == n.name: // by a cable that is not known
		w.add(hop)
		return "", ""
	case pk.dst.Node != "":
		return w.toNode(n, &d, hop, pk)
	default:
		w.toOutside(n, &d, hop, pk)
		return "", ""
	}
}

// deliver brings a packet to a pod of the node.
func (w *walk) deliver(n *node, d *kernel.Decision, hop trace.Hop, pk packet) {
	dev := pk.dst.Interface
	if hop.Problem == nil && (d.Drops() || d.Route.Dev != dev) {
		hop.Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: dropCode(d), Node: n.name,
			Summary: fmt.Sprintf("node %s has no route to its own pod %s (%s dev %s): %s", n.name, pk.dst.Name, pk.dst.IP, dev,
				insteadText(d)),
			Command: w.routeGet(n, pk.dst.IP)}
	}
	w.add(hop)
	w.cable(pk.dst, trace.TX, "delivered")
}

// toNode sends a packet on towards another node.
func (w *walk) toNode(n *node, d *kernel.Decision, hop trace.Hop, pk packet) (next, in string) {
	want, judged := felix.Route{}, false
	if pk.dst.Kind == trace.Pod && pk.dst.Interface != "" {
		want, judged = w.wanted(n, pk.dst.IP)
	}
	via := d.Route.Gateway
	if !via.IsValid() {
		via = pk.dst.IP
	}
	tunnel := d.Type == kernel.Unicast && n.kernel.IsVXLAN(d.Route.Dev)
	beyond := w.hosts[via]
	if hop.Problem == nil {
		hop.Problem = w.routeProblem(n, d, pk, &want, judged, tunnel || beyond != "")
	}
	if judged && hop.Problem == nil {
		hop.Detail += " (" + want.Reason + ")"
	}
	w.add(hop)
	if d.Drops() || !tunnel && beyond == "" {
		w.lost = true
		return pk.dst.Node, ""
	}
	if w.masks(n, pk) {
		w.mask(n, d, pk)
	}
	if tunnel {
		return w.encapsulate(n, d, via, pk)
	}
	w.direct(n, d, beyond, via, pk)
	return beyond, w.deviceOn(beyond, via)
}

// routeProblem says what is wrong with the route that a node takes to a pod or an address of another node.
func (w *walk) routeProblem(n *node, d *kernel.Decision, pk packet, want *felix.Route, judged, reaches bool) *inspect.Finding {
	if judged && d.Type == kernel.Unicast && d.Route.Dst == want.Dst && want.Accepts(&d.Route) {
		return nil
	}
	show := showTable("routes", n.name, w.family)
	if !judged {
		if !d.Drops() && reaches {
			return nil
		}
		return &inspect.Finding{Severity: inspect.SeverityError, Code: dropCode(d), Node: n.name, Command: w.routeGet(n, pk.dst.IP),
			Summary: fmt.Sprintf("node %s has no route to %s on %s: %s", n.name, pk.dst.IP, pk.dst.Node, insteadText(d))}
	}
	if want.Kind == felix.Tunnel || want.Dev == calico.VXLANDevice(w.family.Is6()) {
		if cause := w.deviceProblem(n, false); trace.Stops(cause) && cause.Code == trace.TunnelDown {
			cause.Summary += ", and its routes with it"
			return cause
		}
	}
	must := fmt.Sprintf("it must be %s %s", want.Dst, want.String())
	switch {
	case d.Drops() || !reaches && d.Route.Dst != want.Dst:
		return &inspect.Finding{Severity: inspect.SeverityError, Code: dropCode(d), Node: n.name, Command: show,
			Summary: fmt.Sprintf("node %s has no route to %s on %s: %s; %s", n.name, want.Dst, want.Node, insteadText(d), must)}
	case d.Route.Dst == want.Dst && sameHop(&d.Route, want):
		return w.deviate(&inspect.Finding{Severity: inspect.SeverityError, Code: trace.WrongRoute, Node: n.name, Command: show,
			Summary: fmt.Sprintf("the route of node %s to %s: %s", n.name, want.Dst,
				strings.Join(want.Differences(&d.Route), ", "))})
	}
	cause := &inspect.Finding{Severity: inspect.SeverityError, Code: trace.WrongRoute, Node: n.name, Command: show,
		Summary: fmt.Sprintf("the route of node %s to %s is %s; %s", n.name, want.Dst, routeText(d), must)}
	if reaches {
		return w.deviate(cause)
	}
	return cause
}

func sameHop(got *inspect.Route, want *felix.Route) bool {
	return got.Gateway == want.Via && got.Dev == want.Dev
}

// direct passes a packet to another node as it is.
func (w *walk) direct(n *node, d *kernel.Decision, beyond string, via netip.Addr, pk packet) {
	dev := d.Route.Dev
	if l := n.kernel.Link(dev); l != nil {
		w.narrow(l.MTU)
	}
	w.add(trace.Hop{Node: n.name, Component: trace.ComponentUnderlay, Action: "sent",
		Detail: fmt.Sprintf("to %s (%s) dev %s, not encapsulated", via, beyond, dev), Meter: meter(n.name, dev, trace.TX)})
	in := w.deviceOn(beyond, via)
	hop := trace.Hop{Node: beyond, Component: trace.ComponentUnderlay, Action: "received", Detail: in}
	if in != "" {
		hop.Meter = meter(beyond, in, trace.RX)
	}
	w.add(hop)
	if pool := w.poolOf(pk.dst.IP); pool == nil || pool.VXLANMode != inspect.EncapCrossSubnet {
		return
	}
	w.keepStill(n.name, trace.TX)
	w.keepStill(beyond, trace.RX)
}

// keepStill notes that a packet must not move the tunnel device of a node, where it has one.
func (w *walk) keepStill(at string, d trace.Direction) {
	m := *meter(at, calico.VXLANDevice(w.family.Is6()), d)
	n := w.nodes[at]
	if n != nil && n.kernel != nil && n.kernel.Link(m.Device) != nil && !slices.Contains(w.still, m) {
		w.still = append(w.still, m)
	}
}

func (w *walk) deviceOn(at string, a netip.Addr) string {
	if n := w.nodes[at]; n != nil && n.kernel != nil {
		return n.kernel.DeviceOf(a)
	}
	return ""
}

func meter(at, device string, d trace.Direction) *trace.Meter {
	return &trace.Meter{Node: at, Device: device, Direction: d}
}
