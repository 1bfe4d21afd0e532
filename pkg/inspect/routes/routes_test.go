package routes_test

import (
	"net/netip"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
)

const (
	always     = "the pool is always encapsulated"
	sameSubnet = "CrossSubnet, and the node is in the same subnet: not encapsulated"
	ownBlock   = "the node's own block"
)

func notOK(s *inspect.Snapshot, f inspect.Family) []routes.Route {
	return it.NotOK(routes.Analyze(s, routes.Options{Filter: felix.Filter{Family: f}}))
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

// toBlock is the row for the right route of a node of the lab to the block of another.
func toBlock(node, remote string, f inspect.Family, status inspect.Status) routes.Route {
	h := it.HostOf(remote, f)
	r := routes.Route{Node: node, Family: f, Destination: h.Block, RemoteNode: remote, Judgement: inspect.Judgement{Status: status}}
	if f == inspect.IPv4 {
		r.Via, r.Device, r.Kind, r.Reason = h.Address.Addr(), "eth1", felix.Direct, sameSubnet
	} else {
		r.Via, r.Device, r.Kind, r.Reason = h.Tunnel, it.Device6, felix.Tunnel, always
	}
	return r
}

// drop is the row for the blackhole of a node's own block.
func drop(node string, f inspect.Family, status inspect.Status) routes.Route {
	r := routes.Route{Node: node, Family: f, Destination: it.HostOf(node, f).Block, Kind: felix.Blackhole,
		Judgement: inspect.Judgement{Status: status}, Reason: ownBlock}
	if f == inspect.IPv6 && status != inspect.StatusMissing {
		r.Device = "lo"
	}
	return r
}

func TestAnalyzeLab(t *testing.T) {
	got := routes.Analyze(it.Lab(), routes.Options{Filter: felix.Filter{Nodes: []string{it.Worker}}}).Items
	want := []routes.Route{
		drop(it.Worker, inspect.IPv4, inspect.StatusOK),
		toBlock(it.Worker, it.Worker2, inspect.IPv4, inspect.StatusOK),
		toBlock(it.Worker, it.ControlPlane, inspect.IPv4, inspect.StatusOK),
		drop(it.Worker, inspect.IPv6, inspect.StatusOK),
		toBlock(it.Worker, it.Worker2, inspect.IPv6, inspect.StatusOK),
		toBlock(it.Worker, it.ControlPlane, inspect.IPv6, inspect.StatusOK),
	}
	if diff := it.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// fault is a row for a route that is there, with what is wrong with it.
func fault(r routes.Route, edit func(*routes.Route)) routes.Route {
	edit(&r)
	return r
}

// spelled is the right route of a node of the lab to the block of another, as expected is to spell it.
func spelled(remote string, f inspect.Family) string {
	h := it.HostOf(remote, f)
	if f == inspect.IPv4 {
		return "via " + h.Address.Addr().String() + " dev eth1 proto 80 onlink"
	}
	return "via " + h.Tunnel.String() + " dev vxlan-v6.calico onlink"
}

func TestAnalyzeFaults(t *testing.T) {
	for _, f := range inspect.Families() {
		worker2 := it.HostOf(it.Worker2, f)
		right := toBlock(it.ControlPlane, it.Worker, f, inspect.StatusOK)
		gateway := toBlock(it.ControlPlane, it.Worker2, f, inspect.StatusOK).Via
		nextHop := "next hop is " + gateway.String() + ", expected " + right.Via.String()
		wrong := func(edit func(*routes.Route), problems ...string) []routes.Route {
			return []routes.Route{fault(right, func(r *routes.Route) {
				r.Status, r.Expected, r.Problems = inspect.StatusWrong, spelled(it.Worker, f), problems
				edit(r)
			})}
		}
		editRoute := func(edit func(*inspect.Route)) it.Change {
			return it.Table(it.ControlPlane, func(t *inspect.NodeTable) {
				for i := range t.Routes {
					if t.Routes[i].Dst == right.Destination {
						edit(&t.Routes[i])
					}
				}
			})
		}
		moved := []string{nextHop}
		if f == inspect.IPv4 {
			moved = append(moved, "protocol is boot, expected 80")
		}
		stray := netip.PrefixFrom(worker2.Tunnel.Next(), f.Bits())
		tests := []struct {
			name   string
			change it.Change
			want   []routes.Route
		}{
			{"deleted", it.RouteDeleted(it.ControlPlane, it.Worker, f), []routes.Route{
				toBlock(it.ControlPlane, it.Worker, f, inspect.StatusMissing)}},
			{"to the wrong next hop", it.RouteMoved(it.ControlPlane, it.Worker, f, gateway, right.Device),
				wrong(func(r *routes.Route) { r.Via = gateway }, moved...)},
			{"by the wrong device", editRoute(func(r *inspect.Route) { r.Dev = "eth0" }),
				wrong(func(r *routes.Route) { r.Device = "eth0" }, "device is eth0, expected "+right.Device)},
			{"with an mtu", editRoute(func(r *inspect.Route) { r.MTU = 1300 }),
				wrong(func(*routes.Route) {}, "mtu is 1300, expected 0")},
			{"linkdown", editRoute(func(r *inspect.Route) { r.Down = true }),
				wrong(func(*routes.Route) {}, "the kernel has marked it as down")},
			{"blackhole instead", editRoute(func(r *inspect.Route) {
				r.Type, r.Gateway, r.Dev = "blackhole", netip.Addr{}, ""
			}), wrong(func(r *routes.Route) { r.Via, r.Device = netip.Addr{}, "" },
				"type is blackhole, expected unicast")},
			{"own block not dropped", it.RouteDeleted(it.ControlPlane, it.ControlPlane, f), []routes.Route{
				drop(it.ControlPlane, f, inspect.StatusMissing)}},
			{"extra on the tunnel device", it.RouteAdded(it.ControlPlane, it.TunnelRoute(stray, worker2)), []routes.Route{
				{Node: it.ControlPlane, Family: f, Destination: stray, Via: worker2.Tunnel, Device: it.Device(f),
					Kind: felix.Borrowed, RemoteNode: it.Worker2, Judgement: inspect.Judgement{Status: inspect.StatusUnexpected}}}},
			{"extra straight to a node", it.RouteAdded(it.ControlPlane, it.DirectRoute(stray, worker2)), []routes.Route{
				{Node: it.ControlPlane, Family: f, Destination: stray, Via: worker2.Address.Addr(), Device: "eth1",
					Kind: felix.Borrowed, RemoteNode: it.Worker2, Judgement: inspect.Judgement{Status: inspect.StatusUnexpected}}}},
			{"extra, but not Felix's", it.RouteAdded(it.ControlPlane, inspect.Route{Dst: stray, Dev: "eth0",
				Protocol: "static"}), nil},
			{"extra, by a device that is not VXLAN's", it.RouteAdded(it.ControlPlane, inspect.Route{Dst: stray, Dev: "tunl0",
				Protocol: "80"}), nil},
			{"VNI changed", it.VNIChanged(4097), nil},
			{"tables not read", it.Unread(it.Worker, "exec refused"), []routes.Route{{Node: it.Worker, Family: f,
				Device: it.Device(f), Judgement: inspect.Judgement{Status: inspect.StatusUnknown,
					Problems: []string{"node tables: exec refused"}}}}},
			{"shadowed", it.RouteAdded(it.ControlPlane, inspect.Route{Dst: right.Destination, Gateway: gateway, Dev: "eth1",
				Protocol: "static"}), []routes.Route{{Node: it.ControlPlane, Family: f, Destination: right.Destination,
				Via: gateway, Device: "eth1", Kind: felix.Direct, RemoteNode: it.Worker2, Judgement: inspect.Judgement{Status: inspect.StatusUnexpected}}}},
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

func TestAnalyzeTunnelAddressRemoved(t *testing.T) {
	// Routes through the tunnel lose their next hop to the node's block. Direct routes stay.
	if rows := notOK(it.With(it.TunnelAddressRemoved(it.Worker, inspect.IPv4)), 0); len(rows) > 0 {
		t.Errorf("IPv4: rows that are not ok: %+v", rows)
	}
	var want []routes.Route
	for _, node := range []string{it.ControlPlane, it.Worker2} {
		want = append(want, fault(toBlock(node, it.Worker, inspect.IPv6, inspect.StatusUnexpected), func(r *routes.Route) {
			r.Reason, r.RemoteNode = "", ""
		}))
	}
	if diff := it.Diff(want, notOK(it.With(it.TunnelAddressRemoved(it.Worker, inspect.IPv6)), 0)); diff != "" {
		t.Errorf("IPv6: rows (-want +got):\n%s", diff)
	}
}

func TestAnalyzeAddressChanged(t *testing.T) {
	rows := notOK(it.With(it.AddressChanged(it.Worker, netip.MustParsePrefix("10.10.10.99/24"))), 0)
	if len(rows) != 2 {
		t.Fatalf("rows %+v, want one for each other node", rows)
	}
	for _, r := range rows {
		if r.Status != inspect.StatusWrong || r.Expected != "via 10.10.10.99 dev eth1 proto 80 onlink" {
			t.Errorf("row %+v, want a wrong one via 10.10.10.99", r)
		}
	}
	if rows := notOK(it.With(it.AddressChanged(it.Worker, netip.MustParsePrefix("fd00:10:10::99/64"))), 0); len(rows) > 0 {
		t.Errorf("tunnel routes do not depend on it: %+v", rows)
	}
}

func TestAnalyzeBorrowed(t *testing.T) {
	rows := routes.Analyze(it.With(it.Borrowed(it.Worker, it.Worker2)), routes.Options{}).Items
	byNode := map[string]int{}
	for _, r := range rows {
		if r.Kind == felix.Borrowed {
			byNode[r.Node+" to "+r.RemoteNode]++
		}
	}
	for _, node := range []string{it.ControlPlane, it.Worker} {
		if byNode[node+" to "+it.Worker2] != 2 {
			t.Errorf("borrowed routes %v, want one of each family on %s", byNode, node)
		}
	}
	if len(byNode) != 2 {
		t.Errorf("borrowed routes %v, want none on the node that uses the address", byNode)
	}
}

func TestAnalyzeOtherSubnet(t *testing.T) {
	rows := routes.Analyze(it.With(it.OtherSubnet(it.Worker2)), routes.Options{Filter: felix.Filter{Family: inspect.IPv4,
		Nodes: []string{it.Worker}}}).Items
	kinds := map[string]felix.Kind{}
	for _, r := range rows {
		kinds[r.RemoteNode] = r.Kind
	}
	if kinds[it.Worker2] != felix.Tunnel || kinds[it.ControlPlane] != felix.Direct {
		t.Errorf("kinds %v, want a tunnel to the other subnet alone", kinds)
	}
}

func TestAnalyzeMTUMetric(t *testing.T) {
	old := it.With(func(s *inspect.Snapshot) { s.Calico.Version = "v3.31.0" }) // tables of v3.28
	if rows := notOK(old, inspect.IPv6); len(rows) != 6 || rows[0].Problems[0] != "mtu is 0, expected 1430" {
		t.Errorf("rows %+v, want all tunnel routes wrong", rows)
	}
	if rows := notOK(old, inspect.IPv4); len(rows) > 0 {
		t.Errorf("rows %+v, want none: the routes are direct", rows)
	}
}

func TestAnalyzeLacking(t *testing.T) {
	for _, fact := range []inspect.Fact{inspect.FactPools, inspect.FactFelix, inspect.FactBlocks, inspect.FactTables} {
		rows := notOK(it.With(it.Lacking(fact, "forbidden")), 0)
		if len(rows) != 6 {
			t.Errorf("%s: %d rows, want one for each node and family: %+v", fact, len(rows), rows)
		}
		for _, r := range rows {
			if r.Status != inspect.StatusUnknown || len(r.Problems) != 1 {
				t.Errorf("%s: row %+v, want unknown with the reason", fact, r)
			}
		}
	}
}

// BenchmarkAnalyze judges the two million routes of a thousand nodes.
func BenchmarkAnalyze(b *testing.B) {
	s := it.Synthetic(1000)
	b.ReportAllocs()
	for b.Loop() {
		if got, want := len(routes.Analyze(s, routes.Options{}).Items), 2*1000*1000; got != want {
			b.Fatalf("%d rows, want %d", got, want)
		}
	}
}
