package kernel_test

import (
	"net/netip"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
)

func route(dst, dev string, edit ...func(*inspect.Route)) inspect.Route {
	r := inspect.Route{Dst: netip.MustParsePrefix(dst), Dev: dev}
	for _, e := range edit {
		e(&r)
	}
	return r
}

func metric(n int) func(*inspect.Route)   { return func(r *inspect.Route) { r.Metric = n } }
func table(t string) func(*inspect.Route) { return func(r *inspect.Route) { r.Table = t } }
func typ(t string) func(*inspect.Route)   { return func(r *inspect.Route) { r.Type = t } }
func down(r *inspect.Route)               { r.Down = true }
func via(a string) func(*inspect.Route) {
	return func(r *inspect.Route) { r.Gateway = netip.MustParseAddr(a) }
}

// TestLookup holds each rule of the choice of a route, with rows in both families.
func TestLookup(t *testing.T) {
	links := []inspect.Link{{Name: "eth0", Up: true}, {Name: "eth1", Up: true}, {Name: "off"}}
	addresses := []inspect.LinkAddress{
		{Link: "eth0", Prefix: netip.MustParsePrefix("10.0.0.1/24")}, {Link: "eth0", Prefix: netip.MustParsePrefix("fd00::1/64")},
		{Link: "eth0", Prefix: netip.MustParsePrefix("fd00::bad/64"), DADFailed: true},
	}
	tests := []struct {
		name     string
		routes   []inspect.Route
		rules    []inspect.Rule
		src, dst string
		typ, dev string
		others   int
		doubts   int
		passed   int
	}{
		{name: "nothing", dst: "192.0.2.1"},
		{name: "own address before any route", routes: []inspect.Route{route("10.0.0.1/32", "eth1")}, dst: "10.0.0.1", typ: "local", dev: "eth0"},
		{name: "own IPv6 address", dst: "fd00::1", typ: "local", dev: "eth0"},
		{name: "address that lost duplicate detection", routes: []inspect.Route{route("fd00::/64", "eth0")}, dst: "fd00::bad", typ: "unicast", dev: "eth0"},
		{name: "longest prefix", routes: []inspect.Route{route("0.0.0.0/0", "eth0"), route("192.0.2.0/24", "eth1")}, dst: "192.0.2.1", typ: "unicast", dev: "eth1"},
		{name: "longest prefix, IPv6", routes: []inspect.Route{route("2001:db8::/32", "eth1"), route("::/0", "eth0")}, dst: "2001:db8::1", typ: "unicast", dev: "eth1"},
		{name: "default", routes: []inspect.Route{route("::/0", "eth0"), route("0.0.0.0/0", "eth1")}, dst: "2001:db8::1", typ: "unicast", dev: "eth0"},
		{name: "metric", routes: []inspect.Route{route("2001:db8::/32", "eth0", metric(2048)), route("2001:db8::/32", "eth1", metric(1024))},
			dst: "2001:db8::1", typ: "unicast", dev: "eth1"},
		{name: "prefix before metric", routes: []inspect.Route{route("2001:db8::/32", "eth0", metric(1)), route("2001:db8::/64", "eth1", metric(1024))},
			dst: "2001:db8::1", typ: "unicast", dev: "eth1"},
		{name: "several next hops", routes: []inspect.Route{route("0.0.0.0/0", "eth0", via("10.0.0.2")), route("0.0.0.0/0", "eth1", via("10.0.0.3"))},
			dst: "192.0.2.1", typ: "unicast", dev: "eth0", others: 1},
		{name: "blackhole", routes: []inspect.Route{route("192.0.2.0/24", "", typ("blackhole")), route("192.0.2.9/32", "eth0")}, dst: "192.0.2.1", typ: "blackhole"},
		{name: "behind a blackhole", routes: []inspect.Route{route("192.0.2.0/24", "", typ("blackhole")), route("192.0.2.9/32", "eth0")},
			dst: "192.0.2.9", typ: "unicast", dev: "eth0"},
		{name: "unreachable, IPv6", routes: []inspect.Route{route("::/0", "lo", typ("unreachable"))}, dst: "2001:db8::1", typ: "unreachable", dev: "lo"},
		{name: "prohibit", routes: []inspect.Route{route("192.0.2.0/24", "", typ("prohibit"))}, dst: "192.0.2.1", typ: "prohibit"},
		{name: "dead route", routes: []inspect.Route{route("192.0.2.0/24", "eth1", down), route("0.0.0.0/0", "eth0")}, dst: "192.0.2.1", typ: "unicast", dev: "eth0", passed: 1},
		{name: "device down", routes: []inspect.Route{route("2001:db8::/32", "off")}, dst: "2001:db8::1", passed: 1},
		{name: "device down, and not wanted", routes: []inspect.Route{route("::/0", "off"), route("2001:db8::/32", "eth0")}, dst: "2001:db8::1", typ: "unicast", dev: "eth0"},
		{name: "table without a rule", routes: []inspect.Route{route("192.0.2.0/24", "eth0", table("7"))}, dst: "192.0.2.1"},
		{name: "table with a rule", routes: []inspect.Route{route("192.0.2.0/24", "eth0", table("7")), route("192.0.2.0/24", "eth1")},
			rules: []inspect.Rule{{Family: 4, Priority: 9, Table: "main"}, {Family: 4, Priority: 7, Table: "7"}}, dst: "192.0.2.1", typ: "unicast", dev: "eth0"},
		{name: "rule of the other family", routes: []inspect.Route{route("192.0.2.0/24", "eth0", table("7"))},
			rules: []inspect.Rule{{Family: 6, Priority: 7, Table: "7"}}, dst: "192.0.2.1"},
		{name: "throw", routes: []inspect.Route{route("192.0.2.0/24", "", table("7"), typ("throw")), route("0.0.0.0/0", "eth1")},
			rules: []inspect.Rule{{Family: 4, Priority: 7, Table: "7"}, {Family: 4, Priority: 9, Table: "main"}}, dst: "192.0.2.1", typ: "unicast", dev: "eth1"},
		{name: "rule for another source", routes: []inspect.Route{route("192.0.2.0/24", "eth0", table("7")), route("0.0.0.0/0", "eth1")},
			rules: []inspect.Rule{{Family: 4, Priority: 7, Src: netip.MustParsePrefix("198.51.100.0/24"), Table: "7"}, {Family: 4, Priority: 9, Table: "main"}},
			src:   "10.0.0.7", dst: "192.0.2.1", typ: "unicast", dev: "eth1"},
		{name: "rule for the source", routes: []inspect.Route{route("192.0.2.0/24", "eth0", table("7")), route("0.0.0.0/0", "eth1")},
			rules: []inspect.Rule{{Family: 4, Priority: 7, Src: netip.MustParsePrefix("10.0.0.0/24"), Table: "7"}, {Family: 4, Priority: 9, Table: "main"}},
			src:   "10.0.0.7", dst: "192.0.2.1", typ: "unicast", dev: "eth0"},
		{name: "rule that drops", routes: []inspect.Route{route("0.0.0.0/0", "eth1")},
			rules: []inspect.Rule{{Family: 4, Priority: 7, Dst: netip.MustParsePrefix("192.0.2.0/24"), Action: "prohibit"}, {Family: 4, Priority: 9, Table: "main"}},
			dst:   "192.0.2.1", typ: "prohibit"},
		{name: "rule with a condition", routes: []inspect.Route{route("0.0.0.0/0", "eth0", table("1")), route("0.0.0.0/0", "eth1")},
			rules: []inspect.Rule{{Family: 4, Priority: 7, Table: "1", Other: true}, {Family: 4, Priority: 9, Table: "main"}},
			dst:   "192.0.2.1", typ: "unicast", dev: "eth1", doubts: 1},
		{name: "rule with a condition that decides nothing", routes: []inspect.Route{route("0.0.0.0/0", "eth1")},
			rules: []inspect.Rule{{Family: 4, Priority: 7, Table: "1", Other: true}, {Family: 4, Priority: 9, Table: "main"}},
			dst:   "192.0.2.1", typ: "unicast", dev: "eth1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := kernel.New(&inspect.NodeTable{Links: links, Addresses: addresses, Routes: tt.routes, Rules: tt.rules})
			var src netip.Addr
			if tt.src != "" {
				src = netip.MustParseAddr(tt.src)
			}
			d := n.Lookup(src, netip.MustParseAddr(tt.dst))
			if d.Type != tt.typ || d.Route.Dev != tt.dev || len(d.Others) != tt.others || len(d.Doubts) != tt.doubts ||
				len(d.Passed) != tt.passed {
				t.Errorf("Lookup() = %+v, want %q dev %q, %d others, %d doubts, %d passed", d, tt.typ, tt.dev, tt.others, tt.doubts, tt.passed)
			}
		})
	}
}

