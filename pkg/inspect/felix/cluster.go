package felix

import (
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Cluster is what holds for all nodes alike, computed once. It is not changed afterwards.
type Cluster struct {
	snapshot *inspect.Snapshot
	release  release
	nodes    []*inspect.Node // sorted by name
	vteps    inspect.ByFamily[*VTEPs]
	dests    inspect.ByFamily[*destinations]
	patterns map[string]*regexp.Regexp // compiled mtuIfacePatterns
}

// New reads the API facts of a snapshot.
func New(s *inspect.Snapshot) *Cluster {
	c := &Cluster{snapshot: s, release: parseRelease(s.Calico.Version), patterns: patternsOf(s.Calico)}
	for i := range s.Nodes {
		c.nodes = append(c.nodes, &s.Nodes[i])
	}
	slices.SortFunc(c.nodes, func(a, b *inspect.Node) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range inspect.Families() {
		c.vteps.Set(f, newVTEPs(s.Nodes, f))
		c.dests.Set(f, newDestinations(s, f, c.vteps.Get(f)))
	}
	return c
}

// VTEPs returns the VTEPs of all nodes in a family.
func (c *Cluster) VTEPs(f inspect.Family) *VTEPs { return c.vteps.Get(f) }

// patternsOf compiles each mtuIfacePattern in use. Felix goes by its default when a pattern is not valid.
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
// not be read, it calls visit with a nameless node, of which nothing can be judged.
func (c *Cluster) Visit(flt Filter, visit func(*Node, inspect.Family)) {
	nodes := c.nodes
	if len(nodes) == 0 && c.lacks(inspect.FactNodes, "") != "" {
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

// lacks returns why a fact is not in the snapshot, or the empty string.
func (c *Cluster) lacks(fact inspect.Fact, node string) string {
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
