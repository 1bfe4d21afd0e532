package policy_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/policy"
)

type (
	pol  = inspect.Policy
	rule = inspect.PolicyRule
	end  = inspect.PolicyEnd
)

func ptr[T any](v T) *T { return &v }

func nets(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}

// pods are the ends of the flows: client in namespace front, server in namespace back, and one on the host's network.
func client() *inspect.Pod {
	return &inspect.Pod{Namespace: "front", Name: "client", Node: "n1", Labels: map[string]string{"app": "client"}, ServiceAccount: "shop"}
}

func server() *inspect.Pod {
	return &inspect.Pod{Namespace: "back", Name: "server", Node: "n2", Labels: map[string]string{"app": "server"}, ServiceAccount: "default",
		Ports: []inspect.ContainerPort{{Name: "http", Port: 8080}}}
}

const (
	client4, client6 = "10.244.1.2", "fd00:10:244:1::2"
	server4, server6 = "10.244.2.3", "fd00:10:244:2::3"
)

func flow(f inspect.Family, protocol string, port uint16) policy.Flow {
	from, to := client4, server4
	if f == inspect.IPv6 {
		from, to = client6, server6
	}
	return policy.Flow{Family: f, Protocol: protocol, Port: port, From: policy.End{IP: netip.MustParseAddr(from), Pod: client()},
		To: policy.End{IP: netip.MustParseAddr(to), Pod: server()}}
}

func web(f inspect.Family) policy.Flow  { return flow(f, "TCP", 8080) }
func echo(f inspect.Family) policy.Flow { return flow(f, "ICMP", 0) }
func web4() policy.Flow                 { return web(inspect.IPv4) }
func web6() policy.Flow                 { return web(inspect.IPv6) }
func echo4() policy.Flow                { return echo(inspect.IPv4) }
func echo6() policy.Flow                { return echo(inspect.IPv6) }

// outside is a connection of the client to an address out of the cluster.
func outside(ip string, port uint16) policy.Flow {
	a := netip.MustParseAddr(ip)
	f := flow(inspect.FamilyOf(a), "TCP", port)
	f.To = policy.End{IP: a}
	return f
}

// knp is a policy of Kubernetes for the server, or with egress rules for the client.
func knp(name string, rules ...rule) pol {
	p := pol{Kind: "NetworkPolicy", Namespace: "back", Name: name, Ingress: true, Order: ptr(1000.0), Rules: numbered(rules)}
	if len(rules) > 0 && rules[0].Egress {
		p.Namespace, p.Ingress, p.Egress = "front", false, true
	}
	return p
}

// gnp is a GlobalNetworkPolicy for what a selector selects.
func gnp(name, selector string, rules ...rule) pol {
	p := pol{Kind: "GlobalNetworkPolicy", Name: name, Calico: true, Selector: selector, Ingress: true, Rules: numbered(rules)}
	if len(rules) > 0 && rules[0].Egress {
		p.Ingress, p.Egress = false, true
	}
	return p
}

func numbered(rules []rule) []rule {
	for i := range rules {
		if rules[i].Action == "" {
			rules[i].Action = "Allow"
		}
		if rules[i].Number == 0 {
			rules[i].Number = i + 1
		}
	}
	return rules
}

func in(p pol, tier string, order float64) pol {
	p.Tier, p.Order = tier, &order
	return p
}

func with(p pol, change func(*pol)) pol {
	change(&p)
	return p
}

func from(e end) rule { return rule{Source: e} }
func to(e end) rule   { return rule{Egress: true, Destination: e} }
func port(n uint16) []inspect.PolicyPort {
	return []inspect.PolicyPort{{Min: n, Max: n}}
}

func basis() inspect.PolicyBasis {
	return inspect.PolicyBasis{
		Namespaces: []inspect.Namespace{{Name: "front", Labels: map[string]string{"team": "a", "kubernetes.io/metadata.name": "front"}},
			{Name: "back", Labels: map[string]string{"team": "b", "kubernetes.io/metadata.name": "back"}}},
		Tiers: []inspect.PolicyTier{{Name: "default", Order: ptr(1e6)}, {Name: "security", Order: ptr(100.0)}, {Name: "open", Order: ptr(200.0), Pass: true}},
		NetworkSets: []inspect.NetworkSet{{Name: "partners", Labels: map[string]string{"set": "partners"}, Nets: nets("203.0.113.0/24", "2001:db8:1::/48")},
			{Namespace: "front", Name: "own", Labels: map[string]string{"set": "own"}, Nets: nets("198.51.100.0/24")}},
	}
}

