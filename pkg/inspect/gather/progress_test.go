package gather

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// TestGatherProgress: each fact is done once, and the nodes are counted.
func TestGatherProgress(t *testing.T) {
	var said []string
	request := Request{Facts: []inspect.Fact{inspect.FactTables, inspect.FactNodes, inspect.FactPods},
		Progress: func(p Progress) { said = append(said, p.String()) }}
	if _, err := labCluster().live().Snapshot(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if said[0] != "nodes, pods, node tables" || said[len(said)-1] != "" {
		t.Errorf("it said %q", said)
	}
	if !slices.ContainsFunc(said, func(s string) bool { return strings.Contains(s, "1 of 1 node tables") }) {
		t.Errorf("no word of the node: %q", said)
	}
}
