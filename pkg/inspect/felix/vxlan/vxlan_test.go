package vxlan_test

import (
	"net/netip"
	"testing"

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

func TestVTEPs(t *testing.T) {
	// The MAC addresses are those that Felix was seen to program.
	for f, want := range map[inspect.Family]map[string]string{
		inspect.IPv4: {it.ControlPlane: "66:24:4b:f3:cd:ec", it.Worker: "66:9f:32:6d:7b:c8", it.Worker2: "66:a7:cb:3a:13:53"},
		inspect.IPv6: {it.ControlPlane: "66:ea:8e:de:57:b9", it.Worker: "66:ee:a7:ef:78:65", it.Worker2: "66:52:6a:03:c1:3b"},
	} {
		vteps := ways.New(it.Lab()).VTEPs(f)
		if vteps.Len() != len(want) {
			t.Errorf("%s: %d VTEPs, want %d", f, vteps.Len(), len(want))
		}
		for i := range vteps.Len() {
			if got := vteps.At(i); got.MAC.String() != want[got.Node] {
				t.Errorf("%s: %s has %s, want %s", f, got.Node, got.MAC, want[got.Node])
			}
		}
	}
}

func TestVTEPNeedsBothAddresses(t *testing.T) {
	for name, change := range map[string]it.Change{
		"no tunnel address": it.TunnelAddressRemoved(it.Worker, inspect.IPv6),
		"no address":        it.Annotate(it.Worker, func(n *inspect.Node) { n.Address.V6 = netip.Prefix{} }),
	} {
		c := ways.New(it.With(change))
		if _, ok := c.VTEPs(inspect.IPv6).OfNode(it.Worker); ok {
			t.Errorf("%s: there is a VTEP, want none", name)
		}
		if _, ok := c.VTEPs(inspect.IPv4).OfNode(it.Worker); !ok {
			t.Errorf("%s: there is no VTEP of IPv4, want it untouched", name)
		}
	}
}

func TestDeviceMTU(t *testing.T) {
	eth1 := func(edit func(*inspect.Link)) it.Change {
		return it.Table(it.Worker, func(t *inspect.NodeTable) {
			for i := range t.Links {
				if t.Links[i].Name == "eth1" {
					edit(&t.Links[i])
				}
			}
		})
	}
	tests := []struct {
		name   string
		change it.Change
		v4, v6 int
	}{
		{"smallest of the host's", func(*inspect.Snapshot) {}, 1450, 1430},
		{"a smaller one", eth1(func(l *inspect.Link) { l.MTU = 1400 }), 1350, 1330},
		{"a larger one", eth1(func(l *inspect.Link) { l.MTU = 9500 }), 1450, 1430},
		{"a smaller one without a carrier", eth1(func(l *inspect.Link) { l.MTU, l.LowerUp = 1400, false }), 1450, 1430},
		{"own pattern", it.All(eth1(func(l *inspect.Link) { l.MTU = 9500 }), it.Felix(func(s *inspect.FelixSettings) {
			s.MTUIfacePattern = "^eth1$"
		})), 9450, 9430},
		{"no interface matches", it.Felix(func(s *inspect.FelixSettings) { s.MTUIfacePattern = "^bond" }), 1410, 1390},
		{"invalid pattern", it.Felix(func(s *inspect.FelixSettings) { s.MTUIfacePattern = "(" }), 1450, 1430},
		{"configured", it.Felix(func(s *inspect.FelixSettings) { s.VXLANMTUV6 = ptr(1300) }), 1450, 1300},
		{"tables not read", it.Unread(it.Worker, "refused"), 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := nodeOf(t, it.With(tt.change), it.Worker)
			v4, _ := n.Device(inspect.IPv4)
			v6, _ := n.Device(inspect.IPv6)
			if v4.MTU != tt.v4 || v6.MTU != tt.v6 {
				t.Errorf("MTUs %d and %d, want %d and %d", v4.MTU, v6.MTU, tt.v4, tt.v6)
			}
		})
	}
}

