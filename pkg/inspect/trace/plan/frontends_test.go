package plan_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
)

// served changes the dual-stack service of the lab.
func served(change func(*inspect.Service)) it.Change {
	return func(s *inspect.Snapshot) {
		for i := range s.Services {
			if s.Services[i].Name == it.ServiceDualStack {
				change(&s.Services[i])
			}
		}
	}
}

// endpointsOf changes the endpoints of the dual-stack service.
func endpointsOf(change func(*inspect.Endpoint)) it.Change {
	return func(s *inspect.Snapshot) {
		for i := range s.EndpointSlices {
			if slice := &s.EndpointSlices[i]; slice.Service == it.ServiceDualStack {
				for j := range slice.Endpoints {
					change(&slice.Endpoints[j])
				}
			}
		}
	}
}

func balanced(svc *inspect.Service) {
	svc.Type, svc.ExternalTrafficPolicy = "LoadBalancer", "Cluster"
	svc.Ports[0].NodePort = 30080
	svc.Ingress = []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("2001:db8:7::7")}
}

// onlyOn leaves the service the endpoints of one node.
func onlyOn(node string) it.Change {
	return endpointsOf(func(e *inspect.Endpoint) { e.Ready = e.Node == node })
}

// TestFrontends names the paths to a service by each of its addresses, from a pod on worker.
func TestFrontends(t *testing.T) {
	const (
		svc  = "svc/" + it.ServiceDualStack
		from = "multitool-worker/" + it.ServiceDualStack
	)
	external := func(s *inspect.Service) { s.ExternalIPs = []netip.Addr{netip.MustParseAddr("2001:db8:9::9")} }
	for name, tt := range map[string]struct {
		changes []it.Change
		target  string
		want    []string // of IPv6
	}{
		"node ports of each kind of node": {[]it.Change{served(balanced), onlyOn(it.Worker2)}, svc, []string{
			"node-port/" + from + "/IPv6/dual-stack-worker-30080 http 0",
			"node-port/" + from + "/IPv6/dual-stack-worker2-30080 http 0",
			"node-port/" + from + "/IPv6/dual-stack-control-plane-30080 http 0",
			"balancer/" + from + "/IPv6/2001:db8:7::7-80 http 0"}},
		"traffic policy Local": {[]it.Change{served(balanced), served(func(s *inspect.Service) { s.ExternalTrafficPolicy = "Local" }), onlyOn(it.Worker2)}, svc, []string{
			"node-port/" + from + "/IPv6/dual-stack-worker-30080 http 0",
			"node-port/" + from + "/IPv6/dual-stack-worker2-30080 http 0",
			"node-port/" + from + "/IPv6/dual-stack-control-plane-30080 skip",
			"balancer/" + from + "/IPv6/2001:db8:7::7-80 http 0"}},
		"nodePortAddresses without the nodes": {[]it.Change{served(balanced), served(func(s *inspect.Service) { s.Ingress, s.Type = nil, "NodePort" }),
			func(s *inspect.Snapshot) { s.KubeProxy.NodePortCIDRs = []string{"10.10.10.0/24", "fd00:99::/64"} }}, svc, []string{
			"node-port/" + from + "/IPv6/dual-stack-worker-30080 skip", "node-port/" + from + "/IPv6/dual-stack-control-plane-30080 skip"}},
		"nodePortAddresses of the other family": {[]it.Change{served(balanced), served(func(s *inspect.Service) { s.Ingress, s.Type = nil, "NodePort" }),
			func(s *inspect.Snapshot) { s.KubeProxy.NodePortCIDRs = []string{"10.99.0.0/24"} }}, svc, []string{
			"node-port/" + from + "/IPv6/dual-stack-worker-30080 http 0", "node-port/" + from + "/IPv6/dual-stack-control-plane-30080 http 0"}},
		"no address of a load balancer": {[]it.Change{served(balanced), served(func(s *inspect.Service) { s.Ingress, s.Ports[0].NodePort = s.Ingress[:1], 0 })}, svc, []string{
			"balancer/" + from + "/IPv6 skip"}},
		"an external address":          {[]it.Change{served(external)}, svc, []string{"balancer/" + from + "/IPv6/2001:db8:9::9-80 http 0"}},
		"that address alone":           {[]it.Change{served(external)}, "2001:db8:9::9", []string{"balancer/" + from + "/IPv6/2001:db8:9::9-80 http 0"}},
		"a cluster address alone":      {[]it.Change{served(balanced)}, "fd00:10:96::2001", nil},
		"a service of the cluster":     {nil, svc, nil},
		"IPv4 alone has no node ports": {[]it.Change{served(balanced), served(func(s *inspect.Service) { s.ClusterIPs = s.ClusterIPs[:1] })}, svc, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := lab(tt.changes...)
			var got []string
			for _, p := range toTarget(t, s, tt.target, inspect.IPv6) {
				if p.Class == trace.NodePort || p.Class == trace.Balancer {
					got = append(got, line(&p))
				}
				if cause := first(&p); cause != nil {
					t.Errorf("%s: %+v", p.Name, cause)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// toTarget plans the paths from the pod on worker.
func toTarget(t *testing.T, s *inspect.Snapshot, target string, f inspect.Family) []trace.Planned {
	t.Helper()
	aim, err := plan.ParseTarget(s, target, "default", "")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := plan.Sources(s, plan.SourceOptions{Pod: "multitool-worker"})
	if err != nil {
		t.Fatal(err)
	}
	return build(t, s, plan.Request{Sources: sources, Target: aim, Family: f})
}

// TestSeenFrom holds the source addresses with which packets reach the endpoints: policies there judge by them.
func TestSeenFrom(t *testing.T) {
	host := func(node string) it.Host { return it.HostOf(node, inspect.IPv6) }
	for name, tt := range map[string]struct {
		node string // whose node port is tried
		want map[string]netip.Addr
	}{
		"own node": {it.Worker, map[string]netip.Addr{
			"multitool-worker": {}, // not translated: FORWARD comes before POSTROUTING
			// to other nodes by the tunnel, from its address
			"multitool-worker2": host(it.Worker).Tunnel, "multitool-control-plane": host(it.Worker).Tunnel}},
		"another node": {it.Worker2, map[string]netip.Addr{
			"multitool-worker2": host(it.Worker).Address.Addr(), // natOutgoing, on the pod's own node
			"multitool-worker":  host(it.Worker2).Tunnel, "multitool-control-plane": host(it.Worker2).Tunnel}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range toTarget(t, lab(served(balanced)), "svc/"+it.ServiceDualStack, inspect.IPv6) {
				if p.Class != trace.NodePort || p.Target.Node != tt.node {
					continue
				}
				got := map[string]netip.Addr{}
				for _, e := range p.Expect.Endpoints {
					got[e.Name] = e.SeenFrom
				}
				for pod, want := range tt.want {
					if got[pod] != want {
						t.Errorf("%s sees %s, want %s", pod, got[pod], want)
					}
				}
			}
		})
	}
}

// TestNoEndpointHere: with the traffic policy Local a service is refused on nodes without an endpoint, and the cause says so.
func TestNoEndpointHere(t *testing.T) {
	local := served(func(s *inspect.Service) { s.InternalTrafficPolicy = "Local" })
	for name, tt := range map[string]struct {
		changes []it.Change
		want    string
	}{
		"elsewhere": {[]it.Change{local, onlyOn(it.Worker2)}, "service default/multitool-dual-stack has no ready IPv6 endpoint on node " +
			"dual-stack-worker, and its traffic policy is Local: 1 elsewhere"},
		"here":          {[]it.Change{local, onlyOn(it.Worker)}, ""},
		"cluster-wide":  {[]it.Change{onlyOn(it.Worker2)}, ""},
		"none is ready": {[]it.Change{onlyOn("")}, "service default/multitool-dual-stack has no ready IPv6 endpoint: 3 not ready"},
		"terminating":   {[]it.Change{endpointsOf(func(e *inspect.Endpoint) { e.Ready, e.Ends = false, true })}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range toTarget(t, lab(tt.changes...), "svc/"+it.ServiceDualStack, inspect.IPv6) {
				if p.Class != trace.Service {
					continue
				}
				got := ""
				if cause := first(&p); cause != nil {
					got = cause.Summary
				}
				if got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
			}
		})
	}
}

// TestHeadless: the name has the addresses of all endpoints, and each is tried.
func TestHeadless(t *testing.T) {
	headless := served(func(s *inspect.Service) { s.Headless, s.ClusterIPs = true, nil })
	var got []string
	for _, p := range toTarget(t, lab(headless), "svc/"+it.ServiceDualStack, inspect.IPv6) {
		got = append(got, line(&p))
		if p.Class == trace.Name && len(p.Expect.Answers) != len(it.Hosts(inspect.IPv6)) {
			t.Errorf("expects the answers %v", p.Expect.Answers)
		}
	}
	want := []string{
		"cross-node/multitool-worker/multitool-worker2/IPv6/http-80 http 0", "cross-node/multitool-worker/multitool-control-plane/IPv6/http-80 http 0",
		"dns/multitool-worker/multitool-dual-stack/IPv6 dns 0"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	got = nil
	for _, p := range toTarget(t, lab(headless, onlyOn("")), "svc/"+it.ServiceDualStack, inspect.IPv6) {
		got = append(got, p.Skip)
	}
	if want := []string{"service multitool-dual-stack is headless and has no ready IPv6 endpoint: 3 not ready"}; !slices.Equal(got, want) {
		t.Errorf("without endpoints: %q", got)
	}
}

// TestExternalName: a service that is a name of another host is asked for, and then followed.
func TestExternalName(t *testing.T) {
	s := lab(served(func(s *inspect.Service) { s.Type, s.ExternalName, s.ClusterIPs = "ExternalName", "example.org", nil }))
	target, err := plan.ParseTarget(s, "svc/"+it.ServiceDualStack, "default", "")
	if err != nil || !target.NeedsAnswer() || target.Name != "multitool-dual-stack.default.svc.cluster.local" {
		t.Errorf("got %+v, %v", target, err)
	}
}

// TestHostPort: a pod's port on the address of its node, in the families that it is for.
func TestHostPort(t *testing.T) {
	ports := func(all ...inspect.ContainerPort) it.Change {
		return func(s *inspect.Snapshot) {
			for i := range s.Pods {
				if s.Pods[i].Name == "multitool-worker2" {
					s.Pods[i].Ports = all
				}
			}
		}
	}
	const path = "host-port/multitool-worker/multitool-worker2/IPv6/dual-stack-worker2-8080"
	for name, tt := range map[string]struct {
		port inspect.ContainerPort
		want string
	}{
		"any address":      {inspect.ContainerPort{Protocol: "TCP", Port: 80, HostPort: 8080}, path + " http 0"},
		"unspecified":      {inspect.ContainerPort{Port: 80, HostPort: 8080, HostIP: netip.IPv6Unspecified()}, path + " http 0"},
		"the other family": {inspect.ContainerPort{Port: 80, HostPort: 8080, HostIP: netip.MustParseAddr("10.10.10.12")}, ""},
		"UDP":              {inspect.ContainerPort{Protocol: "UDP", Port: 53, HostPort: 8080}, ""},
		"none":             {inspect.ContainerPort{Port: 80}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, p := range toTarget(t, lab(ports(tt.port)), "pod/multitool-worker2", inspect.IPv6) {
				if p.Class == trace.HostPort {
					got += line(&p)
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestFromNode plans from a node itself: its kernel chooses the source address by the way, and there is no cable.
func TestFromNode(t *testing.T) {
	s := lab(served(balanced))
	sources, err := plan.Sources(s, plan.SourceOptions{Pod: "node/" + it.Worker})
	if err != nil {
		t.Fatal(err)
	}
	const from = "dual-stack-worker/"
	own := it.HostOf(it.Worker, inspect.IPv6)
	for target, want := range map[string][]string{
		"pod/multitool-worker":  {"same-node/" + from + "multitool-worker/IPv6 ping 64", "same-node/" + from + "multitool-worker/IPv6/http-80 http 0"},
		"pod/multitool-worker2": {"cross-node/" + from + "multitool-worker2/IPv6 ping 63", "cross-node/" + from + "multitool-worker2/IPv6/tcp-80 tcp 0"},
		"node/" + it.Worker2:    {"node/" + from + "dual-stack-worker2/IPv6 ping 64"},
		"2001:db8::1":           {"external/" + from + "2001:db8::1/IPv6 ping 64"},
		"svc/" + it.ServiceDualStack: {"service/" + from + "multitool-dual-stack/IPv6 http 0",
			"node-port/" + from + "multitool-dual-stack/IPv6/dual-stack-worker-30080 http 0",
			"node-port/" + from + "multitool-dual-stack/IPv6/dual-stack-control-plane-30080 http 0",
			"balancer/" + from + "multitool-dual-stack/IPv6/2001:db8:7::7-80 http 0",
			"dns/" + from + "multitool-dual-stack/IPv6 dns 0", "http/" + from + "multitool-dual-stack/IPv6 http 0"},
	} {
		aim, err := plan.ParseTarget(s, target, "default", "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range build(t, s, plan.Request{Sources: sources, Target: aim, Family: inspect.IPv6}) {
			got = append(got, line(&p))
			if cause := first(&p); cause != nil {
				t.Errorf("%s: %+v", p.Name, cause)
			}
			if p.Target.Name == "multitool-worker2" && p.Source.IP != own.Tunnel || p.Target.Kind == trace.Node && p.Source.IP != own.Address.Addr() {
				t.Errorf("%s: from %s", p.Name, p.Source.IP)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", target, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	for from, want := range map[string]string{"node/nobody": `there is no node "nobody"`, "node/": "neither a pod nor node/NAME", "svc/x": "neither"} {
		if _, err := plan.Sources(s, plan.SourceOptions{Pod: from}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", from, err)
		}
	}
}

// TestNodeWithoutRouteToServices: a node without a default route of a family cannot begin a connection to a service, and its pods can.
func TestNodeWithoutRouteToServices(t *testing.T) {
	s := lab(func(s *inspect.Snapshot) {
		table := s.Tables[it.Worker]
		table.Routes = slices.DeleteFunc(slices.Clone(table.Routes), func(r inspect.Route) bool { return r.Dst.Bits() == 0 && r.Dst.Addr().Is6() })
		s.Tables[it.Worker] = table
	})
	for _, from := range []string{"node/" + it.Worker, "multitool-worker"} {
		sources, err := plan.Sources(s, plan.SourceOptions{Pod: from})
		if err != nil {
			t.Fatal(err)
		}
		aim, _ := plan.ParseTarget(s, "svc/"+it.ServiceDualStack, "default", "")
		for _, p := range build(t, s, plan.Request{Sources: sources, Target: aim}) {
			cause := first(&p)
			if p.Class != trace.Service {
				continue
			}
			if want := p.Family == inspect.IPv6 && p.Source.Kind == trace.Node; (cause != nil) != want || want && !strings.Contains(cause.Summary, "a default route") {
				t.Errorf("%s: %+v", p.Name, cause)
			}
		}
	}
}
