package diagram

import (
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/graph"
)

// The formats that write a multi-line label for each part share these functions.

// colour marks a part that is not as expected; it can be read on light and dark pages.
func colour(h inspect.Health) string {
	if h == inspect.Doubtful {
		return "#bf8700"
	}
	return "#e5534b"
}

// nodeLines has the addresses of the node, and of its tunnel devices.
func nodeLines(g *graph.Graph, n *graph.Node) []string {
	lines := append([]string{withSign(nodeName(n), n.Mark)}, addresses(n.Addresses)...)
	tunnels, ends := ends(g, n.Name)
	for i, t := range tunnels {
		lines = append(lines, strings.TrimSpace(t.Device+" "+address(ends[i].Address)))
	}
	return lines
}

func podLines(p *graph.Pod) []string {
	return append([]string{withSign(podName(p), p.Mark)}, addresses(p.Addresses)...)
}

func tunnelLines(t *graph.Tunnel) []string {
	lines := []string{t.Family.String() + ": " + t.Device, tunnelSettings(t)}
	if use, why := tunnelUse(t); use != "" {
		lines = append(lines, use)
		if why != "" {
			lines = append(lines, why)
		}
	}
	return lines
}

func serviceLines(s *graph.Service) []string {
	lines := append([]string{withSign(serviceName(s), s.Mark), servicePorts(s)}, addresses(s.Addresses)...)
	if r := readiness(s); r != "" {
		lines = append(lines, r)
	}
	return lines
}

func faultLines(f graph.Fault) []string {
	lines := []string{sign(f.Mark) + " " + f.Where}
	for _, finding := range f.Findings {
		lines = append(lines, finding.Summary)
	}
	return lines
}

func withSign(name string, m graph.Mark) string {
	if !m.Marked() {
		return name
	}
	return sign(m) + " " + name
}
