package diagram

import (
	"fmt"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/graph"
)

// Heights of the parts of cards.
const (
	headHeight = 76 // a node's name and addresses
	podHeight  = 3*lineStep + 5
	endHeight  = 2*lineStep + 4
	footHeight = 14 // below a node's tunnel devices
	rest       = 22 // a line that says how many more there are
	serviceTop = 88
)

// cardHeight is the height of all cards: that of the fullest node.
func (c *canvas) cardHeight() int {
	height := 0
	for i := range c.graph.Nodes {
		n := &c.graph.Nodes[i]
		_, ends := ends(c.graph, n.Name)
		h := headHeight + max(len(n.Pods), 1)*podHeight + 12 + len(ends)*endHeight + footHeight
		if n.More > 0 {
			h += rest
		}
		height = max(height, h)
	}
	return height
}

// node draws the card of a node: its addresses, its pods, and at the bottom its tunnel devices.
func (c *canvas) node(i, top, height int) {
	n := &c.graph.Nodes[i]
	x := column(i)
	c.add(`<rect x="%d" y="%d" width="%d" height="%d" rx="8" class="%s"/>`, x, top, cardWidth, height, healthClass("card", n.Mark))
	roles := strings.Join(n.Roles, ", ")
	c.text(x+padding, top+25, "b", n.Name, chars(cardWidth-2*padding-int(float64(len(roles))*plainChar), boldChar))
	c.text(x+cardWidth-padding, top+25, "m e", roles, 20)
	c.mark(x+cardWidth/2, top, n.Mark)
	for _, f := range inspect.Families() {
		c.address(x+padding, top+45+family(f)*lineStep, f, address(n.Addresses.Get(f)))
	}
	y := top + headHeight
	c.rule(x, y)
	if len(n.Pods) == 0 {
		c.text(x+padding, y+22, "m", "no pods", 40)
	}
	for j := range n.Pods {
		c.pod(x+padding, y+20, &n.Pods[j])
		y += podHeight
	}
	if n.More > 0 {
		c.text(x+padding, y+18, "m", more(n.More, "pod", "pods"), 40)
	}
	c.devices(i, top+height)
}

func (c *canvas) rule(x, y int) {
	c.add(`<path d="M%d %dh%d" class="rule"/>`, x, y, cardWidth)
}

// pod draws a pod with the letters of the services that send to it.
func (c *canvas) pod(x, y int, p *graph.Pod) {
	right := x + cardWidth - 2*padding
	for i := len(p.Services) - 1; i >= 0; i-- {
		right -= 2 * radius
		c.badge(right+radius, y-4, "letter", letter(p.Services[i]))
		right -= 3
	}
	if p.Marked() {
		right -= 2 * radius
		c.mark(right+radius, y-4, p.Mark)
	}
	c.text(x, y, "", podName(p), chars(right-x-4, plainChar))
	for _, f := range inspect.Families() {
		c.address(x, y+(1+family(f))*lineStep, f, address(p.Addresses.Get(f)))
	}
}

// devices draws the tunnel devices at the bottom of a card.
func (c *canvas) devices(i, bottom int) {
	n := &c.graph.Nodes[i]
	tunnels, ends := ends(c.graph, n.Name)
	if len(ends) == 0 {
		return
	}
	x, y := column(i), bottom-len(ends)*endHeight-footHeight
	c.rule(x, y)
	for j, t := range tunnels {
		c.text(x+padding, y+20, fmt.Sprintf("f%d", t.Family), t.Device, 40)
		c.mark(x+cardWidth-padding-radius, y+16, ends[j].Mark)
		c.address(x+padding, y+20+lineStep, t.Family, address(ends[j].Address))
		y += endHeight
	}
}

// tunnels draws a bar for each tunnel, the lines from the nodes to it, and below it the broken paths.
func (c *canvas) tunnels() {
	cards, y := c.y, c.y
	for _, f := range inspect.Families() { // the lines first: they lie below the bars
		if t := c.tunnel(f); t != nil {
			y += cable
			c.plugs(t, cards, y)
			y += barHeight
		}
		y += depth(c.arcs(f))
	}
	for _, f := range inspect.Families() {
		if t := c.tunnel(f); t != nil {
			c.y += cable
			c.bar(t)
		}
		c.broken(c.arcs(f))
	}
}

