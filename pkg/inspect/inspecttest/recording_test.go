package inspecttest_test

import (
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/neighbors"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/vxlan"
)

// TestRecordings: nothing is wrong with any entry of a healthy lab, whichever Calico runs it and however it was installed.
func TestRecordings(t *testing.T) {
	for _, name := range it.Recordings(t) {
		t.Run(name, func(t *testing.T) {
			s := it.Recording(t, name)
			allOK(t, "vxlan", vxlan.Analyze(s, vxlan.Options{}), func(row vxlan.Device) inspect.Status { return row.Status })
			allOK(t, "neighbors", neighbors.Analyze(s, neighbors.Options{}), func(row neighbors.Neighbor) inspect.Status { return row.Status })
			allOK(t, "fdb", fdb.Analyze(s, fdb.Options{}), func(row fdb.Entry) inspect.Status { return row.Status })
			allOK(t, "routes", routes.Analyze(s, routes.Options{}), func(row routes.Route) inspect.Status { return row.Status })
		})
	}
}

// allOK expects rows in both families on each of the three nodes, all of them ok.
func allOK[T any](t *testing.T, what string, report *inspect.Report[T], status func(T) inspect.Status) {
	t.Helper()
	const least = 3 * 2
	if len(report.Items) < least {
		t.Errorf("%s: %d rows, expected at least %d", what, len(report.Items), least)
	}
	if len(report.Omitted) > 0 {
		t.Errorf("%s: %v is omitted", what, report.Omitted)
	}
	for _, row := range report.Items {
		if status(row) != inspect.StatusOK {
			t.Errorf("%s: %+v", what, row)
		}
	}
}
