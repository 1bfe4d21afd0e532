package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// lacking says why there is no path between two ends in a family, or nothing: which end has no address of it, and the cause
// that the rules of check find for that.
func (p *planner) lacking(f inspect.Family, ends ...trace.Endpoint) string {
	for _, e := range ends {
		if e.IP.IsValid() {
			continue
		}
		text := fmt.Sprintf("%s %s has no %s address", e.Kind, e.Name, f)
		if cause := p.cause(e, f); cause != nil {
			text += fmt.Sprintf(" (%s: %s)", cause.Code, cause.Summary)
		}
		return text
	}
	return ""
}

// cause is the finding that explains why a pod or a node has no address of a family, or nil. It runs the rules once, and
// only those that need no facts beyond a trace's own; the walk itself looks at the tables of the nodes.
func (p *planner) cause(e trace.Endpoint, f inspect.Family) *inspect.Finding {
	var subject string
	switch e.Kind {
	case trace.Pod:
		subject = inspect.PodSubject(e.Namespace, e.Name)
	case trace.Node:
		subject = inspect.NodeSubject(e.Name)
	default:
		return nil
	}
	if p.findings == nil {
		rules := slices.DeleteFunc(check.About(check.Kubernetes, check.Host, check.Calico, check.Pools, check.Pods), func(r check.Rule) bool {
			return slices.ContainsFunc(r.Needs, func(fact inspect.Fact) bool { return !slices.Contains(Needs(), fact) })
		})
		p.findings = check.BySubject(check.Analyze(p.s, rules, check.Filter{}).Items)
	}
	about := func(f inspect.Family, code inspect.Code, subjects ...string) *inspect.Finding {
		for _, subject := range subjects {
			for i := range p.findings[subject] {
				if found := &p.findings[subject][i]; found.Family == f && (code == "" || found.Code == code) && found.Severity != inspect.SeverityInfo {
					return found
				}
			}
		}
		return nil
	}
	found := about(f, "", subject)
	if found == nil {
		return nil
	}
	// One step is enough: the rules about addresses follow from those about nodes and pools.
	for _, code := range found.CausedBy {
		for _, of := range slices.Sorted(maps.Keys(p.findings)) {
			if root := about(f, code, of); root != nil && (root.Node == "" || root.Node == found.Node) {
				return root
			}
		}
	}
	return found
}
