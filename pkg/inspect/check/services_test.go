package check_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// rootsRow is a change to the healthy lab, and the root causes that it adds, of every severity.
type rootsRow struct {
	change it.Change
	roots  string
}

// testRoots holds that a change adds exactly these root causes to those of the healthy lab.
func testRoots(t *testing.T, rows map[string]rootsRow) {
	t.Helper()
	healthy, _ := check.Roots(check.Analyze(it.Lab(), check.Rules(), check.Filter{}).Items)
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			report := check.Analyze(it.With(row.change), check.Rules(), check.Filter{})
			roots, _ := check.Roots(report.Items)
			var codes []string
			for _, f := range roots {
				if !slices.ContainsFunc(healthy, func(h inspect.Finding) bool { return h.Code == f.Code && h.Subject == f.Subject }) {
					codes = append(codes, string(f.Code))
				}
			}
			slices.Sort(codes)
			if got := strings.Join(codes, " "); got != row.roots {
				t.Errorf("root causes %q, want %q", got, row.roots)
				for _, f := range report.Items {
					t.Logf("%s %s: %s %q, caused by %v", f.Code, f.Severity, f.Summary, f.Evidence, f.CausedBy)
				}
			}
		})
	}
}

// service changes the lab's dual-stack service.
func service(edit func(*inspect.Service)) it.Change {
	return func(s *inspect.Snapshot) {
		for i := range s.Services {
			if s.Services[i].Name == it.ServiceDualStack {
				edit(&s.Services[i])
			}
		}
	}
}

// exposed makes the lab's dual-stack service one of a type, with a node port that all nodes serve.
func exposed(kind string, edit func(*inspect.Service)) it.Change {
	return it.All(service(func(s *inspect.Service) {
		s.Type, s.ExternalTrafficPolicy = kind, "Cluster"
		s.Ports = slices.Clone(s.Ports)
		s.Ports[0].NodePort = 30080
		edit(s)
	}), func(s *inspect.Snapshot) {
		for node, nat := range s.NAT {
			nat.V4.NodePorts, nat.V6.NodePorts = 1, 1
			s.NAT[node] = nat
		}
	})
}

// notReady takes the endpoints of the lab's dual-stack service on a node out of a family; zero: of both.
func notReady(node string, f inspect.Family) it.Change {
	return func(s *inspect.Snapshot) {
		for i := range s.EndpointSlices {
			slice := &s.EndpointSlices[i]
			if slice.Service != it.ServiceDualStack || !f.Matches(slice.Family) {
				continue
			}
			slice.Endpoints = slices.Clone(slice.Endpoints)
			for j := range slice.Endpoints {
				if slice.Endpoints[j].Node == node {
					slice.Endpoints[j].Ready = false
				}
			}
		}
	}
}

// firstFamily leaves the service with its first family, and its slices.
func firstFamily(policy string) func(*inspect.Service) {
	return func(s *inspect.Service) {
		s.IPFamilies, s.ClusterIPs, s.IPFamilyPolicy = s.IPFamilies[:1], s.ClusterIPs[:1], policy
	}
}

