package check

import (
	"slices"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// TestFold compares each possible cause with each possible effect one by one, which fold must not do.
func TestFold(t *testing.T) {
	explains := func(cause, effect *inspect.Finding) bool {
		about := func(node string) bool { return node != "" && (node == effect.Node || node == effect.RemoteNode) }
		return (cause.Node == "" || effect.Node == "" || about(cause.Node) || about(cause.RemoteNode)) &&
			(cause.Family == 0 || effect.Family == 0 || cause.Family == effect.Family)
	}
	rules := []Rule{{Code: "A"}, {Code: "B", Follows: []inspect.Code{"A"}}}
	var places []inspect.Finding
	for _, family := range []inspect.Family{0, inspect.IPv4, inspect.IPv6} {
		places = append(places, inspect.Finding{Family: family})
		for _, node := range []string{"a", "b"} {
			for _, remote := range []string{"", "a", "b", "c"} {
				places = append(places, inspect.Finding{Family: family, Node: node, RemoteNode: remote})
			}
		}
	}
	for _, cause := range places {
		for _, effect := range places {
			cause.Code, effect.Code = "A", "B"
			findings := []inspect.Finding{cause, effect}
			fold(findings, rules)
			if got := slices.Contains(findings[1].CausedBy, "A"); got != explains(&cause, &effect) || len(findings[0].CausedBy) > 0 {
				t.Errorf("%+v causes %+v: %v", cause, effect, got)
			}
		}
	}
}
