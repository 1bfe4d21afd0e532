package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section dns.
const (
	DNSDown        inspect.Code = "DS901"
	DNSOutOfReach  inspect.Code = "DS902"
	DNSFiltersAAAA inspect.Code = "DS903"
	DNSAnswersAAAA inspect.Code = "DS904"
)

func dnsRules() []Rule {
	return []Rule{
		{
			Code: DNSDown, Section: DNS, Severity: inspect.SeverityError, Needs: serviceFacts(),
			Follows: []inspect.Code{NodeNotReady, NoEnabledPool, NodeWithoutPool, PoolFull, IPv6Disabled, CalicoNodeDown},
			Title:   "the cluster's DNS service has no ready endpoint",
			Why: "no pod of CoreDNS is ready: it cannot start (no address, image), cannot reach the API server by the address of service kubernetes, or stops " +
				"at a forwarding loop.",
			Mend:    "kubectl -n kube-system get pods -l k8s-app=kube-dns; describe one, and read its log",
			Reports: []string{"projectcalico/calico#3989", "k3s-io/k3s#5743"},
			Find:    dnsDown,
		},
		{
			Code: DNSOutOfReach, Section: DNS, Severity: inspect.SeverityError, Needs: serviceFacts(inspect.FactPods),
			Follows: []inspect.Code{AddressNotReported, PodLacksFamily},
			Title:   "pods have no address of the families of the cluster's DNS service",
			Why:     "kubelet gives each pod the address of its flag --cluster-dns, usually the IPv4 one. A pod without IPv4 cannot reach it, and resolves no name.",
			Mend: `kubectl -n kube-system patch service kube-dns --type=merge -p '{"spec":{"ipFamilyPolicy":"PreferDualStack"}}', then set both addresses in ` +
				"kubelet's clusterDNS",
			Find: dnsOutOfReach,
		},
		{
			Code: DNSFiltersAAAA, Section: DNS, Severity: inspect.SeverityWarning,
			Needs:   []inspect.Fact{inspect.FactCoreDNS, inspect.FactNodes, inspect.FactPools, inspect.FactServices},
			Title:   "CoreDNS gives no AAAA answers",
			Why:     "a rule in its configuration refuses, empties or rewrites queries for AAAA. That was the way to keep programs on IPv4, and now keeps them off IPv6.",
			Mend:    "kubectl -n kube-system edit configmap coredns, and remove the rule",
			Reports: []string{"k3s-io/k3s#5849"},
			Find:    dnsFiltersAAAA,
		},
		{
			Code: DNSAnswersAAAA, Section: DNS, Severity: inspect.SeverityInfo, Needs: serviceFacts(inspect.FactCoreDNS, inspect.FactPods),
			Follows: []inspect.Code{AddressNotReported, PodLacksFamily, NoEnabledPool, NodeWithoutPool, IPv6Disabled, IPv6SupportOff},
			Title:   "DNS answers AAAA, nodes have IPv6, and pods do not",
			Why: "CoreDNS forwards queries for AAAA and returns what the upstream says. Programs that prefer or only try IPv6 then fail in pods without it: the network is " +
				"unreachable, or the node drops what has no way back.",
			Mend:    "give pods IPv6, or have CoreDNS answer none: template IN AAAA . { rcode NOERROR }",
			Reports: []string{"k3s-io/k3s#5849", "vitobotta/hetzner-k3s#84"},
			Find:    dnsAnswersAAAA,
		},
	}
}

// dns returns the cluster's DNS services. Distributions have other names for it, but the same label.
func (c *Cluster) dns() []*inspect.Service {
	var all []*inspect.Service
	for i := range c.Services {
		s := &c.Services[i]
		if s.Namespace == "kube-system" && (s.Name == "kube-dns" || s.Labels["k8s-app"] == "kube-dns") && hasClusterIP(s) {
			all = append(all, s)
		}
	}
	return all
}

func dnsDown(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for _, s := range c.dns() {
		if n := c.endpoints(s).count; n.V4+n.V6 == 0 && len(s.Selector) > 0 {
			found = append(found, inspect.Finding{Subject: subject(s), Summary: fmt.Sprintf("service %s, the cluster's DNS, has no ready endpoint", name(s)),
				Command: fmt.Sprintf("kubectl -n %s get endpointslices,pods -l k8s-app=kube-dns", s.Namespace)})
		}
	}
	return found
}