// TestRouteVariants compares variants of a route with the expected one of several releases of Calico.
func TestRouteVariants(t *testing.T) {
	tunnel := it.TunnelRoute(it.HostOf(it.Worker, inspect.IPv6).Block, it.HostOf(it.Worker, inspect.IPv6))
	direct := it.DirectRoute(it.HostOf(it.Worker, inspect.IPv4).Block, it.HostOf(it.Worker, inspect.IPv4))
	tests := []struct {
		name    string
		version string
		route   inspect.Route
		edit    func(*inspect.Route)
		want    bool
	}{
		{"tunnel", "v3.28.5", tunnel, func(*inspect.Route) {}, true},
		{"tunnel with mtu", "v3.28.5", tunnel, func(r *inspect.Route) { r.MTU = 1430 }, false},
		{"tunnel with mtu", "v3.31.0", tunnel, func(r *inspect.Route) { r.MTU = 1430 }, true},
		{"tunnel with wrong mtu", "v3.31.0", tunnel, func(r *inspect.Route) { r.MTU = 1400 }, false},
		{"tunnel without mtu", "v3.32.1", tunnel, func(*inspect.Route) {}, false},
		{"tunnel with mtu", "", tunnel, func(r *inspect.Route) { r.MTU = 1430 }, true},
		{"tunnel without mtu", "", tunnel, func(*inspect.Route) {}, true},
		{"tunnel with wrong mtu", "", tunnel, func(r *inspect.Route) { r.MTU = 1400 }, false},
		{"tunnel with mtu", "v3.34.0-0.dev-123-gabcdef", tunnel, func(r *inspect.Route) { r.MTU = 1430 }, true},
		{"tunnel of another metric", "v3.28.5", tunnel, func(r *inspect.Route) { r.Metric = 10 }, false},
		{"tunnel of another protocol", "v3.28.5", tunnel, func(r *inspect.Route) { r.Protocol = "80" }, false},
		{"tunnel, protocol not printed", "v3.28.5", tunnel, func(r *inspect.Route) { r.Protocol = "" }, true},
		{"tunnel, type printed", "v3.28.5", tunnel, func(r *inspect.Route) { r.Type = "unicast" }, true},
		{"direct", "v3.28.5", direct, func(*inspect.Route) {}, true},
		{"direct with metric", "v3.32.1", direct, func(r *inspect.Route) { r.Metric = 1024 }, true},
		{"direct of another protocol", "v3.28.5", direct, func(r *inspect.Route) { r.Protocol = "boot" }, false},
		{"direct of no known protocol", "v3.28.5", direct, func(r *inspect.Route) { r.Protocol = "babel" }, false},
		{"tunnel, not on link", "v3.28.5", tunnel, func(r *inspect.Route) { r.OnLink = false }, false},
		{"direct, not on link", "v3.32.1", direct, func(r *inspect.Route) { r.OnLink = false }, false},
		{"direct, dead", "v3.28.5", direct, func(r *inspect.Route) { r.Down = true }, false},
	}
	for _, tt := range tests {
		t.Run(tt.version+"/"+tt.name, func(t *testing.T) {
			s := it.With(func(s *inspect.Snapshot) { s.Calico.Version = tt.version })
			plan := nodeOf(t, s, it.ControlPlane).RoutePlan(tt.route.Family())
			i, ok := plan.Find(tt.route.Dst)
			if !ok {
				t.Fatalf("no destination %s", tt.route.Dst)
			}
			want, ok := plan.Route(i)
			if !ok || want.Optional {
				t.Fatalf("route %+v, want a required one", want)
			}
			tt.edit(&tt.route)
			if got := want.Accepts(&tt.route); got != tt.want {
				t.Errorf("Accepts(%+v) = %v, want %v", tt.route, got, tt.want)
			}
			if diffs := want.Differences(&tt.route); (len(diffs) == 0) != tt.want {
				t.Errorf("Differences() = %v, want some only where it is not accepted", diffs)
			}
		})
	}
}

// TestRouteWithoutParent: Felix tunnels where it does not find its interface, unless it remembers it.
func TestRouteWithoutParent(t *testing.T) {
	s := it.With(it.AddressChanged(it.Worker, netip.MustParsePrefix("10.10.10.99/24")))
	plan := nodeOf(t, s, it.Worker).RoutePlan(inspect.IPv4)
	peer := it.HostOf(it.Worker2, inspect.IPv4)
	i, _ := plan.Find(peer.Block)
	want, ok := plan.Route(i)
	if !ok || want.Kind != felix.Tunnel || want.Via != peer.Tunnel {
		t.Fatalf("route %+v, want one through the tunnel", want)
	}
	for _, r := range []inspect.Route{it.TunnelRoute(peer.Block, peer), it.DirectRoute(peer.Block, peer)} {
		if !want.Accepts(&r) {
			t.Errorf("%+v is not accepted", r)
		}
	}
}

func TestRuns(t *testing.T) {
	tests := []struct {
		name   string
		change it.Change
		v4, v6 bool
	}{
		{"lab", func(*inspect.Snapshot) {}, true, true},
		{"no IPv6 support", func(s *inspect.Snapshot) { s.Calico.FelixEnv.IPv6Support = ptr(false) }, true, false},
		{"vxlanEnabled overrides the pools for IPv4 alone", it.Felix(func(s *inspect.FelixSettings) {
			s.VXLANEnabled = ptr(false)
		}), false, true},
		{"no VXLAN pool", it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.VXLANMode = "" }), true, false},
		{"disabled pools count", it.Pools(0, func(p *inspect.IPPool) { p.Disabled = true }), true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := nodeOf(t, it.With(tt.change), it.Worker)
			_, v4 := n.Device(inspect.IPv4)
			_, v6 := n.Device(inspect.IPv6)
			if v4 != tt.v4 || v6 != tt.v6 {
				t.Errorf("devices expected: %v and %v, want %v and %v", v4, v6, tt.v4, tt.v6)
			}
		})
	}
}
