package plan

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/walk"
)

// word describes a step in words.
func (w *way) word(s *walk.Step) trace.Hop {
	hop := trace.Hop{Node: s.Node, Return: s.Back, Meter: s.Meter}
	set := func(c trace.Component, action, format string, args ...any) {
		hop.Component, hop.Action, hop.Detail = c, action, fmt.Sprintf(format, args...)
	}
	switch s.Kind {
	case walk.Pod:
		set(trace.ComponentPod, turn(s, "sent", "answered"), "%s", w.podRoute(s.Device))
	case walk.Cable:
		set(trace.ComponentVeth, flow(s, "delivered", "received"), "%s", s.Device)
	case walk.Local:
		set(trace.ComponentRoute, "delivered", "local %s dev %s", s.Packet.Dst.IP, s.Device)
	case walk.NotHeld:
		set(trace.ComponentRoute, "dropped", "no address %s", s.Packet.Dst.IP)
	case walk.Route:
		set(trace.ComponentRoute, "forwarded", "%s%s", routeText(&s.Decision), doubts(&s.Decision))
		if s.Decision.Drops() {
			hop.Action = "dropped"
		}
	case walk.Mask:
		to := "no address"
		if s.To.IsValid() {
			to = s.To.String()
		}
		set(trace.ComponentNAT, "translated", "source %s -> %s (natOutgoing of pool %s)", s.From, to, w.ground.PoolOf(s.From).Name)
	case walk.Unmask:
		set(trace.ComponentNAT, "translated back", "destination %s -> %s", s.From, s.To)
	case walk.Sent:
		set(trace.ComponentUnderlay, "sent", "to %s (%s) dev %s, not encapsulated", s.Via, s.Peer, s.Device)
	case walk.Routed:
		set(trace.ComponentUnderlay, "sent", "to the router %s dev %s, not encapsulated: it must know the way to %s on %s", s.Via, s.Device,
			s.Packet.Dst.IP, s.Peer)
	case walk.Received:
		set(trace.ComponentUnderlay, "received", "%s", s.Device)
	case walk.Out:
		set(trace.ComponentUnderlay, flow(s, "sent", "received"), "dev %s%s", s.Device, w.untranslated(s))
	case walk.Target:
		set(trace.ComponentTarget, turn(s, "reached", "answered"), "%s", targetText(s.Packet.Dst))
	case walk.NeedsRoute:
		set(trace.ComponentUnderlay, "unknown", "%s needs a route back to %s: the source is not translated", targetText(s.Packet.Dst), s.Packet.Src)
	case walk.Unknown:
		set(trace.ComponentRoute, "unknown", "%s", s.Reason)
	default:
		hop.Component, hop.Action, hop.Detail = tunnelWords(s)
		hop.UDPPort = udpPort(s)
	}
	return hop
}

// tunnelWords describes a step through a tunnel.
func tunnelWords(s *walk.Step) (c trace.Component, action, detail string) {
	switch s.Kind {
	case walk.Neighbor:
		if s.Neighbor.Found {
			return trace.ComponentNeighbor, "resolved", fmt.Sprintf("%s lladdr %s %s", s.Via, s.MAC, s.Neighbor.Entry.State)
		}
		return trace.ComponentNeighbor, "missing", strings.TrimSpace(s.Via.String() + " " + s.Neighbor.Entry.State)
	case walk.Forward:
		switch to := s.Forward.VTEPs; {
		case len(to) == 0:
			return trace.ComponentFDB, "missing", s.MAC.String()
		case s.Forward.Flooded:
			return trace.ComponentFDB, "found", fmt.Sprintf("no entry for %s: flooded to %s", s.MAC, to[0])
		default:
			return trace.ComponentFDB, "found", fmt.Sprintf("%s dst %s", s.MAC, to[0])
		}
	case walk.Encapsulate:
		return trace.ComponentTunnel, "encapsulated", linkText(s.Link)
	case walk.Outer:
		vxlan := s.Link.VXLAN
		return trace.ComponentUnderlay, "sent", fmt.Sprintf("%s > %s UDP %d, VNI %d: %s", vxlan.Local, s.Via, vxlan.Port, vxlan.VNI,
			routeText(&s.Decision))
	case walk.Flow:
		return trace.ComponentTunnel, "unknown", s.Device + " gets the VTEP from the eBPF data plane"
	default:
		if s.Link == nil {
			return trace.ComponentTunnel, "decapsulated", s.Device
		}
		return trace.ComponentTunnel, "decapsulated", linkText(s.Link)
	}
}

