package diagram

import (
	"fmt"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/graph"
)

// mermaid collects the lines of a flowchart. Colours refer to edges by number.
type mermaid struct {
	strings.Builder
	edges    int
	coloured map[inspect.Health][]string
}

// drawMermaid draws a flowchart: https://mermaid.js.org/syntax/flowchart.html
func drawMermaid(g *graph.Graph) string {
	m := &mermaid{coloured: map[inspect.Health][]string{}}
	m.line("flowchart TB")
	m.vertex("switch", "[", "]", "", switchLines(g.Switch))
	for i := range g.Nodes {
		m.node(g, i)
	}
	for i := range g.Tunnels {
		t := &g.Tunnels[i]
		m.vertex(fmt.Sprintf("tunnel%d", i), "{{", "}}", "tunnel", tunnelLines(t))
		for _, e := range t.Ends {
			if n, ok := shown(g, e.Node); ok {
				m.edge(fmt.Sprintf("node%d", n), "---", fmt.Sprintf("tunnel%d", i), sign(e.Mark), e.Health())
			}
		}
	}
	for i := range g.Services {
		s := &g.Services[i]
		m.vertex(fmt.Sprintf("service%d", i), "([", "])", class("service", s.Mark), serviceLines(s))
	}
	for i := range g.Nodes {
		for j := range g.Nodes[i].Pods {
			for _, s := range g.Nodes[i].Pods[j].Services {
				m.edge(fmt.Sprintf("service%d", s), "-.->", fmt.Sprintf("pod%d_%d", i, j), "", inspect.Healthy)
			}
		}
	}
	m.paths(g)
	m.notes(g)
	m.styles()
	return m.String()
}

func (m *mermaid) line(format string, args ...any) { fmt.Fprintf(m, format+"\n", args...) }

// vertex adds a box. Its text is quoted, with everything that means something to Mermaid or HTML as a number.
func (m *mermaid) vertex(id, left, right, class string, lines []string) {
	if class != "" {
		class = ":::" + class
	}
	m.line("  %s%s%s%s%s", id, left, mermaidText(lines), right, class)
}

func (m *mermaid) node(g *graph.Graph, i int) {
	n := &g.Nodes[i]
	m.line("  subgraph node%d[%s]", i, mermaidText(nodeLines(g, n)))
	for j := range n.Pods {
		p := &n.Pods[j]
		m.vertex(fmt.Sprintf("pod%d_%d", i, j), "(", ")", class("pod", p.Mark), podLines(p))
	}
	if n.More > 0 {
		m.vertex(fmt.Sprintf("more%d", i), "(", ")", "more", []string{more(n.More, "pod", "pods")})
	}
	if len(n.Pods) == 0 { // edges cannot lead to an empty subgraph
		m.vertex(fmt.Sprintf("none%d", i), "(", ")", "more", []string{"no pods"})
	}
	m.line("  end")
	if n.Marked() {
		m.line("  class node%d %s", i, n.Health())
	}
	m.edge("switch", "---", fmt.Sprintf("node%d", i), "", inspect.Healthy)
}

// paths draws what is broken between nodes.
func (m *mermaid) paths(g *graph.Graph) {
	for _, p := range g.Paths {
		from, ok := shown(g, p.From)
		to, ok2 := shown(g, p.To)
		if ok && ok2 {
			m.edge(fmt.Sprintf("node%d", from), "-.->", fmt.Sprintf("node%d", to), p.Family.String()+" "+sign(p.Mark), p.Health())
		}
	}
}

func (m *mermaid) edge(from, arrow, to, label string, h inspect.Health) {
	if label != "" {
		label = "|" + mermaidText([]string{label}) + "|"
	}
	m.line("  %s %s%s %s", from, arrow, label, to)
	if h != inspect.Healthy {
		m.coloured[h] = append(m.coloured[h], fmt.Sprint(m.edges))
	}
	m.edges++
}

// notes lists the marked and the omitted parts in words.
func (m *mermaid) notes(g *graph.Graph) {
	for _, f := range g.Faults() {
		m.vertex(fmt.Sprintf("fault%d", f.Number), "[", "]", f.Health().String(), faultLines(f))
	}
	if lines := left(g.Left); len(lines) > 0 {
		m.vertex("left", "[", "]", "more", lines)
	}
}

// styles are colours that can be read on a light and on a dark page.
func (m *mermaid) styles() {
	m.line("  classDef tunnel stroke-width:2px")
	m.line("  classDef pod stroke-width:1px")
	m.line("  classDef service stroke-dasharray:4 2")
	m.line("  classDef more stroke-dasharray:2 2")
	for _, h := range []inspect.Health{inspect.Doubtful, inspect.Broken} {
		m.line("  classDef %s stroke:%s,stroke-width:3px", h, colour(h))
		if edges := m.coloured[h]; len(edges) > 0 {
			m.line("  linkStyle %s stroke:%s,stroke-width:3px", strings.Join(edges, ","), colour(h))
		}
	}
}

// class returns healthy for a healthy part, else the class of its health.
func class(healthy string, m graph.Mark) string {
	if !m.Marked() {
		return healthy
	}
	return m.Health().String()
}

// mermaidText quotes lines of text. All but letters, digits and harmless characters become entities in Mermaid's spelling.
func mermaidText(lines []string) string {
	const harmless = " .,:/()-_✗?…"
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteString("<br/>")
		}
		for _, r := range printer.Escape(line) {
			switch {
			case r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(harmless, r):
				b.WriteRune(r)
			default:
				fmt.Fprintf(&b, "#%d;", r)
			}
		}
	}
	return `"` + b.String() + `"`
}
