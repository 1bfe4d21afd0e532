package check_test

import (
	"net/netip"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// dns gives the lab its DNS service, in the families of these addresses and with so many endpoints in each.
func dns(endpoints int, texts ...string) it.Change {
	return func(s *inspect.Snapshot) {
		svc := inspect.Service{Namespace: "kube-system", Name: "kube-dns", Type: "ClusterIP", IPFamilyPolicy: "SingleStack",
			ClusterIPs: addresses(texts...), Labels: map[string]string{"k8s-app": "kube-dns"}, Selector: map[string]string{"k8s-app": "kube-dns"}}
		for _, a := range svc.ClusterIPs {
			f := inspect.FamilyOf(a)
			svc.IPFamilies = append(svc.IPFamilies, f)
			slice := inspect.EndpointSlice{Namespace: "kube-system", Name: "kube-dns-" + f.String(), Service: "kube-dns", Family: f}
			for range endpoints {
				slice.Endpoints = append(slice.Endpoints, inspect.Endpoint{Ready: true, Node: it.Worker})
			}
			s.EndpointSlices = append(s.EndpointSlices, slice)
		}
		s.Services = append(s.Services, svc)
	}
}

func TestRootsOfDNS(t *testing.T) {
	corefile := func(lines ...string) it.Change {
		return func(s *inspect.Snapshot) { s.CoreDNS.Directives = append(lines, s.CoreDNS.Directives...) }
	}
	// Pods without IPv4, or without IPv6, whose pools somebody has taken away.
	without := func(f inspect.Family) it.Change {
		return it.All(pod(func(p *inspect.Pod) {
			p.IPs = []netip.Addr{it.HostOf(it.Worker, inspect.IPv4).Pod}
			if f == inspect.IPv4 {
				p.IPs = []netip.Addr{it.HostOf(it.Worker, inspect.IPv6).Pod}
			}
			p.CalicoIPs, p.CalicoCNI = p.IPs, false
		}), func(s *inspect.Snapshot) {
			for i := range s.Blocks {
				s.Blocks[i].Allocations = nil
			}
		})
	}
	testRoots(t, map[string]rootsRow{
		"IPv4":                      {dns(2, "10.96.0.10"), "DS701"},
		"no endpoints":              {dns(0, "10.96.0.10"), "DS701 DS901"},
		"no endpoints in both":      {dns(0, "10.96.0.10", "fd00:10:96::a"), "DS901"},
		"pods without IPv4":         {it.All(dns(2, "10.96.0.10"), without(inspect.IPv4)), "DS701 DS902"},
		"pods without IPv4, both":   {it.All(dns(2, "10.96.0.10", "fd00:10:96::a"), without(inspect.IPv4)), ""},
		"template":                  {corefile("template IN AAAA . { rcode NOERROR }"), "DS903"},
		"template that answers":     {corefile(`template IN AAAA example.org { answer "{{ .Name }} 60 IN AAAA fd00::1" }`), ""},
		"template for A":            {corefile("template IN A . { rcode NOERROR }"), ""},
		"rewrite from AAAA":         {corefile("rewrite stop type AAAA A"), "DS903"},
		"rewrite to AAAA":           {corefile("rewrite stop type A AAAA"), ""},
		"acl":                       {corefile("acl { block type AAAA net * }"), "DS903"},
		"acl that allows":           {corefile("acl { allow type AAAA net * }"), ""},
		"pods without IPv6":         {without(inspect.IPv6), "DS904"},
		"pods without IPv6, silent": {it.All(without(inspect.IPv6), corefile("template IN AAAA . { rcode NOERROR }")), "DS903"},
	})
}

// TestAnswersAAAAFollows holds that the answers are no cause where something else keeps IPv6 from pods.
func TestAnswersAAAAFollows(t *testing.T) {
	report := check.Analyze(it.With(pod(func(p *inspect.Pod) { p.IPs = p.IPs[:1] })), check.Rules(), check.Filter{})
	for _, f := range report.Items {
		if f.Code == check.DNSAnswersAAAA && len(f.CausedBy) > 0 {
			return
		}
	}
	t.Errorf("DS904 does not follow from DS501: %v", report.Items)
}
