package walk_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/walk"
)

// ground is the lab as packets meet it.
func ground(s *inspect.Snapshot) *walk.Map {
	m := &walk.Map{Nodes: map[string]*walk.Node{}, Hosts: map[netip.Addr]string{}, Pools: s.Pools, VTEPs: felix.New(s).VTEPs}
	for _, n := range s.Nodes {
		own := &walk.Node{Name: n.Name, Opaque: "not read"}
		if table, ok := s.Tables[n.Name]; ok {
			own.Kernel, own.Opaque = kernel.New(&table), ""
		}
		m.Nodes[n.Name] = own
		for _, f := range inspect.Families() {
			m.Hosts[it.HostOf(n.Name, f).Address.Addr()] = n.Name
		}
	}
	return m
}

// pod is the lab's pod on a node, whose cable is the device that the node routes its address to.
func pod(m *walk.Map, node string, f inspect.Family) trace.Endpoint {
	e := trace.Endpoint{Kind: trace.Pod, Name: node, Node: node, IP: it.HostOf(node, f).Pod}
	if k := m.Nodes[node].Kernel; k != nil {
		d := k.Lookup(netip.Addr{}, e.IP)
		e.Interface = d.Route.Dev
	}
	return e
}

const (
	a = it.ControlPlane
	b = it.Worker
)

// TestWalk follows a packet from pod to pod and back, over healthy tables and over tables that lose it.
func TestWalk(t *testing.T) {
	there := map[inspect.Family][]walk.Kind{
		inspect.IPv4: {walk.Route, walk.Sent, walk.Received, walk.Route, walk.Cable},
		inspect.IPv6: {walk.Route, walk.Neighbor, walk.Forward, walk.Encapsulate, walk.Outer, walk.Decapsulate, walk.Route, walk.Cable},
	}
	for _, f := range inspect.Families() {
		healthy := slices.Concat(there[f], []walk.Kind{walk.Pod, walk.Cable}, there[f])
		onlyThere := slices.Concat([]walk.Kind{walk.Route, walk.Route, walk.Cable, walk.Pod, walk.Cable}, there[f])
		for _, tt := range []struct {
			name      string
			change    it.Change
			kinds     []walk.Kind
			lost      bool // on the way there
			uncertain bool
		}{
			{"healthy", func(*inspect.Snapshot) {}, healthy, false, false},
			{"no route", it.RouteDeleted(a, b, f), onlyThere, true, false},
			{"to a stranger", it.RouteMoved(a, b, f, netip.MustParseAddr("192.0.2.1"), "eth1"), onlyThere, true, false},
			{"a node that was not read", it.Unread(b, "forbidden"), nil, false, true},
		} {
			t.Run(f.String()+"/"+tt.name, func(t *testing.T) {
				m := ground(it.With(tt.change))
				w := walk.New(m, f)
				steps := w.RoundTrip(pod(m, a, f), pod(m, b, f))
				var kinds []walk.Kind
				for _, s := range steps {
					kinds = append(kinds, s.Kind)
				}
				if tt.kinds != nil && !slices.Equal(kinds, tt.kinds) {
					t.Errorf("got steps %v, want %v", kinds, tt.kinds)
				}
				if last := steps[len(steps)-1]; !last.Back || last.Node != a && !tt.uncertain {
					t.Errorf("the walk ends with %+v", last)
				}
				if steps[0].Leg.Lost != tt.lost || w.Uncertain != tt.uncertain {
					t.Errorf("lost %v, uncertain %v", steps[0].Leg.Lost, w.Uncertain)
				}
				if !tt.uncertain && w.Routers != 2 {
					t.Errorf("%d routers pass the answer on, want 2", w.Routers)
				}
			})
		}
	}
}

// TestLoop ends where two nodes send a packet to each other.
func TestLoop(t *testing.T) {
	for _, f := range inspect.Families() {
		c := it.Worker2
		m := ground(it.With(it.RouteMoved(a, b, f, it.HostOf(c, f).Address.Addr(), "eth1"), it.RouteMoved(c, b, f, it.HostOf(a, f).Address.Addr(), "eth1")))
		if steps := walk.New(m, f).RoundTrip(pod(m, a, f), pod(m, b, f)); len(steps) == 0 || len(steps) > 64 {
			t.Errorf("%s: %d steps", f, len(steps))
		}
	}
}
