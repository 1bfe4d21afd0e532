package inspect_test

import (
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func TestLacks(t *testing.T) {
	s := &inspect.Snapshot{Missing: []inspect.Missing{
		{Fact: inspect.FactPools, Reason: "no permission"},
		{Fact: inspect.FactTables, Node: "a", Reason: "exec: refused"},
		{Fact: inspect.FactTables, Node: "a", Reason: "debug: refused"},
	}}
	for _, test := range []struct {
		fact       inspect.Fact
		node, want string
	}{
		{inspect.FactPools, "", "no permission"},
		{inspect.FactPools, "a", "no permission"},
		{inspect.FactTables, "a", "exec: refused; debug: refused"},
		{inspect.FactTables, "b", ""},
		{inspect.FactBlocks, "", ""},
	} {
		if got := s.Lacks(test.fact, test.node); got != test.want {
			t.Errorf("%s of %q: got %q, want %q", test.fact, test.node, got, test.want)
		}
	}
}
