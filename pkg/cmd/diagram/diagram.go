// Package diagram draws the graph of a cluster: as text for a terminal, for Mermaid, for Graphviz, and as an SVG picture. It
// computes nothing, and escapes names from the cluster in each format.
package diagram

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/graph"
)

// The formats.
const (
	Text    = "text"
	Mermaid = "mermaid"
	Dot     = "dot"
	SVG     = "svg"
)

// Formats lists them all.
func Formats() []string { return []string{Text, Mermaid, Dot, SVG} }

// Draw returns the picture of a graph.
func Draw(g *graph.Graph, format string) (string, error) {
	switch format {
	case Text:
		return drawText(g), nil
	case Mermaid:
		return drawMermaid(g), nil
	case Dot:
		return drawDot(g), nil
	case SVG:
		return drawSVG(g), nil
	default:
		return "", fmt.Errorf("unknown output format %q: use one of %s", format, strings.Join(Formats(), ", "))
	}
}

// address returns an address as text, or the empty string for none.
func address(a netip.Addr) string { return printer.Text(a) }

// addresses returns the addresses that exist, of both families.
func addresses(a graph.Addresses) []string {
	var all []string
	for _, f := range inspect.Families() {
		if a.Get(f).IsValid() {
			all = append(all, a.Get(f).String())
		}
	}
	return all
}

// network stands for the switch in clusters that are not a lab.
const network = "the nodes' network"

// switchLines describes the switch, one property per line.
func switchLines(s *graph.Switch) []string {
	if s == nil {
		return []string{network}
	}
	lines := append([]string{s.Name}, addresses(s.Gateway)...)
	if outside := addresses(s.External); len(outside) > 0 {
		lines = append(lines, "outside: "+strings.Join(outside, ", "))
	}
	return lines
}

func nodeName(n *graph.Node) string {
	if len(n.Roles) == 0 {
		return n.Name
	}
	return n.Name + " (" + strings.Join(n.Roles, ", ") + ")"
}

func podName(p *graph.Pod) string {
	name := p.Namespace + "/" + p.Name
	if p.HostNetwork {
		name += " (host network)"
	}
	return name
}

// tunnelSettings are the settings that all devices of a tunnel share.
func tunnelSettings(t *graph.Tunnel) string {
	return fmt.Sprintf("VNI %d, UDP port %d", t.VNI, t.Port)
}

// tunnelUse says how much of the traffic between nodes goes through a tunnel, and why the rest does not.
func tunnelUse(t *graph.Tunnel) (use, why string) {
	all := t.Encapsulated + t.Direct
	if all == 0 {
		return "", ""
	}
	return fmt.Sprintf("%d of %d verified paths between nodes go through it", t.Encapsulated, all), t.Why
}

func serviceName(s *graph.Service) string { return s.Namespace + "/" + s.Name }

// servicePorts lists type and ports.
func servicePorts(s *graph.Service) string {
	parts := []string{s.Type}
	for _, p := range s.Ports {
		parts = append(parts, fmt.Sprintf("%d/%s", p.Port, p.Protocol))
	}
	return strings.Join(parts, " ")
}

// ready counts the ready endpoints of a service in a family, if it has the family.
func ready(s *graph.Service, f inspect.Family) string {
	if e := s.Endpoints.Get(f); e != nil {
		return fmt.Sprintf("%d/%d", e.Ready, e.Total)
	}
	return ""
}

// readiness returns the ready endpoints of both families.
func readiness(s *graph.Service) string {
	var parts []string
	for _, f := range inspect.Families() {
		if r := ready(s, f); r != "" {
			parts = append(parts, f.String()+" "+r)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "ready: " + strings.Join(parts, ", ")
}

// letter names a service within a picture: a to z, then aa, ab, …
func letter(i int) string {
	const alphabet = 26
	name := ""
	for ; i >= 0; i = i/alphabet - 1 {
		name = string(rune('a'+i%alphabet)) + name
	}
	return name
}

func letters(services []int) string {
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = letter(s)
	}
	return strings.Join(names, " ")
}

// sign is the mark of a part as text: a cross or a question mark, and its number.
func sign(m graph.Mark) string {
	switch m.Health() {
	case inspect.Broken:
		return fmt.Sprintf("✗%d", m.Number)
	case inspect.Doubtful:
		return fmt.Sprintf("?%d", m.Number)
	default:
		return ""
	}
}

// left lists what a picture leaves out, one sentence each.
func left(l graph.Left) []string {
	var all []string
	for _, x := range []struct {
		n             int
		one, manyMore string
	}{{l.Nodes, "node", "nodes"}, {l.Paths, "broken path", "broken paths"}, {l.Services, "service", "services"}} {
		if x.n > 0 {
			all = append(all, more(x.n, x.one, x.manyMore))
		}
	}
	return all
}

func more(n int, one, many string) string {
	if n == 1 {
		return "… and 1 more " + one
	}
	return fmt.Sprintf("… and %d more %s", n, many)
}

// shown returns the nodes of a picture: paths to others cannot be drawn.
func shown(g *graph.Graph, name string) (int, bool) {
	i := slices.IndexFunc(g.Nodes, func(n graph.Node) bool { return n.Name == name })
	return i, i >= 0
}
