package graph

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/neighbors"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/vxlan"
)

// add notes a finding, once.
func (m *Mark) add(f inspect.Finding) {
	if !slices.ContainsFunc(m.Findings, func(have inspect.Finding) bool { return have.Summary == f.Summary }) {
		m.Findings = append(m.Findings, f)
	}
}

// subject is the subject of an inspector's row.
type subject struct {
	code inspect.Code
	name string // "route to 10.0.0.0/26"
	has  string // its value, to compare with the expected one
	way
	inspect.Judgement
}

// finding describes a row that is not ok.
func (s subject) finding() inspect.Finding {
	f := inspect.Finding{Code: s.code, Severity: inspect.SeverityError,
		Summary: string(s.Status) + " " + s.name, Node: s.from, RemoteNode: s.to, Family: s.family}
	if s.Status == inspect.StatusUnknown {
		f.Severity, f.Summary = inspect.SeverityUnknown, "not verified"
	}
	details := s.Problems
	if s.has != "" && s.Expected != "" {
		details = append([]string{"is " + s.has + ", expected " + s.Expected}, details...)
	}
	if text := strings.Join(details, "; "); text != "" {
		f.Summary += ": " + text
	}
	return f
}

// addTunnels joins the devices of each family into one tunnel.
func (b *builder) addTunnels() {
	filter := felix.Filter{Family: b.options.Family}
	for _, d := range vxlan.In(b.expected, vxlan.Options{Filter: filter}).Items {
		n := b.node(d.Node)
		if n == nil {
			continue
		}
		t := b.tunnel(d)
		e := End{Node: d.Node, VTEP: d.VTEP, Address: b.tunnelAddress(d.Node, d.Family)}
		if d.Status != inspect.StatusOK {
			e.add(subject{check.DeviceNotAsExpected, "tunnel device", "", way{d.Node, "", d.Family}, d.Judgement}.finding())
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

// way identifies a path. Without an end node it stands for the tables of the first node.
type way struct {
	from, to string
	family   inspect.Family
}

// paths collects the paths that are not as expected.
type paths struct {
	*builder
	marks    map[way]*Mark
	followed map[*End]int // entries that are missing together with their device
}

// addPaths judges the entries from node to node, and counts the paths through the tunnels.
func (b *builder) addPaths() {
	c := paths{builder: b, marks: map[way]*Mark{}, followed: map[*End]int{}}
	filter := felix.Filter{Family: b.options.Family}
	for _, r := range routes.In(b.expected, routes.Options{Filter: filter}).Items {
		c.count(r)
		c.note(subject{check.RouteNotAsExpected, "route to " + text(r.Destination), "", way{r.Node, r.RemoteNode, r.Family}, r.Judgement})
	}
	for _, n := range neighbors.In(b.expected, neighbors.Options{Filter: filter}).Items {
		c.note(subject{check.NeighborNotAsExpected, "neighbour entry of " + text(n.IP), n.MAC.String(), way{n.Node, n.RemoteNode, n.Family}, n.Judgement})
	}
	for _, e := range fdb.In(b.expected, fdb.Options{Filter: filter}).Items {
		c.note(subject{check.FDBNotAsExpected, "forwarding entry of " + e.MAC.String(), text(e.VTEP), way{e.Node, e.RemoteNode, e.Family}, e.Judgement})
	}
	for _, s := range bgp.Analyze(b.snapshot, filter).Items {
		if s.Fault == bgp.Unread {
			continue // the node's tables are not verified either, or nothing here needs BGP
		}
		name := "BGP session"
		if s.Peer.IsValid() {
			name += " with " + s.Peer.String()
		}
		c.note(subject{codeOf(s.Fault), name, "", way{s.Node, s.PeerNode, s.Family}, s.Judgement})
	}
	for end, n := range c.followed {
		end.add(inspect.Finding{Code: MissingWithDevice, Severity: inspect.SeverityError, Node: end.Node,
			Summary: fmt.Sprintf("%d routes and entries are missing with it", n)})
	}
	keys := slices.SortedFunc(maps.Keys(c.marks), func(a, b way) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.family, b.family), cmp.Compare(a.to, b.to))
	})
	for _, w := range keys {
		b.graph.Paths = append(b.graph.Paths, Path{From: w.from, To: w.to, Family: w.family, Mark: *c.marks[w]})
	}
}

// codeOf is the rule of check for a session's fault.
func codeOf(fault bgp.Fault) inspect.Code {
	switch fault {
	case bgp.Silent:
		return check.BIRDSilent
	case bgp.None:
		return check.NoSession
	case bgp.Stale:
		return check.SessionStale
	case bgp.Held:
		return check.RoutesHeld
	case bgp.Dying:
		return check.SessionDying
	case bgp.NoRoutes:
		return check.SessionEmpty
	default:
		return check.SessionDown
	}
}

// text is an address or a prefix as text, if there is one.
func text[A interface {
	IsValid() bool
	String() string
}](a A) string {
	if !a.IsValid() {
		return "?"
	}
	return a.String()
}

// note marks the path of a row, or the node's own tunnel device if the row names no other node. Entries that are missing
// because the device is missing only count there.
func (c *paths) note(row subject) {
	if row.Status == inspect.StatusOK || c.node(row.from) == nil {
		return
	}
	end := c.end(row.from, row.family)
	switch {
	case end != nil && end.Health() == inspect.Broken && row.Status == inspect.StatusMissing:
		c.followed[end]++
	case end != nil && (row.to == "" || row.to == row.from):
		end.add(row.finding())
	case row.to == "" || row.to == row.from:
		c.node(row.from).add(row.finding())
	default:
		if c.marks[row.way] == nil {
			c.marks[row.way] = &Mark{}
		}
		c.marks[row.way].add(row.finding())
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