// turn picks the word for the way there, or the way back.
func turn(s *walk.Step, there, back string) string {
	if s.Back {
		return back
	}
	return there
}

// flow picks the word for what a device sends, or receives.
func flow(s *walk.Step, tx, rx string) string {
	if s.Meter.Direction == trace.TX {
		return tx
	}
	return rx
}

// podRoute is the default route in a pod that Calico connects.
func (w *way) podRoute(device string) string {
	switch {
	case !strings.HasPrefix(device, "cali"):
		return ""
	case w.family == inspect.IPv6:
		return "default via fe80::ecee:eeff:feee:eeee dev eth0"
	default:
		return "default via 169.254.1.1 dev eth0"
	}
}

// untranslated says that a packet leaves the cluster with the address of its pod, and why.
func (w *way) untranslated(s *walk.Step) string {
	pool := w.ground.PoolOf(s.Packet.Src)
	if s.Meter.Direction == trace.RX || s.To.IsValid() || pool == nil || pool.NATOutgoing {
		return ""
	}
	return fmt.Sprintf(", source %s not translated (natOutgoing of pool %s is off)", s.Packet.Src, pool.Name)
}

func doubts(d *kernel.Decision) string {
	if len(d.Doubts) == 0 {
		return ""
	}
	return "; not certain: " + strings.Join(d.Doubts, ", ")
}

// udpPort is the port of a tunnel device.
func udpPort(s *walk.Step) int {
	if s.Link == nil || s.Link.VXLAN == nil {
		return 0
	}
	return s.Link.VXLAN.Port
}

func targetText(e trace.Endpoint) string {
	if e.Kind == trace.Switch {
		return fmt.Sprintf("the switch, %s", e.IP)
	}
	return e.IP.String()
}

// showTable is the command that compares a node's table with the expected one.
func showTable(command, node string, f inspect.Family) string {
	return trace.Kubectl("dualstack", command, "--node", node, "--family", strings.ToLower(f.String()))
}

func showAddresses(node string) string {
	return trace.Kubectl("dualstack", "nodes", node, "--addresses")
}

func (w *way) routeGet(node string, a netip.Addr) string {
	return trace.OnNode(node, "ip", fmt.Sprintf("-%d", w.family), "route", "get", a.String())
}

// routeText is a decision as the ip command prints the route.
func routeText(d *kernel.Decision) string {
	if d.Type == kernel.None {
		return "no route"
	}
	r := &d.Route
	var b strings.Builder
	if d.Type != kernel.Unicast {
		b.WriteString(d.Type + " ")
	}
	switch {
	case !r.Dst.IsValid():
		b.WriteString("by a rule")
	case r.Dst.Bits() == 0:
		b.WriteString("default")
	case r.Dst.IsSingleIP():
		b.WriteString(r.Dst.Addr().String())
	default:
		b.WriteString(r.Dst.String())
	}
	if r.Gateway.IsValid() {
		fmt.Fprintf(&b, " via %s", r.Gateway)
	}
	if r.Dev != "" && d.Type == kernel.Unicast {
		fmt.Fprintf(&b, " dev %s", r.Dev)
	}
	for _, o := range d.Others {
		fmt.Fprintf(&b, ", or via %s dev %s", o.Gateway, o.Dev)
	}
	return b.String()
}

// insteadText says where a packet without its own route goes.
func insteadText(d *kernel.Decision) string {
	text := "nothing leads there"
	switch {
	case d.Type == kernel.Unicast:
		text = "it leads out through " + d.Route.Dev + " (" + routeText(d) + ")"
	case d.Type != kernel.None:
		text = "it is dropped by " + routeText(d)
	}
	for _, r := range d.Passed {
		return text + ", since " + r.Dev + " is down"
	}
	return text
}

func dropCode(d *kernel.Decision) inspect.Code {
	if d.Drops() && d.Type != kernel.None {
		return trace.Blackhole
	}
	return trace.NoRoute
}

func linkText(l *inspect.Link) string {
	text := fmt.Sprintf("%s mtu %d", l.Name, l.MTU)
	if l.VXLAN != nil {
		text += fmt.Sprintf(" id %d dev %s", l.VXLAN.VNI, l.Parent)
	}
	return text
}
