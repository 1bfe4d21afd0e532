package plan_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
)

// first is the cause that a verdict names: the first that is not harmless.
func first(p *trace.Planned) *inspect.Finding {
	for _, h := range p.Hops {
		if trace.Stops(h.Problem) {
			return h.Problem
		}
	}
	return nil
}

// causeOf returns the cause of a path, and holds that it has one if it must.
func causeOf(t *testing.T, p *trace.Planned, breaks func(*trace.Planned) bool) *inspect.Finding {
	t.Helper()
	cause := first(p)
	if want := breaks(p) && p.Skip == ""; want != (cause != nil) {
		t.Errorf("%s: broken is %v, want %v\n%s", p.Name, cause != nil, want, text([]trace.Planned{*p}))
	}
	return cause
}

// between reports whether a path, or one of the ways to a service's endpoints, leads from one of two nodes to the other.
func between(a, b string, f inspect.Family) func(*trace.Planned) bool {
	return func(p *trace.Planned) bool {
		if p.Class == trace.Name || p.Family != f {
			return false
		}
		ends := []string{p.Target.Node}
		for _, e := range p.Expect.Endpoints {
			ends = append(ends, e.Node)
		}
		return p.Source.Node == a && slices.Contains(ends, b) || p.Source.Node == b && slices.Contains(ends, a)
	}
}

func anyOf(all ...func(*trace.Planned) bool) func(*trace.Planned) bool {
	return func(p *trace.Planned) bool {
		return slices.ContainsFunc(all, func(match func(*trace.Planned) bool) bool { return match(p) })
	}
}

// touching are the paths of a family in or out of a node, and on it.
func touching(node string, f inspect.Family) func(*trace.Planned) bool {
	return func(p *trace.Planned) bool {
		if p.Class == trace.Name && f == inspect.IPv4 { // to the DNS server, whatever is asked for
			return p.Source.Node == node || node == it.ControlPlane
		}
		return p.Family == f && p.Class != trace.Name &&
			(p.Source.Node == node || p.Target.Node == node || len(p.Expect.Endpoints) > 0)
	}
}

func and(a, b func(*trace.Planned) bool) func(*trace.Planned) bool {
	return func(p *trace.Planned) bool { return a(p) && b(p) }
}

func class(c ...trace.Class) func(*trace.Planned) bool {
	return func(p *trace.Planned) bool { return slices.Contains(c, p.Class) }
}

func from(node string, f inspect.Family) func(*trace.Planned) bool {
	return func(p *trace.Planned) bool { return p.Source.Node == node && p.Family == f }
}

func none(*trace.Planned) bool { return false }

// TestFaults puts each fault into the tables, and holds that exactly the right paths have the right cause.
func TestFaults(t *testing.T) {
	for _, f := range inspect.Families() {
		for _, tt := range faults(f) {
			t.Run(fmt.Sprintf("%s/%s", f, tt.name), func(t *testing.T) {
				// In IPv4 only a node of another subnet is behind a tunnel.
				s := lab(it.OtherSubnet(it.Worker2), tt.change)
				broken := 0
				for _, p := range build(t, s, plan.Request{}) {
					cause := causeOf(t, &p, tt.breaks)
					if cause == nil {
						continue
					}
					broken++
					if cause.Code != tt.code || cause.Node != tt.node || !strings.Contains(cause.Summary, tt.says) || cause.Command == "" {
						t.Errorf("%s: cause is %+v, want %s on %q with %q", p.Name, *cause, tt.code, tt.node, tt.says)
					}
				}
				if broken == 0 && tt.code != "" {
					t.Error("nothing is broken")
				}
				if tt.code == "" && tt.says != "" && !strings.Contains(string(text(build(t, s, plan.Request{}))), tt.says) {
					t.Errorf("no harmless problem says %q", tt.says)
				}
			})
		}
	}
}

type fault struct {
	name   string
	change it.Change
	breaks func(*trace.Planned) bool
	code   inspect.Code
	node   string
	says   string
}

// addressState changes a node's own address.
func addressState(node string, f inspect.Family, edit func(*inspect.LinkAddress)) it.Change {
	return it.Table(node, func(t *inspect.NodeTable) {
		for i := range t.Addresses {
			if t.Addresses[i].Prefix == it.HostOf(node, f).Address {
				edit(&t.Addresses[i])
			}
		}
	})
}

