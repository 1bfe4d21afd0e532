package felix

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Cluster holds the facts that all nodes share. It is computed once and does not change afterwards.
type Cluster struct {
	snapshot *inspect.Snapshot
	release  Release
	nodes    []*inspect.Node // sorted by name
	managers []Manager
	dests    inspect.ByFamily[*destinations]
	patterns map[string]*regexp.Regexp // compiled mtuIfacePatterns
}

// New reads the API facts of a snapshot, with a Manager for each way of travel to verify. Package ways passes all of them.
func New(s *inspect.Snapshot, makers ...Maker) *Cluster {
	c := &Cluster{snapshot: s, release: ReleaseOf(s.Calico.Version), patterns: patternsOf(s.Calico)}
	for i := range s.Nodes {
		c.nodes = append(c.nodes, &s.Nodes[i])
	}
	slices.SortFunc(c.nodes, func(a, b *inspect.Node) int { return strings.Compare(a.Name, b.Name) })
	for _, newManager := range makers {
		c.managers = append(c.managers, newManager(c))
	}
	for _, f := range inspect.Families() {
		c.dests.Set(f, newDestinations(c, f))
	}
	return c
}

// Snapshot returns the facts that the cluster was made from.
func (c *Cluster) Snapshot() *inspect.Snapshot { return c.snapshot }

// Nodes returns the nodes in order of name. Destination.Number refers to this order.
func (c *Cluster) Nodes() []*inspect.Node { return c.nodes }

// Release returns the release of Calico.
func (c *Cluster) Release() Release { return c.release }

// VTEPs returns the VTEPs of all nodes in a family.
func (c *Cluster) VTEPs(f inspect.Family) *VTEPs {
	for _, m := range c.managers {
		if vteps := m.VTEPs(f); vteps != nil {
			return vteps
		}
	}
	return NewVTEPs(nil)
}

// ManagerOf returns the manager that has the pool of an address, and the pool. The manager is nil outside all pools, in
// a pool that no manager applies to, and in a pool only for load balancers, which has no routes. Outside all pools the
// pool is nil.
func (c *Cluster) ManagerOf(a netip.Addr) (Manager, *inspect.IPPool) {
	pool := inspect.PoolOf(c.snapshot.Pools, a)
	if pool == nil {
		return nil, nil
	}
	if i := c.manages(pool); i >= 0 {
		return c.managers[i], pool
	}
	return nil, pool
}

// manages returns the number of the manager that has a pool, or -1.
func (c *Cluster) manages(pool *inspect.IPPool) int {
	if ForLoadBalancers(pool) {
		return -1
	}
	return slices.IndexFunc(c.managers, func(m Manager) bool { return m.Applies(pool) })
}

// ForLoadBalancers reports whether a pool is only for load balancers: nodes have no blocks of it (l3_route_resolver.go).
func ForLoadBalancers(p *inspect.IPPool) bool {
	return slices.Equal(p.AllowedUses, []string{"LoadBalancer"})
}

// patternsOf compiles each mtuIfacePattern in use. Felix uses its default when a pattern is not valid.
func patternsOf(calico inspect.Calico) map[string]*regexp.Regexp {
	fallback := regexp.MustCompile(DefaultMTUIfacePattern)
	patterns := map[string]*regexp.Regexp{DefaultMTUIfacePattern: fallback}
	add := func(pattern string) {
		re, err := regexp.Compile(pattern)
		if err != nil {
			re = fallback
		}
		patterns[pattern] = re
	}
	add(calico.FelixEnv.MTUIfacePattern)
	for _, s := range calico.Felix {
		add(s.MTUIfacePattern)
	}
	return patterns
}

// Filter limits a report to a family or to some nodes. The zero value is everything.
type Filter struct {
	Family inspect.Family
	Nodes  []string
}

// Visit calls visit for each node, in order of name, and each family that the filter lets pass. When the nodes could
// not be read, it calls visit with a nameless node, for which every row is unknown.
func (c *Cluster) Visit(flt Filter, visit func(*Node, inspect.Family)) {
	nodes := c.nodes
	if len(nodes) == 0 && c.Lacks(inspect.FactNodes, "") != "" {
		nodes = []*inspect.Node{{}}
	}
	for _, facts := range nodes {
		if len(flt.Nodes) > 0 && !slices.Contains(flt.Nodes, facts.Name) {
			continue
		}
		n := c.node(facts)
		for _, f := range inspect.Families() {
			if flt.Family.Matches(f) {
				visit(n, f)
			}
		}
	}
}

// Lacks returns why a fact is not in the snapshot, or the empty string. The node matters for its tables alone.
func (c *Cluster) Lacks(fact inspect.Fact, node string) string {
	s := c.snapshot
	if reason := s.Lacks(fact, node); reason != "" {
		return reason
	}
	if len(s.Gathered) > 0 && !slices.Contains(s.Gathered, fact) {
		return "the snapshot was taken without " + string(fact)
	}
	if fact == inspect.FactTables && node != "" {
		if _, ok := s.Tables[node]; !ok {
			return "the snapshot holds no tables of this node"
		}
	}
	return ""
}
