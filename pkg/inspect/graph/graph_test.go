package graph

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	. "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// words are the faults of a graph as lines of text.
func words(g *Graph) []string {
	var all []string
	for _, f := range g.Faults() {
		for _, n := range f.Findings {
			all = append(all, fmt.Sprintf("%d %s, %s: %s", f.Number, f.Where, f.Health(), n.Summary))
		}
	}
	return all
}

// TestHealthyClusters have nothing to be marked, of whatever kind they are.
func TestHealthyClusters(t *testing.T) {
	for _, c := range Healthy() {
		if got := words(Analyze(c.Snapshot, Options{})); got != nil {
			t.Errorf("%s: %q", c.Name, got)
		}
	}
}

func TestFaults(t *testing.T) {
	gone := netip.MustParseAddr("fd00:10:10::99")
	tests := []struct {
		name   string
		change Change
		want   []string
	}{
		{"forwarding entry deleted", FDBDeleted(ControlPlane, Worker, inspect.IPv6), []string{
			"1 IPv6 from dual-stack-control-plane to dual-stack-worker, broken: missing forwarding entry of 66:ee:a7:ef:78:65"}},
		{"forwarding entry moved", FDBMoved(ControlPlane, Worker, inspect.IPv6, gone), []string{
			"1 IPv6 from dual-stack-control-plane to dual-stack-worker, broken: wrong forwarding entry of 66:ee:a7:ef:78:65: " +
				"is fd00:10:10::99, expected fd00:10:10::11"}},
		{"stray forwarding entry", FDBAdded(Worker, inspect.IPv4, MAC("66:00:00:00:00:01"), netip.MustParseAddr("10.10.10.77")), []string{
			"1 vxlan.calico of dual-stack-worker, broken: unexpected forwarding entry of 66:00:00:00:00:01"}},
		{"neighbour entry deleted", NeighborDeleted(Worker, Worker2, inspect.IPv4), []string{
			"1 IPv4 from dual-stack-worker to dual-stack-worker2, broken: missing neighbour entry of 192.168.116.0"}},
		{"route and neighbour entry deleted", All(RouteDeleted(Worker, Worker2, inspect.IPv6), NeighborDeleted(Worker, Worker2, inspect.IPv6)), []string{
			"1 IPv6 from dual-stack-worker to dual-stack-worker2, broken: missing route to fd00:10:244:b742:2d01:58:8f51:b000/122",
			"1 IPv6 from dual-stack-worker to dual-stack-worker2, broken: missing neighbour entry of fd00:10:244:b742:2d01:58:8f51:b000"}},
		{"tunnel device gone, and all that was on it", DeviceDeleted(Worker, inspect.IPv6), []string{
			"1 vxlan-v6.calico of dual-stack-worker, broken: missing tunnel device: no such device",
			"1 vxlan-v6.calico of dual-stack-worker, broken: 6 routes and entries are missing with it"}},
		{"BGP session down", All(Unencapsulated, Session(Worker, Worker2, inspect.IPv6, func(s *inspect.Session) { s.State = "Idle" })), []string{
			"1 IPv6 from dual-stack-worker to dual-stack-worker2, broken: wrong BGP session with fd00:10:10::12: not established: Idle",
			"2 IPv6 from dual-stack-worker2 to dual-stack-worker, broken: wrong BGP session with fd00:10:10::11: established, and not at the other end: " +
				"there it is Idle. It ends in 190 s unless something comes"}},
		{"a BGP session with a router is down", All(Unencapsulated, ByRouter, BIRD(Worker, inspect.IPv6, func(b *inspect.BIRD) { b.Sessions[0].State = "Active" })), []string{
			"1 node dual-stack-worker, broken: wrong BGP session with fd00:10:10::1: not established: Active: the peer does not answer on TCP port 179 in IPv6"}},
		{"tables not read", Unread(Worker, "no way in"), []string{
			"1 vxlan.calico of dual-stack-worker, unknown: not verified: node tables: no way in",
			"2 vxlan-v6.calico of dual-stack-worker, unknown: not verified: node tables: no way in"}},
		{"node and pod not ready", func(s *inspect.Snapshot) { s.Nodes[2].Ready, s.Pods[0].Ready = false, false }, []string{
			"1 pod default/multitool-control-plane, broken: the pod runs and is not ready",
			"2 node dual-stack-worker2, broken: the node is not ready"}},
		{"pod not started, and one that has done its work", func(s *inspect.Snapshot) {
			s.Pods[0].Phase, s.Pods[2].Phase, s.Pods[2].Ready = "Pending", "Succeeded", false
		}, []string{"1 pod default/multitool-control-plane, broken: the pod is pending"}},
		{"no endpoint ready in one family", func(s *inspect.Snapshot) {
			for i := range s.EndpointSlices[1].Endpoints {
				s.EndpointSlices[1].Endpoints[i].Ready = false
			}
		}, []string{"1 service default/multitool-dual-stack, broken: none of the 3 IPv6 endpoints is ready"}},
		{"nodes not read", Lacking(inspect.FactNodes, "no permission"), []string{
			"1 node dual-stack-control-plane, unknown: not in the list of nodes: no permission",
			"2 node dual-stack-worker, unknown: not in the list of nodes: no permission",
			"3 node dual-stack-worker2, unknown: not in the list of nodes: no permission"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := Analyze(With(tt.change), Options{})
			if d := cmp.Diff(tt.want, words(g)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if g.Marked != len(g.Faults()) {
				t.Errorf("%d are marked of %d", g.Marked, len(g.Faults()))
			}
		})
	}
}

// TestTunnels counts what goes through the tunnels, and says why the others do not.
func TestTunnels(t *testing.T) {
	got := Analyze(Lab(), Options{}).Tunnels
	want := []Tunnel{
		{Family: inspect.IPv4, Device: Device4, VNI: 4096, Port: 4789, Direct: 6,
			Why: "CrossSubnet, and the node is in the same subnet: not encapsulated"},
		{Family: inspect.IPv6, Device: Device6, VNI: 4096, Port: 4789, Encapsulated: 6},
	}
	for i, f := range inspect.Families() {
		for _, h := range Hosts(f) {
			want[i].Ends = append(want[i].Ends, End{Node: h.Name, Address: h.Tunnel, VTEP: h.Address.Addr()})
		}
	}
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	mixed := Analyze(With(OtherSubnet(Worker2)), Options{}).Tunnels[0]
	if mixed.Encapsulated != 4 || mixed.Direct != 2 {
		t.Errorf("with a node in another subnet: %d go through the tunnel, %d do not", mixed.Encapsulated, mixed.Direct)
	}
}

// TestFamily: addresses of the other family are left out, and no part that lacks the family is.
func TestFamily(t *testing.T) {
	g := Analyze(With(FDBDeleted(Worker, Worker2, inspect.IPv6)), Options{Family: inspect.IPv4})
	if len(g.Tunnels) != 1 || len(g.Faults()) != 0 || len(g.Services) != 2 || g.Services[1].Addresses != (Addresses{}) || g.Switch.Gateway.V6.IsValid() || g.Nodes[0].Addresses.V6.IsValid() {
		t.Errorf("IPv6 is in %+v", g)
	}
	for _, n := range g.Nodes {
		for _, p := range n.Pods {
			if !p.HostNetwork && (p.Addresses.V6.IsValid() || !slices.Equal(p.Services, []int{0})) {
				t.Errorf("pod %+v", p)
			}
		}
	}
}

// TestLimit keeps what is marked, and counts the rest.
func TestLimit(t *testing.T) {
	s := With(FDBDeleted(Worker, Worker2, inspect.IPv6), NeighborDeleted(Worker2, Worker, inspect.IPv6))
	s.Services = append(s.Services, inspect.Service{Namespace: "default", Name: "aaa", IPFamilies: []inspect.Family{inspect.IPv4}})
	for i := range s.EndpointSlices[0].Endpoints {
		s.EndpointSlices[0].Endpoints[i].Ready = false
	}
	s.Pods[3].Ready = false // calico-node of worker, the second pod there
	g := Analyze(s, Options{Limit: 1})
	if len(g.Nodes) != 1 || g.Nodes[0].Name != Worker || len(g.Nodes[0].Pods) != 1 || g.Nodes[0].More != 1 || g.Nodes[0].Pods[0].Health() != inspect.Broken {
		t.Errorf("nodes %+v", g.Nodes)
	}
	if len(g.Services) != 1 || g.Services[0].Name != ServiceDualStack || len(g.Tunnels[0].Ends) != 1 || g.Tunnels[1].Encapsulated != 6 {
		t.Errorf("services %+v, tunnels %+v", g.Services, g.Tunnels)
	}
	if d := cmp.Diff(Left{Nodes: 2, Paths: 1, Services: 2}, g.Left); d != "" || g.Marked != 4 {
		t.Errorf("%d marked, left out %s", g.Marked, d)
	}
	two := Analyze(s, Options{Limit: 2})
	for _, n := range two.Nodes {
		for _, p := range n.Pods {
			if p.Name == "multitool-worker" && !slices.Equal(p.Services, []int{1}) {
				t.Errorf("%s is sent to by %v of %+v", p.Name, p.Services, two.Services)
			}
		}
	}
}

// TestServing leaves out the services of other pods.
func TestServing(t *testing.T) {
	s := Lab()
	s.Services = append(s.Services, inspect.Service{Namespace: "default", Name: "other", IPFamilies: []inspect.Family{inspect.IPv4}})
	if n := len(Analyze(s, Options{}).Services); n != 3 {
		t.Errorf("%d services of all", n)
	}
	if n := len(Analyze(s, Options{Serving: true}).Services); n != 2 {
		t.Errorf("%d services that send to the pods", n)
	}
}

func TestNoLab(t *testing.T) {
	if g := Analyze(With(func(s *inspect.Snapshot) { s.Lab = inspect.Lab{} }), Options{}); g.Switch != nil {
		t.Errorf("switch %+v", g.Switch)
	}
}

// TestCodes: a finding has the code of check's rule for it.
func TestCodes(t *testing.T) {
	tests := []struct {
		change Change
		want   inspect.Finding
	}{
		{RouteDeleted(Worker, Worker2, inspect.IPv6), inspect.Finding{Code: check.RouteNotAsExpected, Severity: inspect.SeverityError,
			Node: Worker, RemoteNode: Worker2, Family: inspect.IPv6, Subject: "IPv6 from " + Worker + " to " + Worker2}},
		{FDBMoved(Worker, Worker2, inspect.IPv4, netip.MustParseAddr("10.10.10.99")), inspect.Finding{Code: check.FDBNotAsExpected,
			Severity: inspect.SeverityError, Node: Worker, RemoteNode: Worker2, Family: inspect.IPv4,
			Subject: "IPv4 from " + Worker + " to " + Worker2}},
		{DeviceDeleted(Worker, inspect.IPv4), inspect.Finding{Code: check.DeviceNotAsExpected, Severity: inspect.SeverityError, Node: Worker,
			Family: inspect.IPv4, Subject: "vxlan.calico of " + Worker}},
		{Unread(Worker, "no way in"), inspect.Finding{Code: check.DeviceNotAsExpected, Severity: inspect.SeverityUnknown, Node: Worker,
			Family: inspect.IPv4, Subject: "vxlan.calico of " + Worker}},
		{func(s *inspect.Snapshot) { s.Pods[0].Ready = false }, inspect.Finding{Code: PodNotReady,
			Severity: inspect.SeverityError, Subject: "pod default/multitool-control-plane"}},
	}
	for _, tt := range tests {
		faults := Analyze(With(tt.change), Options{}).Faults()
		if len(faults) == 0 {
			t.Errorf("%s: nothing is marked", tt.want.Code)
			continue
		}
		if d := cmp.Diff(tt.want, faults[0].Findings[0], cmpopts.IgnoreFields(inspect.Finding{}, "Summary")); d != "" {
			t.Errorf("%s: (-want +got)\n%s", tt.want.Code, d)
		}
	}
}
