package fdb_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// notOK returns the rows that are not ok.
func notOK(s *inspect.Snapshot, o fdb.Options) []fdb.Entry {
	return it.NotOK(fdb.Analyze(s, o))
}

func TestAnalyzeHealthy(t *testing.T) {
	for _, tt := range it.Healthy() {
		t.Run(tt.Name, func(t *testing.T) {
			if rows := notOK(tt.Snapshot, fdb.Options{}); len(rows) > 0 {
				t.Errorf("rows that are not ok: %+v", rows)
			}
		})
	}
}

func TestAnalyzeLab(t *testing.T) {
	rows := fdb.Analyze(it.Lab(), fdb.Options{Filter: felix.Filter{Nodes: []string{it.ControlPlane}}, Lookup: true}).Items
	var want []fdb.Entry
	for _, f := range inspect.Families() {
		for _, remote := range []string{it.Worker, it.Worker2} {
			h := it.HostOf(remote, f)
			row := entry(it.ControlPlane, remote, f, inspect.StatusOK)
			row.Lookup = &fdb.Lookup{Neighbors: []netip.Addr{h.Tunnel}}
			if f == inspect.IPv6 { // IPv4 goes straight to the node, so no block is behind its entry
				row.Lookup.Blocks = []netip.Prefix{h.Block}
			}
			want = append(want, row)
		}
	}
	if diff := it.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// entry is the row for the right entry of one node for another.
func entry(node, remote string, f inspect.Family, status inspect.Status) fdb.Entry {
	h := it.HostOf(remote, f)
	return fdb.Entry{Node: node, Family: f, Device: it.Device(f), MAC: h.MAC, VTEP: h.Address.Addr(), RemoteNode: remote,
		Judgement: inspect.Judgement{Status: status}}
}

// at is an entry with another VTEP.
func at(e fdb.Entry, vtep netip.Addr, expected string) fdb.Entry {
	e.VTEP, e.Expected = vtep, expected
	return e
}

func TestAnalyzeFaults(t *testing.T) {
	for _, f := range inspect.Families() {
		worker, worker2 := it.HostOf(it.Worker, f), it.HostOf(it.Worker2, f)
		elsewhere := worker2.Address.Addr().Next()
		strange := it.MAC("02:00:00:00:00:01")
		tests := []struct {
			name   string
			change it.Change
			want   []fdb.Entry
		}{
			{"deleted", it.FDBDeleted(it.ControlPlane, it.Worker, f),
				[]fdb.Entry{entry(it.ControlPlane, it.Worker, f, inspect.StatusMissing)}},
			{"to the wrong VTEP", it.FDBMoved(it.ControlPlane, it.Worker, f, worker2.Address.Addr()),
				[]fdb.Entry{at(entry(it.ControlPlane, it.Worker, f, inspect.StatusWrong), worker2.Address.Addr(),
					worker.Address.Addr().String())}},
			{"extra", it.FDBAdded(it.Worker, f, strange, elsewhere),
				[]fdb.Entry{{Node: it.Worker, Family: f, Device: it.Device(f), MAC: strange, VTEP: elsewhere,
					Judgement: inspect.Judgement{Status: inspect.StatusUnexpected}}}},
			{"extra, to a known node", it.FDBAdded(it.Worker, f, strange, worker2.Address.Addr()),
				[]fdb.Entry{{Node: it.Worker, Family: f, Device: it.Device(f), MAC: strange, VTEP: worker2.Address.Addr(),
					RemoteNode: it.Worker2, Judgement: inspect.Judgement{Status: inspect.StatusUnexpected}}}},
			{"second VTEP for a MAC", it.FDBAdded(it.ControlPlane, f, worker.MAC, elsewhere),
				[]fdb.Entry{at(entry(it.ControlPlane, it.Worker, f, inspect.StatusUnexpected), elsewhere, "")}},
			{"for the node itself", it.FDBAdded(it.Worker, f, worker.MAC, worker.Address.Addr()),
				[]fdb.Entry{entry(it.Worker, it.Worker, f, inspect.StatusUnexpected)}},
			{"device deleted", it.DeviceDeleted(it.Worker, f), []fdb.Entry{
				entry(it.Worker, it.ControlPlane, f, inspect.StatusMissing),
				entry(it.Worker, it.Worker2, f, inspect.StatusMissing)}},
			{"device down", it.DeviceDown(it.Worker, f), nil},
			{"tunnel address annotation removed", it.TunnelAddressRemoved(it.Worker, f), []fdb.Entry{
				entry(it.ControlPlane, it.Worker, f, inspect.StatusUnexpected),
				entry(it.Worker2, it.Worker, f, inspect.StatusUnexpected)}},
			{"address annotation changed", it.AddressChanged(it.Worker, netip.PrefixFrom(elsewhere, worker.Address.Bits())),
				[]fdb.Entry{
					at(entry(it.ControlPlane, it.Worker, f, inspect.StatusWrong), worker.Address.Addr(), elsewhere.String()),
					at(entry(it.Worker2, it.Worker, f, inspect.StatusWrong), worker.Address.Addr(), elsewhere.String())}},
			{"VNI changed", it.VNIChanged(4097), nil},
			{"tables not read", it.Unread(it.Worker, "exec refused"), unknown("exec refused", it.Worker)},
			{"tables of no node read", it.Lacking(inspect.FactTables, "forbidden"),
				unknown("forbidden", it.ControlPlane, it.Worker, it.Worker2)},
		}
		for _, tt := range tests {
			t.Run(f.String()+"/"+tt.name, func(t *testing.T) {
				rows := notOK(it.With(tt.change), fdb.Options{Filter: felix.Filter{Family: f}})
				for i := range tt.want {
					if tt.want[i].Status == inspect.StatusUnknown {
						tt.want[i].Family, tt.want[i].Device = f, it.Device(f)
					}
				}
				if diff := it.Diff(tt.want, rows); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func unknown(reason string, nodes ...string) []fdb.Entry {
	var rows []fdb.Entry
	for _, n := range nodes {
		rows = append(rows, fdb.Entry{Node: n,
			Judgement: inspect.Judgement{Status: inspect.StatusUnknown, Problems: []string{"node tables: " + reason}}})
	}
	return rows
}

func TestAnalyzeLacking(t *testing.T) {
	for _, fact := range []inspect.Fact{inspect.FactPools, inspect.FactFelix} {
		t.Run(string(fact), func(t *testing.T) {
			rows := notOK(it.With(it.Lacking(fact, "forbidden")), fdb.Options{})
			if len(rows) != 6 {
				t.Fatalf("%d rows, want one for each node and family: %+v", len(rows), rows)
			}
			for _, r := range rows {
				want := []string{string(fact) + ": forbidden"}
				if r.Status != inspect.StatusUnknown || !slices.Equal(r.Problems, want) {
					t.Errorf("row %+v, want unknown with %q", r, want)
				}
			}
		})
	}
	t.Run("nodes", func(t *testing.T) {
		rows := notOK(it.With(it.Lacking(inspect.FactNodes, "forbidden")), fdb.Options{})
		if len(rows) != 2 || rows[0].Node != "" || rows[0].Status != inspect.StatusUnknown {
			t.Errorf("rows %+v, want a nameless unknown one for each family", rows)
		}
	})
	t.Run("not gathered", func(t *testing.T) {
		rows := notOK(it.With(func(s *inspect.Snapshot) {
			s.Gathered, s.Tables = []inspect.Fact{inspect.FactNodes, inspect.FactPools, inspect.FactFelix}, nil
		}), fdb.Options{})
		if len(rows) != 6 || rows[0].Status != inspect.StatusUnknown {
			t.Errorf("rows %+v, want six unknown ones", rows)
		}
	})
}