// TestTunnel looks up neighbours and forwarding entries on a tunnel device and on an ordinary one.
func TestTunnel(t *testing.T) {
	mac, other := it.MAC("66:00:00:00:00:01"), it.MAC("66:00:00:00:00:02")
	a, b := netip.MustParseAddr("fd00::a"), netip.MustParseAddr("fd00::b")
	vtep, flood := netip.MustParseAddr("fd00:10::1"), netip.MustParseAddr("fd00:10::9")
	n := kernel.New(&inspect.NodeTable{
		Links: []inspect.Link{{Name: "vx", Kind: "vxlan", Up: true}, {Name: "flood", Kind: "vxlan", Up: true}, {Name: "eth1", Up: true}},
		Neighbors: []inspect.Neighbor{{Dev: "vx", IP: a, MAC: mac, State: "PERMANENT"}, {Dev: "vx", IP: b, MAC: mac, State: "FAILED"},
			{Dev: "eth1", IP: b, State: "INCOMPLETE"}},
		FDB: []inspect.FDBEntry{{Dev: "vx", MAC: mac, VTEP: vtep}, {Dev: "flood", VTEP: flood}, {Dev: "flood", MAC: mac, VTEP: vtep}},
	})
	for _, tt := range []struct {
		dev   string
		ip    netip.Addr
		found bool
	}{{"vx", a, true}, {"vx", b, false}, {"vx", vtep, false}, {"eth1", a, false}, {"eth1", b, false}, {"flood", a, false}} {
		if got := n.Neighbor(tt.dev, tt.ip); got.Found != tt.found {
			t.Errorf("Neighbor(%s, %s) = %+v, want found %v", tt.dev, tt.ip, got, tt.found)
		}
	}
	for _, tt := range []struct {
		dev     string
		mac     inspect.MAC
		vtep    netip.Addr
		flooded bool
	}{{"vx", mac, vtep, false}, {"vx", other, netip.Addr{}, false}, {"flood", mac, vtep, false}, {"flood", other, flood, true}} {
		got := n.Forward(tt.dev, tt.mac)
		if got.Flooded != tt.flooded || (len(got.VTEPs) == 1) != tt.vtep.IsValid() || len(got.VTEPs) == 1 && got.VTEPs[0] != tt.vtep {
			t.Errorf("Forward(%s, %s) = %+v, want %s, flooded %v", tt.dev, tt.mac, got, tt.vtep, tt.flooded)
		}
	}
}

// TestForwards reads the sysctls that decide.
func TestForwards(t *testing.T) {
	n := kernel.New(&inspect.NodeTable{Sysctls: map[string]string{"net.ipv4.ip_forward": "1", "net.ipv4.conf.eth1.forwarding": "0",
		"net.ipv6.conf.all.forwarding": "0", "net.ipv6.conf.eth1.forwarding": "1"}})
	for _, tt := range []struct {
		f   inspect.Family
		dev string
		on  bool
	}{{inspect.IPv4, "eth0", true}, {inspect.IPv4, "eth1", false}, {inspect.IPv6, "eth1", false}} {
		if got := n.Forwards(tt.f, tt.dev); got.On != tt.on || !got.Known {
			t.Errorf("Forwards(%s, %s) = %+v, want %v", tt.f, tt.dev, got, tt.on)
		}
	}
	if got := kernel.New(&inspect.NodeTable{}).Forwards(inspect.IPv6, "eth0"); got.Known {
		t.Errorf("without sysctls: %+v", got)
	}
}
