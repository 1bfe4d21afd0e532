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

// side holds the findings of one snapshot, with the groups of its pods.
type side struct {
	report *inspect.Report[inspect.Finding]
	groups map[string]string // by the subject of a pod
}

func sideOf(s *inspect.Snapshot, rules []check.Rule) side {
	groups := map[string]string{}
	for i := range s.Pods {
		p := &s.Pods[i]
		if name := group(p); name != "" {
			groups[inspect.PodSubject(p.Namespace, p.Name)] = name
		}
	}
	return side{check.Analyze(s, rules, check.Filter{}), groups}
}

// key identifies a finding. A controller may replace a pod, also on another node: a finding about the new pod is the same.
func (s side) key(f *inspect.Finding) findingKey {
	if pods, ok := s.groups[f.Subject]; ok {
		return findingKey{f.Code, pods, "", "", f.Family}
	}
	return findingKey{f.Code, f.Subject, f.Node, f.RemoteNode, f.Family}
}

// findings are those that only one of the snapshots has, new ones first. Those that follow from another one are left out, as are those
// of rules that could not be checked in the other snapshot: it does not say that they are not there.
func findings(before, after *inspect.Snapshot) []Change {
	rules := check.Rules()
	was, is := sideOf(before, rules), sideOf(after, rules)
	return slices.Concat(only(New, is, was), only(Solved, was, is))
}

// only are the findings of one side that the other one does not have.
func only(what What, own, other side) []Change {
	had := map[findingKey]bool{}
	for i := range other.report.Items {
		had[other.key(&other.report.Items[i])] = true
	}
	unchecked := map[string]bool{}
	for _, o := range other.report.Omitted {
		unchecked[o.Part] = true
	}
	var changes []Change
	for i := range own.report.Items {
		f := &own.report.Items[i]
		if len(f.CausedBy) == 0 && !had[own.key(f)] && !unchecked[string(f.Code)] {
			changes = append(changes, Change{Change: what, Kind: "finding", Subject: f.Subject, Node: f.Node, Finding: f})
		}
	}
	return changes
}