func TestJudge(t *testing.T) {
	everything := rule{}
	pass := rule{Action: "Pass"}
	deny := rule{Action: "Deny"}
	log := rule{Action: "Log"}
	clients := end{Selected: true, Selector: "app=client", Namespaces: "team=a"}
	calicoClients := end{Selected: true, Selector: "app == 'client'"}
	tests := []struct {
		name     string
		flow     policy.Flow
		policies []pol
		want     string // DECISION: WHO
	}{
		// Without policies, and those that select others.
		{"no policy", web6(), nil, "allowed: no policy"},
		{"of another namespace", web6(), []pol{with(knp("a"), func(p *pol) { p.Namespace = "other" })}, "allowed: no policy"},
		{"of other labels", web6(), []pol{with(knp("a"), func(p *pol) { p.Selector = "app=db" })}, "allowed: no policy"},
		{"of its labels", web6(), []pol{with(knp("a"), func(p *pol) { p.Selector = "app in (server,db)" })}, "denied: no ingress rule of NetworkPolicy back/a"},
		{"for the other direction", web6(), []pol{with(knp("a"), func(p *pol) { p.Ingress, p.Egress = false, true })}, "allowed: no policy"},
		{"isolated", web4(), []pol{knp("a")}, "denied: no ingress rule of NetworkPolicy back/a"},

		// Kubernetes' rules.
		{"everything", web6(), []pol{knp("a", everything)}, "allowed: NetworkPolicy back/a, ingress rule 1"},
		{"IPv4 range, IPv4", web4(), []pol{knp("a", from(end{Nets: nets("10.0.0.0/8")}))}, "allowed: NetworkPolicy back/a, ingress rule 1"},
		{"IPv4 range, IPv6", web6(), []pol{knp("a", from(end{Nets: nets("10.0.0.0/8")}))}, "denied: no ingress rule of NetworkPolicy back/a"},
		{"IPv6 range in a second rule", web6(), []pol{knp("a", from(end{Nets: nets("0.0.0.0/0")}), from(end{Nets: nets("::/0")}))}, "allowed: NetworkPolicy back/a, ingress rule 2"},
		{"range with an exception", web4(), []pol{knp("a", from(end{Nets: nets("10.0.0.0/8"), NotNets: nets("10.244.1.0/24")}))}, "denied: no ingress rule of NetworkPolicy back/a"},
		{"pods of a namespace", web6(), []pol{knp("a", from(clients))}, "allowed: NetworkPolicy back/a, ingress rule 1"},
		{"pods of the own namespace", web6(), []pol{knp("a", from(end{Selected: true, OwnNamespace: true}))}, "denied: no ingress rule of NetworkPolicy back/a"},
		{"all namespaces", web6(), []pol{knp("a", from(end{Selected: true}))}, "allowed: NetworkPolicy back/a, ingress rule 1"},
		{"its port", web6(), []pol{knp("a", rule{Protocol: "TCP", Destination: end{Ports: port(8080)}})}, "allowed: NetworkPolicy back/a, ingress rule 1"},
		{"another port", web6(), []pol{knp("a", rule{Protocol: "TCP", Destination: end{Ports: port(80)}})}, "denied: no ingress rule of NetworkPolicy back/a"},
		{"a range of ports", web6(), []pol{knp("a", rule{Protocol: "TCP", Destination: end{Ports: []inspect.PolicyPort{{Min: 8000, Max: 9000}}}})}, "allowed: NetworkPolicy back/a, ingress rule 1"},
		{"the name of its port", web6(), []pol{knp("a", rule{Protocol: "TCP", Destination: end{Ports: []inspect.PolicyPort{{Name: "http"}}}})}, "allowed: NetworkPolicy back/a, ingress rule 1"},
		{"the name of another port", web6(), []pol{knp("a", rule{Protocol: "TCP", Destination: end{Ports: []inspect.PolicyPort{{Name: "https"}}}})}, "denied: no ingress rule of NetworkPolicy back/a"},
		{"TCP allowed, echo", echo6(), []pol{knp("a", rule{Protocol: "TCP"})}, "denied: no ingress rule of NetworkPolicy back/a"},
		{"of two policies, one admits", web6(), []pol{knp("a"), knp("b", everything)}, "allowed: NetworkPolicy back/b, ingress rule 1"},
		{"of two policies, none admits", web6(), []pol{knp("a"), knp("b", from(end{Nets: nets("192.0.2.0/24")}))}, "denied: no ingress rule of NetworkPolicy back/a or NetworkPolicy back/b"},

		// Egress comes first.
		{"egress isolated", web6(), []pol{with(knp("out"), func(p *pol) { p.Namespace, p.Ingress, p.Egress = "front", false, true })}, "denied: no egress rule of NetworkPolicy front/out"},
		{"egress to IPv4 only, IPv6", web6(), []pol{knp("out", to(end{Nets: nets("0.0.0.0/0")}))}, "denied: no egress rule of NetworkPolicy front/out"},
		{"egress to IPv4 only, IPv4", web4(), []pol{knp("out", to(end{Nets: nets("0.0.0.0/0")}))}, "allowed: no policy"},
		{"egress to pods", web6(), []pol{knp("out", to(end{Selected: true, Namespaces: "team=b", Selector: "app=server"}))}, "allowed: no policy"},
		{"egress allowed, ingress denied", web6(), []pol{knp("out", to(end{})), knp("a")}, "denied: no ingress rule of NetworkPolicy back/a"},
		{"egress to outside", outside("2001:db8::1", 443), []pol{knp("out", to(end{Nets: nets("2001:db8::/32")}))}, "allowed: NetworkPolicy front/out, egress rule 1"},
		{"egress to pods, outside", outside("2001:db8::1", 443), []pol{knp("out", to(end{Selected: true}))}, "denied: no egress rule of NetworkPolicy front/out"},

		// Calico's rules.
		{"ipVersion 4, IPv6", web6(), []pol{gnp("g", "all()", rule{Family: inspect.IPv4})}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"ipVersion 4, IPv4", web4(), []pol{gnp("g", "all()", rule{Family: inspect.IPv4})}, "allowed: GlobalNetworkPolicy g, ingress rule 1"},
		{"ICMP, IPv6", echo6(), []pol{gnp("g", "all()", rule{Protocol: "ICMP"})}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"ICMP, IPv4", echo4(), []pol{gnp("g", "all()", rule{Protocol: "ICMP"})}, "allowed: GlobalNetworkPolicy g, ingress rule 1"},
		{"ICMPv6, IPv6", echo6(), []pol{gnp("g", "all()", rule{Protocol: "ICMPv6"})}, "allowed: GlobalNetworkPolicy g, ingress rule 1"},
		{"protocol by number", echo6(), []pol{gnp("g", "all()", rule{Protocol: "58"})}, "allowed: GlobalNetworkPolicy g, ingress rule 1"},
		{"echo by type", echo6(), []pol{gnp("g", "all()", rule{Protocol: "ICMPv6", ICMPType: ptr(128)})}, "allowed: GlobalNetworkPolicy g, ingress rule 1"},
		{"another type", echo6(), []pol{gnp("g", "all()", rule{Protocol: "ICMPv6", ICMPType: ptr(2)})}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"denies TCP, lets ICMP pass: TCP", web4(), []pol{gnp("g", "all()", rule{Action: "Deny", Protocol: "TCP"}, everything)}, "denied: GlobalNetworkPolicy g, ingress rule 1"},
		{"denies TCP, lets ICMP pass: echo", echo4(), []pol{gnp("g", "all()", rule{Action: "Deny", Protocol: "TCP"}, everything)}, "allowed: GlobalNetworkPolicy g, ingress rule 2"},
		{"notProtocol", web4(), []pol{gnp("g", "all()", rule{NotProtocol: "TCP"})}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"notNets", web4(), []pol{gnp("g", "all()", from(end{NotNets: nets("10.0.0.0/8")}))}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"notPorts", web4(), []pol{gnp("g", "all()", rule{Protocol: "TCP", Destination: end{NotPorts: port(8080)}})}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"selector", web4(), []pol{gnp("g", "all()", from(calicoClients))}, "allowed: GlobalNetworkPolicy g, ingress rule 1"},
		{"notSelector", web4(), []pol{gnp("g", "all()", from(end{NotSelector: "app == 'client'"}))}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"notSelector, of others", web4(), []pol{gnp("g", "all()", from(end{NotSelector: "app == 'x'"}))}, "allowed: GlobalNetworkPolicy g, ingress rule 1"},
		{"namespace by label", web4(), []pol{gnp("g", "projectcalico.org/namespace == 'back'")}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"namespaceSelector excludes the pod", web4(), []pol{with(gnp("g", "all()"), func(p *pol) { p.Namespaces = "team == 'a'" })}, "allowed: no policy"},
		{"namespaceSelector", web4(), []pol{with(gnp("g", "all()"), func(p *pol) { p.Namespaces = "team == 'b'" })}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"namespace's labels on pods", web4(), []pol{gnp("g", "all()", from(end{Selected: true, Selector: "pcns.team == 'a'"}))}, "allowed: GlobalNetworkPolicy g, ingress rule 1"},
		{"service accounts", web4(), []pol{gnp("g", "all()", from(end{Selected: true, ServiceAccounts: []string{"shop"}}))}, "allowed: GlobalNetworkPolicy g, ingress rule 1"},
		{"other service accounts", web4(), []pol{gnp("g", "all()", from(end{Selected: true, ServiceAccounts: []string{"x"}}))}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"network set", outside("2001:db8:1::5", 443), []pol{gnp("g", "all()", to(end{Selected: true, Selector: "set == 'partners'"}))}, "allowed: GlobalNetworkPolicy g, egress rule 1"},
		{"network set, of one family", outside("2001:db8:2::5", 443), []pol{gnp("g", "all()", to(end{Selected: true, Selector: "set == 'partners'"}))}, "denied: no egress rule of GlobalNetworkPolicy g"},
		{"global network sets", outside("203.0.113.5", 443), []pol{gnp("g", "all()", to(end{Selected: true, Selector: "set == 'partners'", Namespaces: "global()"}))}, "allowed: GlobalNetworkPolicy g, egress rule 1"},
		{"pods are not in global()", web4(), []pol{gnp("g", "all()", from(end{Selected: true, Selector: "app == 'client'", Namespaces: "global()"}))}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"network set of another namespace", outside("198.51.100.9", 443), []pol{gnp("g", "all()", to(end{Selected: true, Selector: "set == 'own'", Namespaces: "team == 'b'"}))}, "denied: no egress rule of GlobalNetworkPolicy g"},

		// Order and tiers.
		{"the lower order first: deny", web4(), []pol{in(gnp("late", "all()", everything), "", 20), in(gnp("early", "all()", deny), "", 10)}, "denied: GlobalNetworkPolicy early, ingress rule 1"},
		{"the lower order first: allow", web4(), []pol{in(gnp("late", "all()", deny), "", 20), in(gnp("early", "all()", everything), "", 10)}, "allowed: GlobalNetworkPolicy early, ingress rule 1"},
		{"without an order last", web4(), []pol{gnp("a", "all()", deny), in(gnp("b", "all()", everything), "", 9999)}, "allowed: GlobalNetworkPolicy b, ingress rule 1"},
		{"by name in one order", web4(), []pol{in(gnp("b", "all()", everything), "", 1), in(gnp("a", "all()", deny), "", 1)}, "denied: GlobalNetworkPolicy a, ingress rule 1"},
		{"before Kubernetes' 1000", web4(), []pol{knp("k", everything), in(gnp("g", "all()", deny), "", 999)}, "denied: GlobalNetworkPolicy g, ingress rule 1"},
		{"after Kubernetes' 1000", web4(), []pol{knp("k", everything), in(gnp("g", "all()", deny), "", 1001)}, "allowed: NetworkPolicy back/k, ingress rule 1"},
		{"an earlier tier denies", web4(), []pol{knp("k", everything), in(gnp("g", "all()", deny), "security", 1)}, "denied: GlobalNetworkPolicy g, ingress rule 1"},
		{"an earlier tier allows", web4(), []pol{knp("k"), in(gnp("g", "all()", everything), "security", 1)}, "allowed: GlobalNetworkPolicy g, ingress rule 1"},
		{"an earlier tier passes", web4(), []pol{knp("k"), in(gnp("g", "all()", pass), "security", 1)}, "denied: no ingress rule of NetworkPolicy back/k"},
		{"all pass", web4(), []pol{in(gnp("g", "all()", pass), "security", 1)}, "allowed: no policy"},
		{"the end of a tier denies", web4(), []pol{knp("k", everything), in(gnp("g", "all()", rule{Protocol: "UDP"}), "security", 1)}, "denied: no ingress rule of GlobalNetworkPolicy g"},
		{"the end of a tier that passes", web4(), []pol{knp("k", everything), in(gnp("g", "all()", rule{Action: "Deny", Protocol: "UDP"}), "open", 1)}, "allowed: NetworkPolicy back/k, ingress rule 1"},
		{"a tier that does not select", web4(), []pol{in(gnp("g", "app == 'x'", deny), "security", 1)}, "allowed: no policy"},
		{"log goes on", web4(), []pol{gnp("g", "all()", log, everything)}, "allowed: GlobalNetworkPolicy g, ingress rule 2"},

		// Policies for whole clusters.
		{"AdminNetworkPolicy", web6(), []pol{knp("k", everything), {Kind: "AdminNetworkPolicy", Name: "anp", Tier: "adminnetworkpolicy", Order: ptr(5.0), Namespaces: "team=b", Ingress: true,
			Rules: numbered([]rule{{Action: "Deny", Source: end{Selected: true, Namespaces: "team=a"}}})}}, "denied: AdminNetworkPolicy anp, ingress rule 1"},
		{"BaselineAdminNetworkPolicy after the others", web6(), []pol{knp("k", everything), {Kind: "BaselineAdminNetworkPolicy", Name: "default", Tier: "baselineadminnetworkpolicy", Ingress: true,
			Rules: numbered([]rule{{Action: "Deny"}})}}, "allowed: NetworkPolicy back/k, ingress rule 1"},
		{"BaselineAdminNetworkPolicy alone", web6(), []pol{{Kind: "BaselineAdminNetworkPolicy", Name: "default", Tier: "baselineadminnetworkpolicy", Ingress: true,
			Rules: numbered([]rule{{Action: "Deny"}})}}, "denied: BaselineAdminNetworkPolicy default, ingress rule 1"},

		// What cannot be judged.
		{"unreadable", web4(), []pol{with(gnp("g", "all()", deny), func(p *pol) { p.Unread = true })}, "unknown: GlobalNetworkPolicy g"},
		{"unreadable, in a tier that comes later", web4(), []pol{in(gnp("a", "all()", deny), "security", 1), in(gnp("b", "all()", rule{Egress: true}), "security", 1),
			with(in(gnp("g", "all()"), "", 2), func(p *pol) { p.Unread = true })}, "denied: GlobalNetworkPolicy a, ingress rule 1"},
		{"a selector that makes no sense", web4(), []pol{gnp("g", "app ==", deny)}, "unknown: GlobalNetworkPolicy g, ingress rule 1"},
		{"HTTP", web4(), []pol{gnp("g", "all()", rule{Unread: "http"})}, "unknown: GlobalNetworkPolicy g, ingress rule 1"},
		{"HTTP, and everything", web4(), []pol{gnp("g", "all()", rule{Unread: "http"}, everything)}, "allowed: GlobalNetworkPolicy g, ingress rule 1"},
		{"labels of service accounts", web4(), []pol{with(gnp("g", "all()", deny), func(p *pol) { p.ServiceAccounts = "role == 'x'" })}, "unknown: GlobalNetworkPolicy g, ingress rule 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			verdicts := policy.New(tt.policies, basis(), nil, felix.Release{}).Judge(tt.flow)
			v := verdicts[len(verdicts)-1]
			for _, one := range verdicts {
				if one.Decision != policy.Allowed || tt.flow.To.Pod == nil && one.Egress {
					v = one
					break
				}
			}
			if got := string(v.Decision) + ": " + v.String(); got != tt.want {
				t.Errorf("got %q, want %q (%s)", got, tt.want, v.Why)
			}
			if (v.Decision == policy.Unknown) != (v.Why != "") {
				t.Errorf("%s, because of %q", v.Decision, v.Why)
			}
		})
	}
}

