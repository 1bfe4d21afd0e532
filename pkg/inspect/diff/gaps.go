package diff

import (
	"maps"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// gaps are what one of two snapshots does not have: why, by fact and node. The node is empty for a fact as a whole.
type gaps map[gap]string

type gap struct {
	fact inspect.Fact
	node string
}

// gapsOf collects them. What a cluster does not have at all (Absent) is no gap.
func gapsOf(before, after *inspect.Snapshot) gaps {
	all := gaps{}
	for _, s := range []*inspect.Snapshot{before, after} {
		for _, m := range s.Missing {
			if !m.Absent {
				all[gap{m.Fact, m.Node}] = m.Reason
			}
		}
		for _, part := range parts() {
			// An older recording does not have what was not read at its time.
			if len(s.Gathered) > 0 && !slices.Contains(s.Gathered, part.fact) {
				all[gap{part.fact, ""}] = "one of the snapshots is without it"
			}
		}
	}
	return all
}

func (g gaps) has(fact inspect.Fact, node string) bool {
	_, whole := g[gap{fact, ""}]
	_, here := g[gap{fact, node}]
	return whole || here
}

// omissions lists the gaps of what is compared, by fact, those of one reason together.
func (g gaps) omissions() []inspect.Omission {
	var all []inspect.Omission
	for _, part := range parts() {
		nodes := map[string][]string{} // by the reason
		for at, reason := range g {
			if at.fact == part.fact {
				nodes[reason] = append(nodes[reason], at.node)
			}
		}
		for _, reason := range slices.Sorted(maps.Keys(nodes)) {
			slices.Sort(nodes[reason])
			named := slices.DeleteFunc(nodes[reason], func(node string) bool { return node == "" })
			all = append(all, inspect.Omission{Reason: NotCompared, Part: string(part.fact), Subjects: named, Explanation: reason})
		}
	}
	return all
}
