package diagram

import (
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/graph"
)

// drawText draws a tree from the switch down to the pods. Below it, it lists the parts that do not fit into a tree.
func drawText(g *graph.Graph) string {
	var b strings.Builder
	b.WriteString(printer.Align(textTree(g)))
	section(&b, "Tunnels", textTunnels(g))
	section(&b, "Services", textServices(g))
	var faults [][]string
	for _, f := range g.Faults() {
		for i, finding := range f.Findings {
			if i == 0 {
				faults = append(faults, []string{"  " + sign(f.Mark), f.Where, finding.Summary})
			} else {
				faults = append(faults, []string{"", "", finding.Summary})
			}
		}
	}
	section(&b, "Not as expected", faults)
	if more := left(g.Left); len(more) > 0 {
		b.WriteString("\n" + strings.Join(more, "\n") + "\n")
	}
	return b.String()
}

func section(b *strings.Builder, title string, rows [][]string) {
	if len(rows) > 0 {
		b.WriteString("\n" + title + "\n" + printer.Align(rows))
	}
}

func textTree(g *graph.Graph) [][]string {
	var rows [][]string
	if g.Switch == nil {
		rows = append(rows, []string{network})
	} else {
		s := g.Switch
		rows = append(rows, []string{s.Name, address(s.Gateway.V4), address(s.Gateway.V6)},
			[]string{"│   outside", address(s.External.V4), address(s.External.V6)})
	}
	for i := range g.Nodes {
		branch, stem := "├── ", "│   "
		if i == len(g.Nodes)-1 {
			branch, stem = "└── ", "    "
		}
		n := &g.Nodes[i]
		rows = append(rows, []string{branch + nodeName(n), address(n.Addresses.V4), address(n.Addresses.V6), sign(n.Mark)})
		leaves := textLeaves(g, n)
		for j, leaf := range leaves {
			twig := "├── "
			if j == len(leaves)-1 {
				twig = "└── "
			}
			leaf[0] = stem + twig + leaf[0]
			rows = append(rows, leaf)
		}
	}
	return rows
}

// textLeaves are the tunnel devices and the pods of a node.
func textLeaves(g *graph.Graph, n *graph.Node) [][]string {
	var rows [][]string
	for _, t := range g.Tunnels {
		for _, e := range t.Ends {
			if e.Node != n.Name {
				continue
			}
			row := []string{t.Device, "", "", sign(e.Mark)}
			row[1+family(t.Family)] = address(e.Address)
			rows = append(rows, row)
		}
	}
	for i := range n.Pods {
		p := &n.Pods[i]
		rows = append(rows, []string{podName(p), address(p.Addresses.V4), address(p.Addresses.V6),
			strings.TrimSpace(letters(p.Services) + " " + sign(p.Mark))})
	}
	if n.More > 0 {
		rows = append(rows, []string{more(n.More, "pod", "pods")})
	}
	return rows
}

// family is the index of a family: 0 or 1.
func family(f inspect.Family) int {
	if f == inspect.IPv4 {
		return 0
	}
	return 1
}

func textTunnels(g *graph.Graph) [][]string {
	var rows [][]string
	for i := range g.Tunnels {
		t := &g.Tunnels[i]
		use, why := tunnelUse(t)
		rows = append(rows, []string{"  " + t.Family.String(), t.Device, tunnelSettings(t), use})
		if why != "" {
			rows = append(rows, []string{"", "", "", why})
		}
	}
	return rows
}

func textServices(g *graph.Graph) [][]string {
	var rows [][]string
	for i := range g.Services {
		s := &g.Services[i]
		rows = append(rows, []string{"  " + letter(i), serviceName(s), address(s.Addresses.V4), address(s.Addresses.V6),
			servicePorts(s), readiness(s), sign(s.Mark)})
	}
	return rows
}
