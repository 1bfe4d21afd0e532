package graph

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/neighbors"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/vxlan"
)

// add notes what is wrong, once.
func (m *Mark) add(h Health, note string) {
	m.Health = max(m.Health, h)
	if !slices.Contains(m.Notes, note) {
		m.Notes = append(m.Notes, note)
	}
}

// judge notes a row of an inspector that is not ok.
func (m *Mark) judge(status inspect.Status, what string, details ...string) {
	h := Broken
	if status == inspect.StatusUnknown {
		h, what = Unknown, "not verified"
	} else if status != inspect.StatusOK {
		what = string(status) + " " + what
	}
	if text := strings.Join(details, "; "); text != "" {
		what += ": " + text
	}
	m.add(h, what)
}

// addTunnels makes one tunnel of the devices of each family.
func (b *builder) addTunnels() {
	filter := felix.Filter{Family: b.options.Family}
	for _, d := range vxlan.Analyze(b.snapshot, vxlan.Options{Filter: filter}).Items {
		n := b.node(d.Node)
		if n == nil {
			continue
		}
		t := b.tunnel(d)
		e := End{Node: d.Node, VTEP: d.VTEP, Address: b.tunnelAddress(d.Node, d.Family)}
		if d.Status != inspect.StatusOK {
			e.judge(d.Status, "tunnel device", d.Problems...)
		}
		t.Ends = append(t.Ends, e)
	}
	slices.SortFunc(b.graph.Tunnels, func(a, b Tunnel) int { return cmp.Compare(a.Family, b.Family) })
}

// tunnel returns the tunnel that a device is part of. The settings are those of the first device that has any.
func (b *builder) tunnel(d vxlan.Device) *Tunnel {
	t := b.tunnelOf(d.Family)
	if t == nil {
		b.graph.Tunnels = append(b.graph.Tunnels, Tunnel{Family: d.Family, Device: d.Device})
		t = &b.graph.Tunnels[len(b.graph.Tunnels)-1]
	}
	t.VNI, t.Port = cmp.Or(t.VNI, d.VNI), cmp.Or(t.Port, d.Port)
	return t
}

// tunnelOf returns the tunnel of a family, or nil.
func (b *builder) tunnelOf(f inspect.Family) *Tunnel {
	i := slices.IndexFunc(b.graph.Tunnels, func(t Tunnel) bool { return t.Family == f })
	if i < 0 {
		return nil
	}
	return &b.graph.Tunnels[i]
}

func (b *builder) tunnelAddress(node string, f inspect.Family) netip.Addr {
	for i := range b.snapshot.Nodes {
		if b.snapshot.Nodes[i].Name == node {
			return b.snapshot.Nodes[i].Tunnel.Get(f)
		}
	}
	return netip.Addr{}
}

// way identifies a path. Without a node at its end it stands for the tables of the first.
type way struct {
	from, to string
	family   inspect.Family
}

// paths collects the paths that are not as they must be.
type paths struct {
	*builder
	marks    map[way]*Mark
	followed map[*End]int // entries that are missing with the device that they are of
}

// addPaths holds what leads from node to node against what must be there, and counts what goes through the tunnels.
func (b *builder) addPaths() {
	c := paths{builder: b, marks: map[way]*Mark{}, followed: map[*End]int{}}
	filter := felix.Filter{Family: b.options.Family}
	for _, r := range routes.Analyze(b.snapshot, routes.Options{Filter: filter}).Items {
		c.count(r)
		c.note(way{r.Node, r.RemoteNode, r.Family}, r.Status, "route to "+text(r.Destination), r.Problems...)
	}
	for _, n := range neighbors.Analyze(b.snapshot, neighbors.Options{Filter: filter}).Items {
		c.note(way{n.Node, n.RemoteNode, n.Family}, n.Status, "neighbour entry of "+text(n.IP), details(n.MAC.String(), n.Expected, n.Problems)...)
	}
	for _, e := range fdb.Analyze(b.snapshot, fdb.Options{Filter: filter}).Items {
		c.note(way{e.Node, e.RemoteNode, e.Family}, e.Status, "forwarding entry of "+e.MAC.String(), details(text(e.VTEP), e.Expected, e.Problems)...)
	}
	for end, n := range c.followed {
		end.add(Broken, fmt.Sprintf("%d routes and entries are missing with it", n))
	}
	keys := slices.SortedFunc(maps.Keys(c.marks), func(a, b way) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.family, b.family), cmp.Compare(a.to, b.to))
	})
	for _, w := range keys {
		b.graph.Paths = append(b.graph.Paths, Path{From: w.from, To: w.to, Family: w.family, Mark: *c.marks[w]})
	}
}

// details says what an entry has and what is expected.
func details(has, expected string, problems []string) []string {
	if expected == "" {
		return problems
	}
	return append([]string{"is " + has + ", expected " + expected}, problems...)
}

// text is an address or a prefix as text, where there is one.
func text[A interface {
	IsValid() bool
	String() string
}](a A) string {
	if !a.IsValid() {
		return "?"
	}
	return a.String()
}

// note marks the path that a row is about, or the node's own tunnel device where it is about no other node. What is
// missing because the device is, is only counted there.
func (c *paths) note(w way, status inspect.Status, what string, details ...string) {
	if status == inspect.StatusOK || c.node(w.from) == nil {
		return
	}
	end := c.end(w.from, w.family)
	switch {
	case end != nil && end.Health == Broken && status == inspect.StatusMissing:
		c.followed[end]++
	case end != nil && (w.to == "" || w.to == w.from):
		end.judge(status, what, details...)
	case w.to == "" || w.to == w.from:
		c.node(w.from).judge(status, what, details...)
	default:
		if c.marks[w] == nil {
			c.marks[w] = &Mark{}
		}
		c.marks[w].judge(status, what, details...)
	}
}

// end returns the tunnel device of a node, or nil.
func (c *paths) end(node string, f inspect.Family) *End {
	t := c.tunnelOf(f)
	if t == nil {
		return nil
	}
	i := slices.IndexFunc(t.Ends, func(e End) bool { return e.Node == node })
	if i < 0 {
		return nil
	}
	return &t.Ends[i]
}

// count notes how a block of another node is reached.
func (c *paths) count(r routes.Route) {
	t := c.tunnelOf(r.Family)
	if t == nil || r.Status != inspect.StatusOK || r.RemoteNode == "" || r.Destination.IsSingleIP() {
		return
	}
	switch r.Kind {
	case felix.Tunnel:
		t.Encapsulated++
	case felix.Direct:
		t.Direct++
		t.Why = r.Reason
	}
}
