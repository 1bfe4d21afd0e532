package diagram

import (
	"fmt"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/graph"
)

// dot collects the statements of a graph: https://graphviz.org/doc/info/lang.html
type dot struct{ strings.Builder }

func drawDot(g *graph.Graph) string {
	d := &dot{}
	d.line("graph dualstack {")
	d.line(`  graph [fontname="Helvetica", ranksep=0.4, nodesep=0.4]`)
	d.line(`  node [shape=box, style=rounded, fontname="Helvetica", fontsize=11]`)
	d.line(`  edge [fontname="Helvetica", fontsize=10]`)
	d.line("  switch [label=%s, style=bold]", dotText(switchLines(g.Switch), centred))
	for i := range g.Nodes {
		d.node(g, i)
	}
	below := 2 // ranks from a node down to its tunnels, past its pods
	for i := range g.Nodes {
		below = max(below, 2+len(g.Nodes[i].Pods))
	}
	for i := range g.Tunnels {
		t := &g.Tunnels[i]
		d.line("  tunnel%d [label=%s, shape=hexagon, style=solid]", i, dotText(tunnelLines(t), centred))
		for _, e := range t.Ends {
			if n, ok := shown(g, e.Node); ok {
				d.line("  node%d -- tunnel%d [label=%s, minlen=%d%s]", n, i, dotText([]string{sign(e.Mark)}, centred), below, dotColour(e.Mark))
			}
		}
	}
	d.services(g)
	for _, p := range g.Paths {
		from, ok := shown(g, p.From)
		to, ok2 := shown(g, p.To)
		if ok && ok2 {
			d.line("  node%d -- node%d [label=%s, dir=forward, style=dashed, constraint=false%s]", from, to,
				dotText([]string{p.Family.String() + " " + sign(p.Mark)}, centred), dotColour(p.Mark))
		}
	}
	var lines []string
	for _, f := range g.Faults() {
		lines = append(lines, faultLines(f)...)
	}
	if lines = append(lines, left(g.Left)...); len(lines) > 0 {
		d.line("  graph [label=%s, labelloc=b, fontsize=11]", dotText(append(lines, ""), `\l`))
	}
	d.line("}")
	return d.String()
}

func (d *dot) line(format string, args ...any) { fmt.Fprintf(d, format+"\n", args...) }

// node draws a box around a node and its pods, the node on top.
func (d *dot) node(g *graph.Graph, i int) {
	n := &g.Nodes[i]
	d.line("  subgraph cluster%d {", i)
	d.line(`    style=rounded; color=gray60`)
	d.line("    node%d [label=%s, style=bold%s]", i, dotText(nodeLines(g, n), centred), dotColour(n.Mark))
	for j := range n.Pods {
		p := &n.Pods[j]
		d.line("    pod%d_%d [label=%s%s]", i, j, dotText(podLines(p), centred), dotColour(p.Mark))
		if j == 0 {
			d.line("    node%d -- pod%d_0", i, i)
		} else { // one below the other
			d.line("    pod%d_%d -- pod%d_%d [style=invis]", i, j-1, i, j)
		}
	}
	if n.More > 0 {
		d.line("    more%d [label=%s, style=dashed]", i, dotText([]string{more(n.More, "pod", "pods")}, centred))
	}
	d.line("  }")
	d.line("  switch -- node%d", i)
}

func (d *dot) services(g *graph.Graph) {
	for i := range g.Services {
		s := &g.Services[i]
		d.line("  service%d [label=%s, shape=oval, style=dashed%s]", i, dotText(serviceLines(s), centred), dotColour(s.Mark))
	}
	for i := range g.Nodes {
		for j := range g.Nodes[i].Pods {
			for _, s := range g.Nodes[i].Pods[j].Services {
				d.line("  pod%d_%d -- service%d [dir=back, style=dotted]", i, j, s)
			}
		}
	}
}

// dotColour ends the statement of a marked part.
func dotColour(m graph.Mark) string {
	if !m.Marked() {
		return ""
	}
	return fmt.Sprintf(`, color="%s", fontcolor="%s", penwidth=2`, colour(m.Health()), colour(m.Health()))
}

// centred ends a centred line of a label.
const centred = `\n`

// dotText quotes lines of text, which end in one of Graphviz' line ends. Graphviz reads escape sequences and HTML's entities in labels.
func dotText(lines []string, end string) string {
	replace := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;")
	escaped := make([]string, len(lines))
	for i, line := range lines {
		escaped[i] = replace.Replace(printer.Escape(line))
	}
	return `"` + strings.Join(escaped, end) + `"`
}