func addresses(texts ...string) []netip.Addr {
	all := make([]netip.Addr, 0, len(texts))
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

// added adds a service without endpoints.
func added(service inspect.Service) it.Change {
	return func(s *inspect.Snapshot) {
		service.Namespace, service.Name = "default", "added"
		s.Services = append(s.Services, service)
	}
}

func TestRootsOfServices(t *testing.T) {
	local := func(s *inspect.Service) { s.ExternalTrafficPolicy = "Local" }
	internal := service(func(s *inspect.Service) { s.InternalTrafficPolicy = "Local" })
	noNodes := func(s *inspect.Snapshot) {
		for i := range s.EndpointSlices {
			s.EndpointSlices[i].Endpoints = slices.Clone(s.EndpointSlices[i].Endpoints)
			for j := range s.EndpointSlices[i].Endpoints {
				s.EndpointSlices[i].Endpoints[j].Node = ""
			}
		}
	}
	pool := func(f inspect.Family, disabled bool) it.Change {
		return func(s *inspect.Snapshot) {
			cidr := netip.MustParsePrefix("203.0.113.0/24")
			if f == inspect.IPv6 {
				cidr = netip.MustParsePrefix("2001:db8:1b::/120")
			}
			s.Pools = append(s.Pools, inspect.IPPool{Name: "lb-" + f.String(), CIDR: cidr, BlockSize: cidr.Bits(), IPIPMode: "Never", VXLANMode: "Never",
				NodeSelector: "all()", AllowedUses: []string{"LoadBalancer"}, Disabled: disabled})
		}
	}
	one := func(s *inspect.Service) { s.Ingress = addresses("203.0.113.1") }
	both := func(s *inspect.Service) { s.Ingress = addresses("203.0.113.1", "2001:db8::1") }
	testRoots(t, map[string]rootsRow{
		"single-stack":                       {service(firstFamily("SingleStack")), "DS701"},
		"prefers two, has one":               {service(firstFamily("PreferDualStack")), "DS704"},
		"single-stack with a node port":      {exposed("NodePort", firstFamily("SingleStack")), "DS705"},
		"dual-stack with a node port":        {exposed("NodePort", func(*inspect.Service) {}), ""},
		"headless":                           {added(inspect.Service{Type: "ClusterIP", Headless: true, IPFamilyPolicy: "PreferDualStack", IPFamilies: []inspect.Family{inspect.IPv4}}), ""},
		"a name":                             {added(inspect.Service{Type: "ExternalName", ExternalName: "example.com"}), ""},
		"no selector":                        {service(func(s *inspect.Service) { s.Selector = nil }), ""},
		"a pod in one family":                {notReady(it.Worker, inspect.IPv6), "DS706"},
		"a pod in none":                      {notReady(it.Worker, 0), ""},
		"no pods in a family":                {it.All(notReady(it.ControlPlane, inspect.IPv4), notReady(it.Worker, inspect.IPv4), notReady(it.Worker2, inspect.IPv4)), "DS702"},
		"external Local, all nodes serve it": {exposed("NodePort", local), ""},
		"external Local, a node does not":    {it.All(exposed("NodePort", local), notReady(it.Worker, 0)), "DS707"},
		"balancer, Local, a node does not":   {it.All(exposed("LoadBalancer", func(s *inspect.Service) { local(s); both(s) }), notReady(it.Worker, 0)), ""},
		"external Local, in one family":      {it.All(exposed("LoadBalancer", func(s *inspect.Service) { local(s); both(s) }), notReady(it.Worker, inspect.IPv6)), "DS706"},
		"external Local, no node has any":    {it.All(exposed("LoadBalancer", func(s *inspect.Service) { local(s); both(s) }), noNodes), "DS707 DS707"},
		"internal Local, all nodes have one": {internal, ""},
		"internal Local, a node has none":    {it.All(internal, notReady(it.Worker, 0)), "DS708"},
		"internal Local, in one family":      {it.All(internal, notReady(it.Worker, inspect.IPv6)), "DS706"},
		"balancer pending":                   {exposed("LoadBalancer", func(*inspect.Service) {}), "DS709"},
		"balancer with a name":               {exposed("LoadBalancer", func(s *inspect.Service) { s.IngressNames = []string{"lb.example"} }), ""},
		"balancer of both":                   {exposed("LoadBalancer", both), ""},
		"balancer of one family":             {exposed("LoadBalancer", one), "DS711"},
		"balancer and pool of one family":    {it.All(exposed("LoadBalancer", one), pool(inspect.IPv4, false)), "DS710"},
		"balancer and pools of both":         {it.All(exposed("LoadBalancer", both), pool(inspect.IPv4, false), pool(inspect.IPv6, false)), ""},
		"pool of one family, served":         {it.All(exposed("LoadBalancer", both), pool(inspect.IPv4, false)), ""},
		"pool of the other is disabled":      {it.All(exposed("LoadBalancer", one), pool(inspect.IPv4, false), pool(inspect.IPv6, true)), "DS710"},
		"balancer of another class":          {it.All(exposed("LoadBalancer", func(s *inspect.Service) { one(s); s.LoadBalancerClass = "own" }), pool(inspect.IPv4, false)), "DS711"},
	})
}

// TestServicesSingleStack holds that services of a single-stack cluster are fine with one family.
func TestServicesSingleStack(t *testing.T) {
	for _, f := range inspect.Families() {
		for name, change := range map[string]it.Change{
			"prefers two": service(func(s *inspect.Service) { s.IPFamilyPolicy = "PreferDualStack" }),
			"node port":   exposed("NodePort", func(*inspect.Service) {}),
			"balancer": exposed("LoadBalancer", func(s *inspect.Service) {
				s.Ingress = map[inspect.Family][]netip.Addr{inspect.IPv4: addresses("203.0.113.1"), inspect.IPv6: addresses("2001:db8::1")}[f]
			}),
		} {
			if found := check.Analyze(it.With(it.Only(f), change), check.Rules(), check.Filter{}).Items; len(found) > 0 {
				t.Errorf("%s only, %s: %v", f, name, found)
			}
		}
	}
}