// tunnel returns the tunnel of a family, or nil.
func (c *canvas) tunnel(f inspect.Family) *graph.Tunnel {
	for i := range c.graph.Tunnels {
		if c.graph.Tunnels[i].Family == f {
			return &c.graph.Tunnels[i]
		}
	}
	return nil
}

// depth is the room that broken paths take.
func depth(paths []graph.Path) int {
	if len(paths) == 0 {
		return 0
	}
	return arcStep*len(paths) + radius
}

// plugs draws the lines from the cards to a tunnel.
func (c *canvas) plugs(t *graph.Tunnel, from, to int) {
	for _, e := range t.Ends {
		i, ok := shown(c.graph, e.Node)
		if !ok {
			continue
		}
		class := fmt.Sprintf("s%d", t.Family)
		if e.Marked() {
			class = "line s" + e.Health().String()
		}
		x := socket(i, t.Family)
		c.add(`<path d="M%d %dV%d" class="%s"/><circle cx="%d" cy="%d" r="4" class="f%d"/>`, x, from, to, class, x, from, t.Family)
	}
}

// bar draws a tunnel.
func (c *canvas) bar(t *graph.Tunnel) {
	class := fmt.Sprintf("t%d", t.Family)
	if t.Encapsulated == 0 && t.Direct > 0 {
		class += " idle"
	}
	c.add(`<rect x="%d" y="%d" width="%d" height="%d" rx="%d" class="%s"/>`, margin, c.y, c.width-2*margin, barHeight, barHeight/2, class)
	c.text(margin+28, c.y+21, "b", t.Family.String()+" · "+t.Device, 60)
	c.text(c.width-margin-28, c.y+21, "m e", tunnelSettings(t), 60)
	use, why := tunnelUse(t)
	if why != "" {
		use += ": " + why
	}
	c.text(margin+28, c.y+39, "m", use, chars(c.width-2*margin-56, plainChar))
	c.y += barHeight
}

// arcs are the broken paths of a family between nodes that are shown.
func (c *canvas) arcs(f inspect.Family) []graph.Path {
	var all []graph.Path
	for _, p := range c.graph.Paths {
		_, from := shown(c.graph, p.From)
		_, to := shown(c.graph, p.To)
		if p.Family == f && from && to {
			all = append(all, p)
		}
	}
	return all
}

// broken draws paths as arcs below the part that they lead through, each deeper than the one before.
func (c *canvas) broken(paths []graph.Path) {
	for i, p := range paths {
		from, _ := shown(c.graph, p.From)
		to, _ := shown(c.graph, p.To)
		x1, x2 := socket(from, p.Family), socket(to, p.Family)
		sag := arcStep * (i + 1)
		c.add(`<path d="M%d %dC%d %d %d %d %d %d" class="line s%s"/>`, x1, c.y, x1, c.y+sag*4/3, x2, c.y+sag*4/3, x2, c.y+7, p.Health())
		c.add(`<path d="M%d %dl-5 9h10z" class="%s"/>`, x2, c.y+1, p.Health())
		c.mark((x1+x2)/2, c.y+sag, p.Mark)
	}
	c.y += depth(paths)
}

// services draws a card for each service, as many in a row as there are columns.
func (c *canvas) services() {
	columns := (c.width - 2*margin + gap) / (cardWidth + gap)
	for i := range c.graph.Services {
		if i%columns == 0 {
			c.y += 24
		}
		c.service(column(i%columns), c.y, i)
		if i%columns == columns-1 || i == len(c.graph.Services)-1 {
			c.y += serviceTop
		}
	}
}

func (c *canvas) service(x, y, i int) {
	s := &c.graph.Services[i]
	c.add(`<rect x="%d" y="%d" width="%d" height="%d" rx="8" class="%s"/>`, x, y, cardWidth, serviceTop, healthClass("card", s.Mark))
	c.badge(x+padding+radius, y+20, "letter", letter(i))
	c.text(x+padding+24, y+24, "", serviceName(s), chars(cardWidth-2*padding-24, plainChar))
	c.mark(x+cardWidth/2, y, s.Mark)
	counts := readiness(s)
	c.text(x+cardWidth-padding, y+43, "m e", counts, 40)
	c.text(x+padding, y+43, "m", servicePorts(s), chars(cardWidth-2*padding-8, plainChar)-len(counts))
	for _, f := range inspect.Families() {
		c.address(x+padding, y+43+(1+family(f))*lineStep, f, address(s.Addresses.Get(f)))
	}
}
