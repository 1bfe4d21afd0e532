package felix_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix/ways"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// nodeOf returns a node of a snapshot, with what is expected of it.
func nodeOf(t *testing.T, s *inspect.Snapshot, name string) *felix.Node {
	t.Helper()
	var found *felix.Node
	ways.New(s).Visit(felix.Filter{Nodes: []string{name}}, func(n *felix.Node, _ inspect.Family) { found = n })
	if found == nil {
		t.Fatalf("no node %s", name)
	}
	return found
}

func ptr[T any](v T) *T { return &v }

// group is a FelixConfiguration for the nodes that it selects, made on a day of the month.
func group(version, name, selector string, vni, day int) it.Change {
	return func(s *inspect.Snapshot) {
		s.Calico.Version = version
		s.Calico.Felix[name] = inspect.FelixSettings{VXLANVNI: ptr(vni), NodeSelector: selector, Created: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC)}
	}
}

func TestSettings(t *testing.T) {
	defaults := felix.Settings{
		VNI: 4096, Port: 4789, IPv6Support: true, RouteProtocol: 3,
		MTUIfacePattern: felix.DefaultMTUIfacePattern,
	}
	tests := []struct {
		name   string
		change it.Change
		want   func(*felix.Settings)
	}{
		{"defaults", func(s *inspect.Snapshot) { s.Calico = inspect.Calico{} }, func(*felix.Settings) {}},
		{"default", it.VNIChanged(1), func(s *felix.Settings) { s.VNI = 1 }},
		{"the node's own wins over default", it.All(it.VNIChanged(1), func(s *inspect.Snapshot) {
			s.Calico.Felix["node."+it.Worker] = inspect.FelixSettings{VXLANVNI: ptr(2)}
		}), func(s *felix.Settings) { s.VNI = 2 }},
		{"another node's does not", it.All(it.VNIChanged(1), func(s *inspect.Snapshot) {
			s.Calico.Felix["node."+it.Worker2] = inspect.FelixSettings{VXLANVNI: ptr(2)}
		}), func(s *felix.Settings) { s.VNI = 1 }},
		{"the environment wins over all", it.All(it.VNIChanged(1), func(s *inspect.Snapshot) {
			s.Calico.Felix["node."+it.Worker] = inspect.FelixSettings{VXLANVNI: ptr(2), MTUIfacePattern: "a"}
			s.Calico.FelixEnv = inspect.FelixSettings{VXLANVNI: ptr(3), MTUIfacePattern: "b", RouteSource: "WorkloadIPs"}
		}), func(s *felix.Settings) { s.VNI, s.MTUIfacePattern, s.RouteSource = 3, "b", "WorkloadIPs" }},
		{"one that selects the node wins over default", it.All(it.VNIChanged(1), group("v3.32.1", "rack", "has(kubernetes.io/hostname)", 2, 1)),
			func(s *felix.Settings) { s.VNI = 2 }},
		{"one that selects others does not", it.All(it.VNIChanged(1), group("v3.32.1", "rack", "rack == 'none'", 2, 1)),
			func(s *felix.Settings) { s.VNI = 1 }},
		{"one that cannot be read does not", it.All(it.VNIChanged(1), group("v3.32.1", "rack", "rack ==", 2, 1)),
			func(s *felix.Settings) { s.VNI = 1 }},
		{"before v3.32 no object selects nodes", it.All(it.VNIChanged(1), group("v3.31.0", "rack", "all()", 2, 1)),
			func(s *felix.Settings) { s.VNI = 1 }},
		{"the oldest of those that select the node", it.All(it.VNIChanged(1), group("v3.32.1", "a", "all()", 2, 9), group("v3.32.1", "b", "all()", 3, 8)),
			func(s *felix.Settings) { s.VNI = 3 }},
		{"the node's own wins over one that selects it", it.All(group("v3.32.1", "rack", "all()", 2, 1), func(s *inspect.Snapshot) {
			s.Calico.Felix["node."+it.Worker] = inspect.FelixSettings{VXLANVNI: ptr(4)}
		}), func(s *felix.Settings) { s.VNI = 4 }},
		{"no IPv6 support", func(s *inspect.Snapshot) { s.Calico.FelixEnv.IPv6Support = ptr(false) },
			func(s *felix.Settings) { s.IPv6Support = false }},
		{"vxlanEnabled", it.Felix(func(s *inspect.FelixSettings) { s.VXLANEnabled = ptr(false) }),
			func(s *felix.Settings) { s.VXLANEnabled = ptr(false) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := defaults
			tt.want(&want)
			if diff := cmp.Diff(want, nodeOf(t, it.With(tt.change), it.Worker).Settings); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOmissions(t *testing.T) {
	all := []string{it.ControlPlane, it.Worker, it.Worker2}
	tests := []struct {
		name   string
		change it.Change
		part   felix.Part
		want   []inspect.Omission
	}{
		{"lab", func(*inspect.Snapshot) {}, felix.Routes, nil},
		{"eBPF", it.BPF, felix.FDB, []inspect.Omission{{Reason: felix.EBPF, Part: string(felix.FDB), Subjects: all}}},
		{"eBPF on one node", func(s *inspect.Snapshot) {
			s.Calico.Felix["node."+it.Worker] = inspect.FelixSettings{BPFEnabled: ptr(true)}
		}, felix.Devices, []inspect.Omission{{Reason: felix.EBPF, Part: string(felix.Devices), Subjects: []string{it.Worker}}}},
		{"WireGuard does not concern the FDB", it.Felix(func(s *inspect.FelixSettings) { s.WireGuardEnabled = ptr(true) }),
			felix.FDB, nil},
		{"WireGuard", it.Felix(func(s *inspect.FelixSettings) { s.WireGuardEnabled = ptr(true) }), felix.Routes,
			[]inspect.Omission{{Reason: felix.WireGuard, Part: string(felix.Routes), Family: inspect.IPv4, Subjects: all}}},
		{"BGP pools", it.Unencapsulated, felix.Routes, nil},
		{"pools whose routes the network makes", it.All(it.Unencapsulated, it.Tables(func(_ string, t *inspect.NodeTable) {
			t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Protocol == "bird" })
		})), felix.Routes, []inspect.Omission{
			{Reason: felix.NoEncapPool, Part: string(felix.Routes), Family: inspect.IPv4, Subjects: []string{"pool " + it.Pool4}},
			{Reason: felix.NoEncapPool, Part: string(felix.Routes), Family: inspect.IPv6, Subjects: []string{"pool " + it.Pool6}}}},
		{"IPIP pool", it.Pools(inspect.IPv4, func(p *inspect.IPPool) {
			p.IPIPMode, p.VXLANMode = inspect.EncapAlways, inspect.EncapNever
		}), felix.Routes, nil},
		{"host-local IPAM", func(s *inspect.Snapshot) { s.Blocks = nil }, felix.Routes, []inspect.Omission{
			{Reason: felix.HostLocalIPAM, Part: string(felix.Routes), Subjects: all}}},
		{"no route sync", it.Felix(func(s *inspect.FelixSettings) { s.RouteSyncDisabled = ptr(true) }), felix.Routes,
			[]inspect.Omission{{Reason: felix.NoRouteSync, Part: string(felix.Routes), Subjects: all}}},
		{"routes from workloads", it.Felix(func(s *inspect.FelixSettings) { s.RouteSource = "WorkloadIPs" }), felix.Routes,
			[]inspect.Omission{{Reason: felix.WorkloadRoutes, Part: string(felix.Routes), Subjects: all}}},
		{"Windows node", it.WindowsNode, felix.Neighbors, []inspect.Omission{
			{Reason: felix.WindowsNode, Part: string(felix.Neighbors), Subjects: []string{"windows"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ways.New(it.With(tt.change)).Omissions(tt.part, felix.Filter{})
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(inspect.Omission{}, "Explanation")); diff != "" {
				t.Errorf("omissions (-want +got):\n%s", diff)
			}
			for _, o := range got {
				if o.Explanation == "" || o.Explanation == o.Reason {
					t.Errorf("omission %+v has no explanation", o)
				}
			}
		})
	}
}

func TestRelease(t *testing.T) {
	for _, tt := range []struct {
		version string
		change  felix.Change
		want    bool
	}{
		{"v3.30.7", felix.TunnelRouteMTU, false},
		{"v3.31.0", felix.TunnelRouteMTU, true},
		{"v3.34.0-0.dev-123-gabcdef", felix.TunnelRouteMTU, true},
		{"v4.0.0", felix.TunnelRouteMTU, true},
		{"v3.29.0", felix.TunnelAddressRoutes, false},
		{"v3.31.7", felix.TunnelAddressRoutes, true},
		{"v3.32.0", felix.TunnelAddressRoutes, false},
		{"", felix.TunnelRouteMTU, false},
		{"master", felix.TunnelRouteMTU, false},
	} {
		r := felix.New(it.With(func(s *inspect.Snapshot) { s.Calico.Version = tt.version })).Release()
		if got := r.Has(tt.change); got != tt.want {
			t.Errorf("release %q has %q: %v, want %v", tt.version, tt.change, got, tt.want)
		}
	}
}

// TestDifferences: a page is generated from the table, and code asks for rows by name.
func TestDifferences(t *testing.T) {
	seen := map[felix.Change]bool{}
	for _, d := range felix.Differences() {
		if seen[d.Change] || d.Change == "" || d.What == "" || !strings.Contains(d.Source, ".go") {
			t.Errorf("difference %+v is named twice, or lacks something", d)
		}
		seen[d.Change] = true
		for _, v := range []string{d.Since, d.Until} {
			if v != "" && !strings.HasPrefix(v, "v3.") {
				t.Errorf("difference %q: version %q", d.Change, v)
			}
		}
	}
}

func TestWireGuardDevice(t *testing.T) {
	for _, tt := range []struct {
		v4, v6 bool
		want   []string
	}{
		{true, false, []string{"take wireguard.cali by"}},
		{false, true, []string{"take wg-v6.cali by"}},
		{true, true, []string{"take wireguard.cali and wg-v6.cali by"}},
		{false, false, nil},
	} {
		s := it.With(it.Felix(func(f *inspect.FelixSettings) { f.WireGuardEnabled, f.WireGuardEnabledV6 = &tt.v4, &tt.v6 }))
		got := ways.New(s).Omissions(felix.Routes, felix.Filter{})
		if len(got) != len(tt.want) || len(got) == 1 && !strings.Contains(got[0].Explanation, tt.want[0]) {
			t.Errorf("WireGuard for IPv4 %v, for IPv6 %v: omissions %v, want %q", tt.v4, tt.v6, got, tt.want)
		}
	}
}
