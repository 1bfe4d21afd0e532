package check_test

import (
	"net/netip"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// policies gives the lab policies. Without a kind, they are Kubernetes' for the lab's pods and for ingress.
func policies(all ...inspect.Policy) it.Change {
	return func(s *inspect.Snapshot) {
		for i := range all {
			if p := &all[i]; p.Kind == "" {
				p.Kind, p.Namespace, p.Ingress = "NetworkPolicy", "default", true
			}
		}
		s.Policies = all
	}
}

// allow is a rule for ingress from ranges; without any, from everywhere.
func allow(nets ...string) inspect.PolicyRule {
	r := inspect.PolicyRule{Action: "Allow"}
	for _, n := range nets {
		r.Source.Nets = append(r.Source.Nets, netip.MustParsePrefix(n))
	}
	return r
}

func named(name string, rules ...inspect.PolicyRule) inspect.Policy {
	return inspect.Policy{Name: name, Selector: "app=multitool", Rules: rules}
}

func global(selector string, rules ...inspect.PolicyRule) inspect.Policy {
	return inspect.Policy{Kind: "GlobalNetworkPolicy", Name: "global", Calico: true, Selector: selector, Ingress: true, Rules: rules}
}

func TestRootsOfPolicies(t *testing.T) {
	off := false
	pods := inspect.PolicyRule{Action: "Allow", Source: inspect.PolicyEnd{Selected: true}}
	ipv4, ipv6 := inspect.PolicyRule{Action: "Allow", Family: inspect.IPv4}, inspect.PolicyRule{Action: "Allow", Family: inspect.IPv6}
	icmp, icmp6 := inspect.PolicyRule{Action: "Allow", Protocol: "ICMP"}, inspect.PolicyRule{Action: "Allow", Protocol: "ICMPv6"}
	tcp := inspect.PolicyRule{Action: "Allow", Protocol: "TCP"}
	noIPv6 := func(s *inspect.Snapshot) { s.Calico.FelixEnv.IPv6Support = &off }
	elsewhere := named("elsewhere", allow("10.0.0.0/8"))
	elsewhere.Selector = "app=none"
	denied := allow("10.0.0.0/8")
	denied.Action = "Deny"
	narrowed := global("all()", allow("10.0.0.0/8"))
	narrowed.Namespaces = "team == 'a'"
	egress := inspect.Policy{Kind: "NetworkPolicy", Namespace: "default", Name: "out", Egress: true,
		Rules: []inspect.PolicyRule{{Egress: true, Action: "Allow", Destination: inspect.PolicyEnd{Nets: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}}}}
	testRoots(t, map[string]rootsRow{
		"IPv4 range":              {policies(named("a", allow("10.0.0.0/8"))), "DS1001"},
		"IPv6 range":              {policies(named("a", allow("fd00::/8"))), "DS1001"},
		"both":                    {policies(named("a", allow("10.0.0.0/8", "fd00::/8"))), ""},
		"both, in two rules":      {policies(named("a", allow("10.0.0.0/8"), allow("fd00::/8"))), ""},
		"both, in two policies":   {policies(named("a", allow("10.0.0.0/8")), global("app == 'multitool'", allow("fd00::/8"))), ""},
		"IPv4, in two policies":   {policies(named("a", allow("10.0.0.0/8")), global("app == 'multitool'", allow("192.168.0.0/16"))), "DS1001"},
		"everything":              {policies(named("a", allow("10.0.0.0/8"), allow())), ""},
		"nothing":                 {policies(named("a")), ""},
		"pods and an IPv4 range":  {policies(named("a", allow("10.0.0.0/8"), pods)), ""},
		"pods and all of IPv4":    {policies(named("a", allow("0.0.0.0/0"), pods)), "DS1002"},
		"pods, and all of both":   {policies(named("a", allow("0.0.0.0/0", "::/0"), pods)), ""},
		"no such pods":            {policies(elsewhere), ""},
		"egress":                  {policies(egress), "DS1001"},
		"deny an IPv4 range":      {policies(named("a", denied, allow())), ""},
		"ipVersion 4":             {policies(global("all()", ipv4)), "DS1001"},
		"ipVersion 4 and 6":       {policies(global("all()", ipv4, ipv6)), ""},
		"of Calico":               {policies(global("app == 'multitool'", allow("10.0.0.0/8"))), "DS1001"},
		"of Calico, of no pods":   {policies(global("app == 'none'", allow("10.0.0.0/8"))), ""},
		"of Calico, unreadable":   {policies(global("app ==", allow("10.0.0.0/8"))), ""},
		"narrowed by a namespace": {policies(narrowed), ""},
		"ICMP":                    {policies(global("all()", icmp, tcp)), "DS1003"},
		"ICMP and ICMPv6":         {policies(global("all()", icmp, icmp6, tcp)), ""},
		"ICMP and everything":     {policies(global("all()", icmp, allow())), ""},
		"no effect":               {it.All(policies(global("has(host)", ipv6)), noIPv6), "DS301"},
		"no effect, IPv4 only":    {it.All(it.Only(inspect.IPv4), policies(global("has(host)", ipv6)), noIPv6), "DS1004"},
		"a chart's, IPv4 only":    {it.All(it.Only(inspect.IPv4), policies(global("has(host)", allow("0.0.0.0/0", "::/0"))), noIPv6), ""},
	})
}
