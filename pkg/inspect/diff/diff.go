// Package diff says what changed between two snapshots of a cluster: findings of check that are new or solved, and objects and
// entries of nodes' tables that were added, are gone or have other values.
//
// What changes by itself is left out: counters, neighbour entries that the kernel learns, the devices and routes of single pods,
// addresses in use within a block. Pods that their controller replaced are counted. What one of the snapshots does not have is
// not compared, and the report says so. It does no I/O.
package diff

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Kind is the kind of a row.
const Kind = "Change"

// NotCompared is the reason of omissions. The part is the fact.
const NotCompared = "not compared"

// What says what became of something.
type What string

// What may become of something.
const (
	New     What = "new"    // a finding of check
	Solved  What = "solved" // a finding of check
	Added   What = "added"
	Gone    What = "gone"
	Changed What = "changed"
)

// Change is one thing that is not as it was.
type Change struct {
	Change  What   `json:"change"`
	Kind    string `json:"kind"` // in one or two words: finding, node, pods, route
	Subject string `json:"subject"`
	Node    string `json:"node,omitempty"`
	// Fields are the values that changed, in order of their names: those of a snapshot, with a dot before those of a part.
	Fields []Field `json:"fields,omitempty"`
	// Finding is set for a finding.
	Finding *inspect.Finding `json:"finding,omitempty"`
}

// Field is a value before and after; empty where there was none.
type Field struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Details says in one line what changed.
func (c *Change) Details() string {
	if c.Finding != nil {
		return string(c.Finding.Code) + ": " + c.Finding.Summary
	}
	var parts []string
	for _, f := range c.Fields {
		switch {
		case c.Change == Added, f.Name == replacedField:
			parts = append(parts, f.Name+" "+f.After)
		case c.Change == Gone:
			parts = append(parts, f.Name+" "+f.Before)
		default:
			parts = append(parts, f.Name+" "+cmp.Or(f.Before, "none")+" -> "+cmp.Or(f.After, "none"))
		}
	}
	return strings.Join(parts, ", ")
}

// Health is the health that a change is shown with.
func (c *Change) Health() inspect.Health {
	switch c.Change {
	case New:
		return c.Finding.Severity.Health()
	case Solved:
		return inspect.Healthy
	case Gone, Changed:
		return inspect.Doubtful
	default:
		return inspect.Neutral
	}
}

// Analyze compares two snapshots, and returns findings first, then objects and tables in the order of the inspectors.
func Analyze(before, after *inspect.Snapshot) *inspect.Report[Change] {
	gaps := gapsOf(before, after)
	changes := findings(before, after)
	for _, part := range parts() {
		if gaps.has(part.fact, "") {
			continue
		}
		was, is := part.things(before), part.things(after)
		switch part.fact {
		case inspect.FactTables:
			// A node that came or went is a row of its own; that all of its entries did, too, tells nothing.
			unread := func(t thing) bool {
				_, had := before.Tables[t.node]
				_, has := after.Tables[t.node]
				return !had || !has || gaps.has(part.fact, t.node)
			}
			was, is = slices.DeleteFunc(was, unread), slices.DeleteFunc(is, unread)
		case inspect.FactPods:
			changes = append(changes, replaced(before.Pods, after.Pods)...)
		}
		changes = append(changes, compare(was, is)...)
	}
	return inspect.NewReport(Kind, changes, gaps.omissions()...)
}

// compare returns what was added, is gone or changed among things of one kind, in order of their names.
func compare(before, after []thing) []Change {
	was, is := byKey(before), byKey(after)
	var changes []Change
	for _, key := range keysOf(was, is) {
		old, had := was[key]
		now, has := is[key]
		one, what := now, Changed
		switch {
		case !had:
			what = Added
		case !has:
			one, what = old, Gone
		}
		fields := differences(old.fields, now.fields)
		if what != Changed {
			fields = slices.DeleteFunc(fields, func(f Field) bool { return !slices.Contains(one.shown, f.Name) })
		} else if len(fields) == 0 {
			continue
		}
		changes = append(changes, Change{Change: what, Kind: one.kind, Subject: one.subject, Node: one.node, Fields: fields})
	}
	return changes
}

// keysOf are the keys of either of two maps, sorted.
func keysOf[V any](a, b map[string]V) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

// byKey finds things by what identifies them. Of several alike, as the routes of equal cost, the second has a key of its own.
func byKey(things []thing) map[string]thing {
	all := make(map[string]thing, len(things))
	for _, t := range things {
		key := t.kind + "\x00" + t.node + "\x00" + t.subject
		for _, taken := all[key]; taken; _, taken = all[key] {
			key += "\x00"
		}
		all[key] = t
	}
	return all
}

// differences are the values that two things do not share, in order of their names.
func differences(before, after map[string]string) []Field {
	var fields []Field
	for name, value := range before {
		if after[name] != value {
			fields = append(fields, Field{Name: name, Before: value, After: after[name]})
		}
	}
	for name, value := range after {
		if _, had := before[name]; !had {
			fields = append(fields, Field{Name: name, After: value})
		}
	}
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return fields
}