// TestOwnNode: a node reaches its own pods whatever policies say, and a pod on the host's network has no egress policies.
func TestOwnNode(t *testing.T) {
	f := web6()
	f.From.Pod.HostNetwork, f.From.Pod.Node = true, "n2"
	for node, want := range map[string]policy.Decision{"n2": policy.Allowed, "n1": policy.Denied} {
		f.From.Pod.Node = node
		verdicts := policy.New([]pol{knp("a"), gnp("out", "all()", rule{Egress: true, Action: "Deny"})}, basis(), nil, felix.Release{}).Judge(f)
		if got := verdicts[len(verdicts)-1]; got.Decision != want || got.Egress {
			t.Errorf("from %s: got %+v", node, got)
		}
	}
}

// TestSeenFrom: what a node has translated is judged on the way out as the pod's, and on the way in by the address that it then has.
func TestSeenFrom(t *testing.T) {
	f := web6()
	f.SeenFrom = netip.MustParseAddr("fd00:10:10::11")
	from := func(p string) pol { // admits one address at the server
		return gnp("in", "app == 'server'", rule{Action: "Allow", Source: end{Nets: nets(p)}})
	}
	for name, tt := range map[string]struct {
		policy pol
		want   policy.Decision
		egress bool
	}{
		"the node's address is admitted": {from("fd00:10:10::11/128"), policy.Allowed, false},
		"the pod's is, which is gone":    {from(client6 + "/128"), policy.Denied, false},
		"the pod may not send":           {gnp("out", "app == 'client'", rule{Egress: true, Action: "Deny"}), policy.Denied, true},
	} {
		verdicts := policy.New([]pol{tt.policy}, basis(), nil, felix.Release{}).Judge(f)
		if got := verdicts[len(verdicts)-1]; got.Decision != tt.want || got.Egress != tt.egress {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// TestReleases: each release of Calico enforces its own kinds of policies for whole clusters.
func TestReleases(t *testing.T) {
	deny := numbered([]rule{{Action: "Deny"}})
	for version, want := range map[string]string{"v3.28.5": "", "v3.29.1": "AdminNetworkPolicy a", "v3.31.7": "AdminNetworkPolicy a",
		"v3.32.1": "ClusterNetworkPolicy c", "v3.33.0": "ClusterNetworkPolicy c"} {
		set := policy.New([]pol{{Kind: "AdminNetworkPolicy", Name: "a", Tier: "adminnetworkpolicy", Ingress: true, Rules: deny},
			{Kind: "ClusterNetworkPolicy", Name: "c", Tier: "kube-admin", Ingress: true, Rules: deny}}, basis(), nil, felix.ReleaseOf(version))
		verdicts := set.Judge(web6())
		got := ""
		if v := verdicts[len(verdicts)-1]; v.Decision == policy.Denied {
			got = v.Policy.String()
		}
		if got != want {
			t.Errorf("%s: denied by %q, want %q", version, got, want)
		}
	}
}

// TestServices: a rule that names a service matches its endpoints and their port.
func TestServices(t *testing.T) {
	slices := []inspect.EndpointSlice{{Namespace: "back", Service: "web", Family: inspect.IPv4, Ports: []inspect.EndpointPort{{Port: 8080}},
		Endpoints: []inspect.Endpoint{{Addresses: []netip.Addr{netip.MustParseAddr(server4)}}}}}
	p := gnp("g", "app == 'client'", to(end{Service: "back/web"}))
	for name, tt := range map[string]struct {
		flow   policy.Flow
		slices []inspect.EndpointSlice
		want   policy.Decision
	}{
		"an endpoint":   {web4(), slices, policy.Allowed},
		"another port":  {flow(inspect.IPv4, "TCP", 80), slices, policy.Denied},
		"the other one": {web6(), slices, policy.Denied},
		"not read":      {web4(), nil, policy.Unknown},
	} {
		v := policy.New([]pol{p}, basis(), tt.slices, felix.Release{}).Judge(tt.flow)[0]
		if v.Decision != tt.want || v.Decision == policy.Unknown && !strings.Contains(v.Why, "were not read") {
			t.Errorf("%s: got %+v", name, v)
		}
	}
}
