package plan

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
)

// showTable is the command that shows a table of a node against what it must be.
func showTable(command, node string, f inspect.Family) string {
	return trace.Kubectl("dualstack", command, "--node", node, "--family", strings.ToLower(f.String()))
}

func (w *walk) routeGet(n *node, a netip.Addr) string {
	return trace.OnNode(n.name, "ip", fmt.Sprintf("-%d", w.family), "route", "get", a.String())
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

// insteadText says what becomes of a packet that has no route of its own.
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