// dnsOutOfReach finds pods that have no address of a family in which the DNS service has one.
func dnsOutOfReach(c *Cluster) []inspect.Finding {
	var addresses []netip.Addr
	for _, s := range c.dns() {
		addresses = append(addresses, s.ClusterIPs...)
	}
	if len(addresses) == 0 {
		return nil
	}
	var pods []string
	var example *inspect.Pod
	for i := range c.Pods {
		p := &c.Pods[i]
		if running(p) && !slices.ContainsFunc(addresses, func(a netip.Addr) bool { return hasAddress(p.IPs, inspect.FamilyOf(a)) }) {
			pods, example = append(pods, p.Namespace+"/"+p.Name), p
		}
	}
	if len(pods) == 0 {
		return nil
	}
	s := c.dns()[0]
	return []inspect.Finding{{Subject: subject(s), Family: inspect.FamilyOf(addresses[0]),
		Summary:  fmt.Sprintf("%s no %s address, and the cluster's DNS has only %s", have(pods), inspect.FamilyOf(addresses[0]), list(addresses)),
		Evidence: []string{fmt.Sprintf("status.podIPs of %s/%s has %s", example.Namespace, example.Name, list(example.IPs))},
		Mend:     patchPolicy(s, "PreferDualStack") + ", then set both addresses in kubelet's clusterDNS"}}
}

func have(pods []string) string {
	if len(pods) == 1 {
		return "pod " + pods[0] + " has"
	}
	return some(len(pods), "pod", pods) + " have"
}

// filters reports whether a directive of CoreDNS takes answers for AAAA away. With "answer", a template gives some.
func filters(directive string) bool {
	words := strings.Fields(directive)
	if len(words) == 0 || !slices.Contains(words, "AAAA") {
		return false
	}
	at := slices.Index(words, "AAAA")
	switch words[0] {
	case "template":
		return !slices.Contains(words, "answer")
	case "rewrite":
		return at > 0 && words[at-1] == "type" // and not: to AAAA
	case "acl":
		return slices.Contains(words[:at], "block") || slices.Contains(words[:at], "filter") || slices.Contains(words[:at], "drop")
	}
	return false
}

func dnsFiltersAAAA(c *Cluster) []inspect.Finding {
	if !c.Uses(inspect.IPv6) {
		return nil
	}
	var found []inspect.Finding
	for _, d := range c.CoreDNS.Directives {
		if filters(d) {
			found = append(found, inspect.Finding{Subject: "ConfigMap kube-system/coredns", Family: inspect.IPv6,
				Summary: "CoreDNS gives no AAAA answers: " + d, Evidence: []string{"the Corefile has " + d, "the cluster uses IPv6"}})
		}
	}
	return found
}

// dnsAnswersAAAA compares pods without IPv6 with nodes that have it.
func dnsAnswersAAAA(c *Cluster) []inspect.Finding {
	forwards := slices.ContainsFunc(c.CoreDNS.Directives, func(d string) bool { return strings.HasPrefix(d, "forward") })
	node := slices.IndexFunc(c.Nodes, func(n inspect.Node) bool {
		return len(internal(&n, inspect.IPv6)) > 0 && len(internal(&n, inspect.IPv4)) > 0
	})
	if !forwards || node < 0 || slices.ContainsFunc(c.CoreDNS.Directives, filters) {
		return nil
	}
	var pods []string
	for i := range c.Pods {
		if p := &c.Pods[i]; running(p) && !hasAddress(p.IPs, inspect.IPv6) {
			pods = append(pods, p.Namespace+"/"+p.Name)
		}
	}
	if len(pods) == 0 {
		return nil
	}
	n := &c.Nodes[node]
	return []inspect.Finding{{Subject: "ConfigMap kube-system/coredns", Family: inspect.IPv6,
		Summary:  fmt.Sprintf("DNS answers AAAA, and %s no IPv6 address: programs that prefer IPv6 fail there", have(pods)),
		Evidence: []string{"CoreDNS forwards queries, and filters none", fmt.Sprintf("nodes have IPv6: %s is %s", n.Name, list(internal(n, inspect.IPv6)))}}}
}
