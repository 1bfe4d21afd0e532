package fdb_test

import (
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// BenchmarkAnalyze judges the two million forwarding entries of a thousand nodes.
func BenchmarkAnalyze(b *testing.B) {
	s := inspecttest.Synthetic(1000)
	b.ReportAllocs()
	for b.Loop() {
		if got, want := len(fdb.Analyze(s, fdb.Options{}).Items), 2*1000*999; got != want {
			b.Fatalf("%d rows, want %d", got, want)
		}
	}
}
