package plan_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// unencapsulated has the switches route the IPv6 pods.
func unencapsulated() it.Change {
	return it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.VXLANMode = inspect.EncapNever })
}

// byRouter leads the routes between all nodes' IPv6 blocks to a gateway.
func byRouter(gateway string) it.Change {
	return func(s *inspect.Snapshot) {
		for _, a := range it.Hosts(inspect.IPv6) {
			for _, b := range it.Hosts(inspect.IPv6) {
				if a.Name != b.Name {
					it.RouteMoved(a.Name, b.Name, inspect.IPv6, netip.MustParseAddr(gateway), "eth1")(s)
				}
			}
		}
	}
}

// withoutRoutes has BGP bring no route.
func withoutRoutes(s *inspect.Snapshot) {
	for _, a := range it.Hosts(inspect.IPv6) {
		for _, b := range it.Hosts(inspect.IPv6) {
			if a.Name != b.Name {
				it.RouteDeleted(a.Name, b.Name, inspect.IPv6)(s)
			}
		}
	}
}

// TestRouted: pods without encapsulation may be reached by a router that is no node, whose way behind it is unknown. A default route
// does not lead to them, and to pods with encapsulation none does.
func TestRouted(t *testing.T) {
	for name, tt := range map[string]struct {
		changes []it.Change
		cause   inspect.Code
	}{
		"by the switch":                     {[]it.Change{unencapsulated(), byRouter("fd00:10:10::1")}, ""},
		"by the switch's link-local one":    {[]it.Change{unencapsulated(), byRouter("fe80::1")}, ""},
		"by the default route alone":        {[]it.Change{unencapsulated(), withoutRoutes}, trace.NoRoute},
		"by the switch, though by a tunnel": {[]it.Change{byRouter("fe80::1")}, trace.WrongRoute},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range toTarget(t, lab(tt.changes...), "pod/multitool-worker2", inspect.IPv6) {
				cause := first(&p)
				if tt.cause != "" {
					if cause == nil || cause.Code != tt.cause {
						t.Errorf("%s: %+v, want %s", p.Name, cause, tt.cause)
					}
					continue
				}
				routers := 0
				for _, hop := range p.Hops {
					if strings.HasPrefix(hop.Detail, "to the router ") {
						routers++
					}
				}
				if cause != nil || routers != 2 || p.Expect.TTL != 0 {
					t.Errorf("%s: %+v, %d routers, TTL %d\n%s", p.Name, cause, routers, p.Expect.TTL, text([]trace.Planned{p}))
				}
			}
		})
	}
}

// TestNodesOfTwoSubnets: a node in another subnet is reached by a router, also by the default route; one in the same subnet is not.
func TestNodesOfTwoSubnets(t *testing.T) {
	other := netip.MustParsePrefix("fd00:10:11::12/64")
	moved := func(s *inspect.Snapshot) {
		own := it.HostOf(it.Worker2, inspect.IPv6).Address.Addr()
		it.Annotate(it.Worker2, func(n *inspect.Node) {
			n.Address.V6 = other
			n.InternalIPs = slices.DeleteFunc(slices.Clone(n.InternalIPs), func(a netip.Addr) bool { return a.Is6() })
			n.InternalIPs = append(n.InternalIPs, other.Addr())
		})(s)
		it.Table(it.Worker2, func(t *inspect.NodeTable) {
			t.Addresses = slices.Clone(t.Addresses)
			for i := range t.Addresses {
				if t.Addresses[i].Prefix.Addr() == own {
					t.Addresses[i].Prefix = other
				}
			}
		})(s)
	}
	noLink := it.Table(it.Worker, func(t *inspect.NodeTable) {
		t.Routes = slices.DeleteFunc(slices.Clone(t.Routes), func(r inspect.Route) bool { return r.Dst == netip.MustParsePrefix("fd00:10:10::/64") })
	})
	for name, tt := range map[string]struct {
		change it.Change
		cause  inspect.Code
	}{
		"another subnet":                     {moved, ""},
		"the same subnet":                    {func(*inspect.Snapshot) {}, ""},
		"the same subnet, without its route": {noLink, trace.NoRoute},
	} {
		for _, p := range toTarget(t, lab(tt.change), "node/"+it.Worker2, inspect.IPv6) {
			if cause := first(&p); tt.cause == "" && cause != nil || tt.cause != "" && (cause == nil || cause.Code != tt.cause) {
				t.Errorf("%s: %s: %+v\n%s", name, p.Name, cause, text([]trace.Planned{p}))
			}
		}
	}
}