func faults(f inspect.Family) []fault {
	a, b := it.Worker, it.Worker2
	pair := between(a, b, f)
	host := it.HostOf(b, f)
	external := it.Lab().Lab.External.Get(f)
	service := it.Lab().Services[0]
	stranger := netip.MustParseAddr("10.10.10.99")
	forwarding := "net.ipv4.ip_forward"
	if f == inspect.IPv6 {
		stranger, forwarding = netip.MustParseAddr("fd00:10:10::99"), "net.ipv6.conf.all.forwarding"
	}
	tunnelled := anyOf(pair, between(it.ControlPlane, b, f)) // in IPv4 worker2 alone is behind a tunnel
	dns := func(p *trace.Planned) bool { return f == inspect.IPv4 && p.Class == trace.Name && p.Source.Node == b }
	crossing := anyOf(pair, between(it.ControlPlane, a, f),
		func(p *trace.Planned) bool { return f == inspect.IPv4 && p.Class == trace.Name && p.Source.Node == a })
	return []fault{
		{"healthy", func(*inspect.Snapshot) {}, none, "", "", ""},
		{"FDB deleted", it.FDBDeleted(a, b, f), pair, trace.FDBWrong, a, "forwarding entry"},
		{"FDB moved", it.FDBMoved(a, b, f, it.HostOf(it.ControlPlane, f).Address.Addr()), pair, trace.FDBWrong, a, "leads to"},
		{"FDB added", it.FDBAdded(a, f, it.MAC("66:01:02:03:04:05"), stranger), none, "", "", ""},
		{"neighbour deleted", it.NeighborDeleted(a, b, f), pair, trace.NeighborWrong, a, "no neighbour entry"},
		{"neighbour of nobody", it.NeighborChanged(a, b, f, it.MAC("66:01:02:03:04:05")), pair, trace.NeighborWrong, a, "expected"},
		{"route deleted", it.RouteDeleted(a, b, f), pair, trace.NoRoute, a, "has no route"},
		{"route to a stranger", it.RouteMoved(a, b, f, stranger, "eth1"), pair, trace.WrongRoute, a, "expected"},
		{"route by a third node", it.RouteMoved(a, b, f, it.HostOf(it.ControlPlane, f).Tunnel, it.Device(f)), none, "", "", "expected"},
		{"block blackholed", it.RouteAdded(a, inspect.Route{Type: "blackhole", Dst: netip.PrefixFrom(host.Pod, f.Bits())}), pair,
			trace.Blackhole, a, "dropped by blackhole"},
		{"device down", it.DeviceDown(b, f), anyOf(tunnelled, dns), trace.TunnelDown, b, "is down"},
		{"device deleted", it.DeviceDeleted(b, f), anyOf(tunnelled, dns), trace.TunnelDown, b, "has no tunnel device"},
		{"device with another VNI", it.DeviceChanged(b, f, func(l *inspect.Link) {
			v := *l.VXLAN
			v.VNI, l.VXLAN = 5000, &v
		}), anyOf(tunnelled, dns), trace.TunnelDown, b, "ends of"},
		{"address lost", it.Table(a, func(t *inspect.NodeTable) {
			t.Addresses = slices.DeleteFunc(t.Addresses, func(l inspect.LinkAddress) bool { return l.Prefix == it.HostOf(a, f).Address })
		}), crossing, trace.AddressLost, a, "does not hold its address"},
		{"address tentative", addressState(a, f, func(l *inspect.LinkAddress) { l.Tentative = true }), crossing, trace.AddressLost, a,
			"does not use its address"},
		{"address of two machines", addressState(a, f, func(l *inspect.LinkAddress) { l.Tentative, l.DADFailed = true, true }), crossing,
			trace.AddressLost, a, "which another machine has too"},
		{"MTU lowered", it.DeviceChanged(a, f, func(l *inspect.Link) { l.MTU = 1300 }), none, "", "", "has an MTU of 1300"},
		{"VNI changed in the settings alone", it.VNIChanged(5000), none, "", "", "instead of"},
		{"external route removed", it.Table(a, func(t *inspect.NodeTable) {
			t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Dst.Contains(external) && r.Dst.Bits() > 0 })
		}), and(class(trace.External), from(a, f)), trace.NoRoute, a, ""},
		{"forwarding off", it.Table(a, func(t *inspect.NodeTable) {
			t.Sysctls = map[string]string{"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"}
			t.Sysctls[forwarding] = "0"
		}), and(touching(a, f), func(p *trace.Planned) bool { return p.Class != trace.Name || p.Source.Node == a }), trace.Forwarding, a,
			"does not forward " + f.String()},
		{"pod's route deleted", it.Table(b, func(t *inspect.NodeTable) {
			t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Dst == netip.PrefixFrom(host.Pod, f.Bits()) })
		}), and(touching(b, f), func(p *trace.Planned) bool { return p.Class != trace.Name || p.Source.Node == b }), trace.Blackhole, b,
			"no route to its own pod"},
		{"no endpoint", func(s *inspect.Snapshot) {
			for i := range s.EndpointSlices {
				if e := &s.EndpointSlices[i]; e.Family == f && e.Service == service.Name {
					e.Endpoints = slices.Clone(e.Endpoints)
					for j := range e.Endpoints {
						e.Endpoints[j].Ready = false
					}
				}
			}
		}, func(p *trace.Planned) bool {
			return p.Family == f && p.Target.Name == service.Name && p.Class != trace.Name
		}, trace.NoEndpoint, "", "3 not ready"},
		{"CoreDNS scaled to zero", func(s *inspect.Snapshot) {
			for i := range s.EndpointSlices {
				if e := &s.EndpointSlices[i]; e.Service == "kube-dns" {
					e.Endpoints, e.Ports = nil, nil // as the controller leaves it
				}
			}
		}, func(p *trace.Planned) bool { return p.Class == trace.Name }, trace.NoEndpoint, "",
			"service kube-system/kube-dns has no ready IPv4 endpoint"},
	}
}

