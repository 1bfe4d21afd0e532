package diagram

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/graph"
)

// Sizes of the picture, in its units: pixels if it is not scaled.
const (
	margin    = 24
	cardWidth = 318 // holds an IPv6 address of full length
	gap       = 24
	padding   = 16
	lineStep  = 17 // from one line of text to the next
	cable     = 34 // between the switch and the cards, and between the cards and the tunnels
	barHeight = 50
	arcStep   = 20 // how much deeper each broken path hangs than the one before
	radius    = 8  // of marks and of services' letters
)

// Widths of a character, to cut and wrap text. They are on the safe side: the reader chooses the fonts.
const (
	boldChar  = 8.2
	plainChar = 6.6
	monoChar  = 7.0
)

// svgStyle has the colours of GitHub's light and dark themes. The picture has its own background, so it can be read
// anywhere.
const svgStyle = `
text{font:12px ui-sans-serif,system-ui,"Segoe UI","Helvetica Neue",Arial,"DejaVu Sans",sans-serif;fill:#1f2328}
.b{font-weight:600;font-size:14px}
.a{font:11.5px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.m{fill:#59636e}
.e{text-anchor:end}
.c{text-anchor:middle;font-size:10px;font-weight:700;fill:#fff}
.ground{fill:#fff}
.card{fill:#f6f8fa;stroke:#d0d7de}
.rule{stroke:#d0d7de}
.cable{stroke:#818b98;stroke-width:2;fill:none}
.letter{fill:#6e7781}
.f4{fill:#0969da}.f6{fill:#8250df}
.s4{stroke:#0969da;stroke-width:2;fill:none}.s6{stroke:#8250df;stroke-width:2;fill:none}
.t4{fill:#ddf4ff;stroke:#0969da}.t6{fill:#fbefff;stroke:#8250df}
.idle{stroke-dasharray:6 4}
.broken{fill:#cf222e}.unknown{fill:#9a6700}
.sbroken{stroke:#cf222e;stroke-width:2}.sunknown{stroke:#9a6700;stroke-width:2}
.line{fill:none;stroke-dasharray:5 4}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.m{fill:#9198a1}
.c{fill:#fff}
.ground{fill:#0d1117}
.card{fill:#161b22;stroke:#3d444d}
.rule{stroke:#3d444d}
.cable{stroke:#9198a1}
.letter{fill:#656c76}
.f4{fill:#4493f8}.f6{fill:#ab7df8}
.s4{stroke:#4493f8}.s6{stroke:#ab7df8}
.t4{fill:#0c2137;stroke:#4493f8}.t6{fill:#211830;stroke:#ab7df8}
.broken{fill:#f85149}.unknown{fill:#d29922}
.sbroken{stroke:#f85149}.sunknown{stroke:#d29922}
}
`

// canvas collects the elements of the picture. Later elements lie above earlier ones.
type canvas struct {
	strings.Builder
	graph *graph.Graph
	width int
	y     int // where the next part begins
}

