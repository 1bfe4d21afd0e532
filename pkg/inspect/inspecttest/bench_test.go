package inspecttest_test

import (
	"runtime"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/blocks"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/ippools"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/neighbors"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/vxlan"
)

// BenchmarkInspectors runs every inspector over a thousand nodes with all their tables: two million forwarding entries,
// as many neighbours and as many routes. It reports what the process has had of the system's memory, the snapshot
// included; run it once (-benchtime 1x), or the garbage of earlier rounds counts too.
func BenchmarkInspectors(b *testing.B) {
	s := it.Synthetic(1000)
	for b.Loop() {
		rows := len(ippools.Analyze(s, ippools.Options{}).Items)
		rows += len(blocks.Analyze(s, blocks.Options{}).Items)
		rows += len(vxlan.Analyze(s, vxlan.Options{}).Items)
		rows += len(fdb.Analyze(s, fdb.Options{}).Items)
		rows += len(neighbors.Analyze(s, neighbors.Options{}).Items)
		rows += len(routes.Analyze(s, routes.Options{}).Items)
		if want := 2 + 2000 + 2000 + 2*1000*999*2 + 2*1000*1000; rows != want {
			b.Fatalf("%d rows, want %d", rows, want)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/(1<<20), "MiB")
}
