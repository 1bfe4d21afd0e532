package diff

import (
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
)

// findingKey identifies a finding. Its sentence is no part of it, since that has the values seen.
type findingKey struct {
	code          inspect.Code
	subject       string
	node, between string
	family        inspect.Family
}

// keys identifies findings. Those about a pod of a controller are the same when they are about one that it made in its place, perhaps on
// another node.
type keys map[string]string // the controller's pods, by the subject of a pod

func keysOf(s *inspect.Snapshot) keys {
	all := keys{}
	for i := range s.Pods {
		p := &s.Pods[i]
		if name := controller(p); name != "" {
			all[inspect.PodSubject(p.Namespace, p.Name)] = podsSubject(p.Namespace, name)
		}
	}
	return all
}

func (k keys) of(f *inspect.Finding) findingKey {
	if pods, ok := k[f.Subject]; ok {
		return findingKey{f.Code, pods, "", "", f.Family}
	}
	return findingKey{f.Code, f.Subject, f.Node, f.RemoteNode, f.Family}
}

// findings are those that only one of the snapshots has, new ones first. Those that follow from another one are left out, as are those
// of rules that could not be checked in the other snapshot: it does not say that they are not there.
func findings(before, after *inspect.Snapshot) []Change {
	rules := check.Rules()
	was, is := check.Analyze(before, rules, check.Filter{}), check.Analyze(after, rules, check.Filter{})
	old, now := keysOf(before), keysOf(after)
	return slices.Concat(only(New, is, now, was, old), only(Solved, was, old, is, now))
}

// only are the findings of a report that another one does not have.
func only(
	what What, report *inspect.Report[inspect.Finding], own keys, other *inspect.Report[inspect.Finding], others keys,
) []Change {
	had := map[findingKey]bool{}
	for i := range other.Items {
		had[others.of(&other.Items[i])] = true
	}
	unchecked := map[string]bool{}
	for _, o := range other.Omitted {
		unchecked[o.Part] = true
	}
	var changes []Change
	for i := range report.Items {
		f := &report.Items[i]
		if len(f.CausedBy) == 0 && !had[own.of(f)] && !unchecked[string(f.Code)] {
			changes = append(changes, Change{Change: what, Kind: "finding", Subject: f.Subject, Node: f.Node, Finding: f})
		}
	}
	return changes
}
