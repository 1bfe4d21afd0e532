package felix

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// RoutePlan holds the expected routes of one node to the destinations of a family, by any way. The
// destinations are numbered by address, in the same way for all nodes.
type RoutePlan struct {
	dests *destinations
	vteps *VTEPs
	ways  []Way // by number of the manager; nil where the way's routes are omitted
}

// RoutePlan returns the expected routes to the destinations of a family.
func (n *Node) RoutePlan(f inspect.Family) *RoutePlan {
	p := &RoutePlan{dests: n.cluster.dests.Get(f), vteps: n.cluster.VTEPs(f), ways: make([]Way, len(n.ways.Get(f)))}
	for i, w := range n.ways.Get(f) {
		if w.Omits(Routes) == "" {
			p.ways[i] = w
		}
	}
	return p
}

// Len is the number of destinations.
func (p *RoutePlan) Len() int { return len(p.dests.list) }

// Find returns the number of a destination.
func (p *RoutePlan) Find(dst netip.Prefix) (int, bool) { return found(p.dests.index, dst) }

// Optional reports whether no node needs a route to destination i: a missing one makes no row.
func (p *RoutePlan) Optional(i int) bool { return p.dests.list[i].Of == TunnelAddress }

// Route returns the route that the node is expected to have, or may have, to destination i, if any. Routes to the node's
// own pods are not among them.
func (p *RoutePlan) Route(i int) (Route, bool) {
	d := &p.dests.list[i]
	if d.manager < 0 || p.ways[d.manager] == nil {
		return Route{}, false
	}
	return p.ways[d.manager].Route(d)
}

// Owns reports whether a route belongs to one of the ways. Such a route is unexpected unless Route returned it.
func (p *RoutePlan) Owns(r *inspect.Route) bool {
	for _, w := range p.ways {
		if w != nil && w.Owns(r) {
			return true
		}
	}
	return false
}

// NodeBehind returns the node that a gateway belongs to, or the empty string.
func (p *RoutePlan) NodeBehind(gateway netip.Addr) string {
	if i, ok := p.vteps.WithTunnel(gateway); ok {
		return p.vteps.At(i).Node
	}
	return p.dests.nodeOf[gateway]
}

// NodeOf returns the node that has an address of a family as its own, or the empty string.
func (c *Cluster) NodeOf(f inspect.Family, host netip.Addr) string {
	return c.dests.Get(f).nodeOf[host]
}
