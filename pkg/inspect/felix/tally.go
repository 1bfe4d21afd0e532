package felix

import "iter"

// Tally ticks off the VTEPs of the other nodes. For each of them a node is expected to have one neighbour entry and one
// forwarding entry (vxlan_mgr.go, updateNeighborsAndAllowedSources).
type Tally struct {
	vteps    *VTEPs
	required bool // whether what is not there is missing
	done     []bool
}

// Tally starts to tick off. Where the tunnels do not run, there is nothing to tick off.
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

// Take takes an entry as the one for VTEP number v. It reports false when there is one already, or none is expected.
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