// TestUnread holds that nothing is judged that was not read.
func TestUnread(t *testing.T) {
	changes := map[string]it.Change{
		"one node":   it.Unread(it.Worker, "no node access"),
		"all tables": it.Lacking(inspect.FactTables, "no node access"),
		"pools":      it.Lacking(inspect.FactPools, "forbidden"),
		"blocks":     it.Lacking(inspect.FactBlocks, "forbidden"),
		"Felix":      it.Lacking(inspect.FactFelix, "forbidden"),
		"nodes":      it.Lacking(inspect.FactNodes, "forbidden"),
		"slices": func(s *inspect.Snapshot) {
			s.EndpointSlices = nil
			it.Lacking(inspect.FactEndpointSlices, "forbidden")(s)
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			for _, p := range build(t, lab(change), plan.Request{}) {
				if cause := first(&p); cause != nil {
					t.Errorf("%s\n%s", p.Name, text([]trace.Planned{p}))
				}
				if strings.Contains(name, "tables") && p.Skip == "" && p.Expect.TTL != 0 {
					t.Errorf("%s: a TTL of %d from nothing", p.Name, p.Expect.TTL)
				}
			}
		})
	}
}

// TestLoweredMTU: the size of a large probe is what the way must carry, also where a device, and with it the mtu of its routes,
// is lowered. The hop that carries less is named.
func TestLoweredMTU(t *testing.T) {
	lower := func(f inspect.Family) it.Change {
		return it.All(it.DeviceChanged(it.Worker, f, func(l *inspect.Link) { l.MTU = 1300 }), it.Table(it.Worker, func(t *inspect.NodeTable) {
			t.Routes = slices.Clone(t.Routes)
			for i := range t.Routes {
				if r := &t.Routes[i]; r.Dev == it.Device(f) && r.MTU > 1300 {
					r.MTU = 1300
				}
			}
		}))
	}
	routeOnly := func(f inspect.Family) it.Change {
		return it.Table(it.Worker, func(t *inspect.NodeTable) {
			t.Routes = slices.Clone(t.Routes)
			for i := range t.Routes {
				if r := &t.Routes[i]; r.Gateway.IsValid() && r.Family() == f && r.Dst.Bits() > 0 {
					r.MTU = 1290
				}
			}
		})
	}
	for _, version := range []string{"v3.28.5", "v3.31.7", "v3.32.1"} {
		for _, f := range inspect.Families() {
			for name, change := range map[string]it.Change{"device": lower(f), "route": routeOnly(f)} {
				if f == inspect.IPv4 && name == "device" {
					continue // there these two nodes need no tunnel
				}
				healthy := large(t, lab(it.Release(version)), f)
				path := large(t, lab(it.All(it.Release(version), change)), f)
				if path.Probe.Size != healthy.Probe.Size || healthy.Probe.Size < 1400 {
					t.Errorf("%s, %s, %s: a probe of %d bytes, and of %d on the healthy lab", version, f, name, path.Probe.Size, healthy.Probe.Size)
				}
				named := slices.ContainsFunc(path.Hops, func(h trace.Hop) bool { return h.Problem != nil && h.Problem.Code == trace.PathMTU })
				if !named {
					t.Errorf("%s, %s, %s: no hop carries less\n%s", version, f, name, text([]trace.Planned{path}))
				}
			}
		}
	}
}

// large is the large ping between two workers.
func large(t *testing.T, s *inspect.Snapshot, f inspect.Family) trace.Planned {
	t.Helper()
	for _, p := range build(t, s, plan.Request{MTU: true}) {
		if p.Probe.Size > 0 && between(it.Worker, it.Worker2, f)(&p) && p.Source.Node == it.Worker {
			return p
		}
	}
	t.Fatal("no large ping is planned")
	return trace.Planned{}
}