func drawSVG(g *graph.Graph) string {
	columns := max(2, len(g.Nodes), min(3, len(g.Services)))
	c := &canvas{graph: g, width: 2*margin + columns*cardWidth + (columns-1)*gap, y: margin}
	c.backbone()
	cards := c.y
	height := c.cardHeight()
	c.y += height
	for i := range g.Nodes {
		c.node(i, cards, height)
	}
	c.tunnels()
	c.services()
	c.faults()
	c.legend()
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`+
		"\n<title>%s</title>\n<style>%s</style>\n"+`<rect class="ground" width="%d" height="%d" rx="12"/>`+"\n%s</svg>\n",
		c.width, c.y, c.width, c.y, escaped(title(g)), svgStyle, c.width, c.y, c.String())
}

// title is for screen readers.
func title(g *graph.Graph) string {
	words := fmt.Sprintf("%s with %d nodes", switchLines(g.Switch)[0], len(g.Nodes)+g.Left.Nodes)
	if n := len(g.Faults()); n > 0 {
		words += fmt.Sprintf("; %d parts are not as expected", n)
	}
	return words
}

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

// text writes a line at a place, cut off at a number of characters; the pointer shows the full text.
func (c *canvas) text(x, y int, class, s string, limit int) {
	s = printer.Escape(s)
	full := ""
	if utf8.RuneCountInString(s) > limit {
		full = "<title>" + html.EscapeString(s) + "</title>"
		s = string([]rune(s)[:max(limit-1, 0)]) + "…"
	}
	c.add(`<text x="%d" y="%d" class="%s">%s%s</text>`, x, y, class, full, html.EscapeString(s))
}

// chars returns how many characters of a width fit into a space.
func chars(space int, width float64) int { return int(float64(space) / width) }

// address writes an address with a dot in the colour of its family.
func (c *canvas) address(x, y int, f inspect.Family, a string) {
	if a == "" {
		return
	}
	c.add(`<circle cx="%d" cy="%d" r="3.5" class="f%d"/>`, x+4, y-4, f)
	c.text(x+14, y, "a", a, chars(cardWidth, monoChar))
}

// badge draws a number or a letter in a circle.
func (c *canvas) badge(x, y int, class, s string) {
	c.add(`<circle cx="%d" cy="%d" r="%d" class="%s"/><text x="%d" y="%.1f" class="c">%s</text>`, x, y, radius, class, x, float64(y)+3.5, escaped(s))
}

// mark draws the number of a part that is not as expected.
func (c *canvas) mark(x, y int, m graph.Mark) {
	if m.Marked() {
		c.badge(x, y, m.Health().String(), fmt.Sprint(m.Number))
	}
}

func escaped(s string) string { return html.EscapeString(printer.Escape(s)) }

// healthClass adds a colour to the class of a part that is marked.
func healthClass(class string, m graph.Mark) string {
	if !m.Marked() {
		return class
	}
	return class + " s" + m.Health().String()
}

// column is the left edge of a card.
func column(i int) int { return margin + i*(cardWidth+gap) }

// socket is where the tunnel of a family leaves a card.
func socket(i int, f inspect.Family) int { return column(i) + cardWidth*(3+4*family(f))/10 }

// backbone draws the switch, or the network instead of it, and its cables.
func (c *canvas) backbone() {
	s := c.graph.Switch
	height := 40
	if s != nil {
		height = 66
	}
	bottom := c.y + height
	for i := range c.graph.Nodes {
		x := column(i) + cardWidth/2
		c.add(`<path d="M%d %dV%d" class="cable"/>`, x, bottom, bottom+cable)
	}
	c.add(`<rect x="%d" y="%d" width="%d" height="%d" rx="8" class="card"/>`, margin, c.y, c.width-2*margin, height)
	c.text(margin+padding, c.y+26, "b", switchLines(s)[0], 40)
	if s != nil {
		right := c.width - margin - cardWidth
		c.text(right, c.y+26, "m", "outside", 40)
		for _, f := range inspect.Families() {
			c.address(margin+padding+family(f)*130, c.y+48, f, address(s.Gateway.Get(f)))
			c.address(right+family(f)*130, c.y+48, f, address(s.External.Get(f)))
		}
	}
	c.y = bottom + cable
}

// legend names the colours, and lists what is left out.
func (c *canvas) legend() {
	c.y += 26
	c.text(margin, c.y, "m", strings.Join(left(c.graph.Left), ", "), chars(c.width-2*margin-120, plainChar))
	for _, f := range inspect.Families() {
		x := c.width - margin - 110 + family(f)*62
		c.add(`<circle cx="%d" cy="%d" r="4" class="f%d"/>`, x, c.y-4, f)
		c.text(x+9, c.y, "m", f.String(), 4)
	}
	c.y += margin - 4
}

// faults lists the marked parts, in words.
func (c *canvas) faults() {
	faults := c.graph.Faults()
	if len(faults) == 0 {
		return
	}
	c.y += 24
	top := c.y
	c.y += 26
	var inside canvas
	inside.y = c.y
	inside.text(margin+padding, inside.y, "b", "Not as expected", 40)
	for _, f := range faults {
		inside.y += 26
		inside.mark(margin+padding+radius, inside.y-4, f.Mark)
		inside.text(margin+padding+26, inside.y, "", f.Where, chars(c.width, plainChar))
		for _, finding := range f.Findings {
			for _, line := range wrap(printer.Escape(finding.Summary), chars(c.width-2*margin-60, plainChar)) {
				inside.y += lineStep
				inside.text(margin+padding+26, inside.y, "m", line, len(line))
			}
		}
	}
	c.y = inside.y + padding
	c.add(`<rect x="%d" y="%d" width="%d" height="%d" rx="8" class="card"/>`, margin, top, c.width-2*margin, c.y-top)
	c.WriteString(inside.String())
}

// wrap breaks a text between words.
func wrap(s string, limit int) []string {
	var lines []string
	for _, word := range strings.Fields(s) {
		if n := len(lines); n > 0 && utf8.RuneCountInString(lines[n-1])+1+utf8.RuneCountInString(word) <= limit {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// ends returns the tunnel devices of a node, with their tunnels.
func ends(g *graph.Graph, node string) (tunnels []*graph.Tunnel, all []graph.End) {
	for i := range g.Tunnels {
		t := &g.Tunnels[i]
		if j := slices.IndexFunc(t.Ends, func(e graph.End) bool { return e.Node == node }); j >= 0 {
			tunnels, all = append(tunnels, t), append(all, t.Ends[j])
		}
	}
	return tunnels, all
}
