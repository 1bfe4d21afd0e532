package felix

import (
	"iter"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Tally ticks off the VTEPs of the other nodes, for each of which a node must have one neighbour entry and one
// forwarding entry (vxlan_mgr.go, updateNeighborsAndAllowedSources).
type Tally struct {
	vteps    *VTEPs
	required bool // whether what is not there is missed
	done     []bool
}

// Tally starts to tick off. Where the node has no VXLAN in the family, there is nothing to tick off.
func (n *Node) Tally(f inspect.Family) *Tally {
	t := &Tally{vteps: n.cluster.VTEPs(f)}
	if !n.Settings.VXLAN.Get(f) {
		return t
	}
	t.required = n.Local(f)
	t.done = make([]bool, t.vteps.Len())
	if own, ok := t.vteps.OfNode(n.Name); ok {
		t.done[own] = true
	}
	return t
}

// Take takes an entry as the one for VTEP number v. It reports false when there is one already, or must be none.
func (t *Tally) Take(v int) bool {
	if t.done == nil || t.done[v] {
		return false
	}
	t.done[v] = true
	return true
}

// Missing gives the VTEPs that no entry was taken for.
func (t *Tally) Missing() iter.Seq[*VTEP] {
	return func(yield func(*VTEP) bool) {
		for v, done := range t.done {
			if t.required && !done && !yield(t.vteps.At(v)) {
				return
			}
		}
	}
}
