package neighbors_test

import (
	"net/netip"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/neighbors"
)

func notOK(s *inspect.Snapshot, f inspect.Family) []neighbors.Neighbor {
	return it.NotOK(neighbors.Analyze(s, neighbors.Options{Filter: felix.Filter{Family: f}}))
}

func TestAnalyzeHealthy(t *testing.T) {
	for _, tt := range it.Healthy() {
		t.Run(tt.Name, func(t *testing.T) {
			if rows := notOK(tt.Snapshot, 0); len(rows) > 0 {
				t.Errorf("rows that are not ok: %+v", rows)
			}
		})
	}
}

func TestAnalyzeLab(t *testing.T) {
	got := neighbors.Analyze(it.Lab(), neighbors.Options{Filter: felix.Filter{Nodes: []string{it.Worker}}}).Items
	want := []neighbors.Neighbor{ // in order of the addresses' numbers
		entry(it.Worker, it.Worker2, inspect.IPv4, inspect.StatusOK),
		entry(it.Worker, it.ControlPlane, inspect.IPv4, inspect.StatusOK),
		entry(it.Worker, it.Worker2, inspect.IPv6, inspect.StatusOK),
		entry(it.Worker, it.ControlPlane, inspect.IPv6, inspect.StatusOK),
	}
	if diff := it.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// entry is the row for the right entry of one node for another.
func entry(node, remote string, f inspect.Family, status inspect.Status) neighbors.Neighbor {
	h := it.HostOf(remote, f)
	return neighbors.Neighbor{Node: node, Family: f, Device: it.Device(f), IP: h.Tunnel, MAC: h.MAC, RemoteNode: remote,
		Judgement: inspect.Judgement{Status: status}}
}

func TestAnalyzeFaults(t *testing.T) {
	for _, f := range inspect.Families() {
		worker, worker2 := it.HostOf(it.Worker, f), it.HostOf(it.Worker2, f)
		strange, stale := it.MAC("02:00:00:00:00:01"), worker.Tunnel.Next()
		wrong := entry(it.ControlPlane, it.Worker, f, inspect.StatusWrong)
		wrong.MAC, wrong.Expected = strange, worker.MAC.String()
		second := entry(it.ControlPlane, it.Worker, f, inspect.StatusUnexpected)
		second.IP = stale
		twin := entry(it.ControlPlane, it.Worker, f, inspect.StatusWrong)
		twin.MAC, twin.Expected = worker2.MAC, worker.MAC.String()
		tests := []struct {
			name   string
			change it.Change
			want   []neighbors.Neighbor
		}{
			{"deleted", it.NeighborDeleted(it.ControlPlane, it.Worker, f),
				[]neighbors.Neighbor{entry(it.ControlPlane, it.Worker, f, inspect.StatusMissing)}},
			{"wrong MAC", it.NeighborChanged(it.ControlPlane, it.Worker, f, strange), []neighbors.Neighbor{wrong}},
			{"MAC of another node", it.NeighborChanged(it.ControlPlane, it.Worker, f, worker2.MAC), []neighbors.Neighbor{twin}},
			{"two tunnel addresses with one MAC", it.NeighborAdded(it.ControlPlane, f, stale, worker.MAC),
				[]neighbors.Neighbor{second}},
			{"extra", it.NeighborAdded(it.Worker, f, stale, strange), []neighbors.Neighbor{{Node: it.Worker, Family: f,
				Device: it.Device(f), IP: stale, MAC: strange,
				Judgement: inspect.Judgement{Status: inspect.StatusUnexpected}}}},
			{"no longer permanent", it.Table(it.ControlPlane, func(t *inspect.NodeTable) {
				for i := range t.Neighbors {
					if t.Neighbors[i].IP == worker.Tunnel {
						t.Neighbors[i].State = "STALE"
					}
				}
			}), []neighbors.Neighbor{entry(it.ControlPlane, it.Worker, f, inspect.StatusMissing)}},
			{"device deleted", it.DeviceDeleted(it.ControlPlane, f), both(f, inspect.StatusMissing)},
			{"device down", it.DeviceDown(it.ControlPlane, f), both(f, inspect.StatusMissing)},
			{"tunnel address annotation removed", it.TunnelAddressRemoved(it.Worker, f), []neighbors.Neighbor{
				entry(it.ControlPlane, it.Worker, f, inspect.StatusUnexpected),
				entry(it.Worker2, it.Worker, f, inspect.StatusUnexpected)}},
			{"tables not read", it.Unread(it.Worker, "exec refused"), []neighbors.Neighbor{{Node: it.Worker, Family: f,
				Device: it.Device(f), Judgement: inspect.Judgement{Status: inspect.StatusUnknown,
					Problems: []string{"node tables: exec refused"}}}}},
		}
		for _, tt := range tests {
			t.Run(f.String()+"/"+tt.name, func(t *testing.T) {
				if diff := it.Diff(tt.want, notOK(it.With(tt.change), f)); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// both are the rows of the control plane for both workers, in order of address.
func both(f inspect.Family, status inspect.Status) []neighbors.Neighbor {
	a, b := entry(it.ControlPlane, it.Worker, f, status), entry(it.ControlPlane, it.Worker2, f, status)
	if b.IP.Less(a.IP) {
		a, b = b, a
	}
	return []neighbors.Neighbor{a, b}
}

func TestAnalyzeIgnoresOtherFamily(t *testing.T) {
	s := it.With(it.NeighborAdded(it.Worker, inspect.IPv4, netip.MustParseAddr("fd00::1"), it.MAC("02:00:00:00:00:01")))
	if rows := notOK(s, 0); len(rows) > 0 {
		t.Errorf("rows that are not ok: %+v", rows)
	}
}
