package felix

import "iter"

// Tally ticks off the VTEPs of the other nodes. For each of them a node is expected to have one neighbour entry and one
// forwarding entry (vxlan_mgr.go, updateNeighborsAndAllowedSources).
type Tally struct {
	vteps    *VTEPs
	required bool // whether an absent entry is missing
	done     []bool
}

// Tally starts to tick off. If the tunnels do not run, no entries are expected.
func (o *Overlay) Tally() *Tally {
	t := &Tally{vteps: o.VTEPs}
	if !o.Runs {
		return t
	}
	t.required = o.Own >= 0
	t.done = make([]bool, o.VTEPs.Len())
	if t.required {
		t.done[o.Own] = true
	}
	return t
}

// Take ticks off the entry for VTEP number v. It reports false if it was ticked off before, or none is expected.
func (t *Tally) Take(v int) bool {
	if t.done == nil || t.done[v] {
		return false
	}
	t.done[v] = true
	return true
}

// Missing yields the VTEPs without an entry.
func (t *Tally) Missing() iter.Seq[*VTEP] {
	return func(yield func(*VTEP) bool) {
		for v, done := range t.done {
			if t.required && !done && !yield(t.vteps.At(v)) {
				return
			}
		}
	}
}
