package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section kube-proxy.
const (
	NoServiceRules    inspect.Code = "DS801"
	FewServiceRules   inspect.Code = "DS802"
	NoNodePortRules   inspect.Code = "DS803"
	ProxyModeDiffers  inspect.Code = "DS804"
	ProxyLeftovers    inspect.Code = "DS805"
	RulesMixed        inspect.Code = "DS806"
	ClusterCIDRFamily inspect.Code = "DS807"
	NodePortAddresses inspect.Code = "DS808"
	HostPortNoRule    inspect.Code = "DS809"
)

func kubeProxyRules() []Rule {
	return slices.Concat(serviceRuleRules(), modeRules(), proxyConfigRules())
}

// proxyFacts are what the rules about kube-proxy's rules go by.
func proxyFacts(more ...inspect.Fact) []inspect.Fact {
	return serviceFacts(append(more, inspect.FactFelix, inspect.FactPods, inspect.FactNAT)...)
}

// serviceRuleRules compare the rules of each node with the services.
func serviceRuleRules() []Rule {
	return []Rule{
		{
			Code: NoServiceRules, Section: KubeProxy, Severity: inspect.SeverityError, Needs: proxyFacts(),
			Follows: []inspect.Code{KubeProxyDown, BrokenMARK, NodeNotReady},
			Title:   "a node has no kube-proxy rules for services in a family",
			Why: "kube-proxy writes IPv4 and IPv6 separately. In one family it fails: a kernel module is missing, the kernel's MARK target is broken, or something " +
				"flushed the chains. The node and its pods then reach no service by an address of that family.",
			Mend:    "read kube-proxy's log on the node for iptables-restore, nft or ipvs errors; delete its pod to have all rules written again",
			Reports: []string{"canonical/microk8s#4961", "rancher/rke2#8042", "k3s-io/k3s#11175", "bottlerocket-os/bottlerocket#4295"},
			Find:    func(c *Cluster) []inspect.Finding { return c.behind(true) },
		},
		{
			Code: FewServiceRules, Section: KubeProxy, Severity: inspect.SeverityWarning, Needs: proxyFacts(),
			Follows: []inspect.Code{KubeProxyDown, BrokenMARK, NodeNotReady},
			Title:   "a node has kube-proxy rules for all services in one family, and for some in the other",
			Why:     "kube-proxy once wrote the rules of both families, and now fails in one: newer services do not work there.",
			Mend:    "read kube-proxy's log on the node for iptables-restore, nft or ipvs errors; delete its pod to have all rules written again",
			Find:    func(c *Cluster) []inspect.Finding { return c.behind(false) },
		},
		{
			Code: NoNodePortRules, Section: KubeProxy, Severity: inspect.SeverityError, Needs: proxyFacts(),
			Follows: []inspect.Code{KubeProxyDown, BrokenMARK, NodeNotReady, NoServiceRules},
			Title:   "a node has no kube-proxy rules for node ports in a family",
			Why: "with IPVS on a kernel before 4.11, kube-proxy finds no IPv6 address of the node: it looks for local routes of protocol kernel, and these kernels leave " +
				"the protocol out (commit 94b5e0f9). Otherwise something flushed the chain.",
			Mend:    "IPVS: update the kernel, or change kube-proxy's mode to iptables; otherwise delete the kube-proxy pod of the node",
			Reports: []string{"kubernetes/kubernetes#93858", "kubernetes/kubernetes#92412", "kubernetes/kubeadm#2205", "projectcalico/calico#3737"},
			Find:    noNodePortRules,
		},
	}
}

// replaced reports whether Felix's eBPF data plane serves a node's services instead of kube-proxy.
func (c *Cluster) replaced(node string) bool {
	on := c.felix(node, func(s inspect.FelixSettings) *bool { return s.BPFEnabled })
	return on != nil && *on
}

// eachNAT calls visit for each node whose rules were read and are kube-proxy's business.
func (c *Cluster) eachNAT(visit func(*inspect.Node, *inspect.ByFamily[inspect.NAT])) {
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if nat, ok := c.NAT[n.Name]; ok && n.OS != "windows" && !c.replaced(n.Name) {
			visit(n, &nat)
		}
	}
}

// proxied reports whether kube-proxy makes rules for a service: others may claim it by a label.
func proxied(s *inspect.Service) bool {
	return hasClusterIP(s) && s.Labels["service.kubernetes.io/service-proxy-name"] == ""
}

// translated counts the addresses of services, each with a port, that kube-proxy translates on every node: those with ready
// endpoints. The port of a service without any is refused, and one with a Local policy may differ between nodes.
func (c *Cluster) translated() (services, nodePorts inspect.ByFamily[int]) {
	for i := range c.Services {
		s := &c.Services[i]
		if !proxied(s) {
			continue
		}
		r := c.endpoints(s)
		if r.settling { // its rules may follow still
			continue
		}
		for _, a := range s.ClusterIPs {
			f := inspect.FamilyOf(a)
			for _, p := range s.Ports {
				if in := r.ports[p.Name]; in.Get(f) == 0 {
					continue
				}
				if s.InternalTrafficPolicy != "Local" {
					services.Set(f, services.Get(f)+1)
				}
				if p.NodePort != 0 && s.ExternalTrafficPolicy != "Local" {
					nodePorts.Set(f, nodePorts.Get(f)+1)
				}
			}
		}
	}
	return services, nodePorts
}

// behind finds nodes that lack rules for services in a family: all of them, or some.
func (c *Cluster) behind(all bool) []inspect.Finding {
	expected, _ := c.translated()
	pods := c.daemons("kube-proxy", "kube-system")
	var found []inspect.Finding
	c.eachNAT(func(n *inspect.Node, nat *inspect.ByFamily[inspect.NAT]) {
		for _, f := range inspect.Families() {
			want, got, rest := expected.Get(f), nat.Get(f), nat.Get(f.Other())
			// Where nothing shows that kube-proxy serves the node, something else may.
			serves := len(got.KubeProxy) > 0 || rest.Services > 0 || pods[n.Name] != nil
			complete := rest.Services > 0 && rest.Services >= expected.Get(f.Other())
			finding := proxyFinding(n, f, pods[n.Name])
			switch {
			case all && want > 0 && got.Services == 0 && serves:
				finding.Summary = fmt.Sprintf("node %s has no kube-proxy rules for services in %s", n.Name, f)
			case !all && got.Services > 0 && got.Services < want && complete:
				finding.Summary = fmt.Sprintf("node %s has kube-proxy rules for %d of %s in %s", n.Name, got.Services, inspect.Quantity(want, "service port"), f)
			default:
				continue
			}
			finding.Evidence = []string{fmt.Sprintf("%s with ready endpoints in the API", inspect.Quantity(want, f.String()+" service port")),
				fmt.Sprintf("the node's rules (%s) translate %d in %s and %d in %s", kinds(nat), nat.V4.Services, inspect.IPv4, nat.V6.Services, inspect.IPv6)}
			found = append(found, finding)
		}
	})
	return found
}

// proxyFinding is a finding about kube-proxy on a node, with what there is to read and to restart.
func proxyFinding(n *inspect.Node, f inspect.Family, pod *inspect.Pod) inspect.Finding {
	finding := inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f}
	if pod != nil {
		finding.Command = fmt.Sprintf("kubectl -n %s logs %s", pod.Namespace, pod.Name)
		finding.Mend = fmt.Sprintf("kubectl -n %s delete pod %s, which writes all rules again; if they stay away, its log says why", pod.Namespace, pod.Name)
	}
	return finding
}

// kinds names the kinds of rules that kube-proxy's are found in on a node.
func kinds(nat *inspect.ByFamily[inspect.NAT]) string {
	return kindsOf(slices.Concat(nat.V4.KubeProxy, nat.V6.KubeProxy))
}

func kindsOf(all []string) string {
	all = slices.Clone(all)
	slices.Sort(all)
	if all = slices.Compact(all); len(all) == 0 {
		return "none"
	}
	names := map[string]string{"nft": "iptables-nft", "legacy": "iptables-legacy"}
	for i, kind := range all {
		if name := names[kind]; name != "" {
			all[i] = name
		}
	}
	return strings.Join(all, ", ")
}

// noNodePortRules finds nodes that serve node ports in one family, or services at all, and no node ports in a family.
func noNodePortRules(c *Cluster) []inspect.Finding {
	_, expected := c.translated()
	pods := c.daemons("kube-proxy", "kube-system")
	var found []inspect.Finding
	c.eachNAT(func(n *inspect.Node, nat *inspect.ByFamily[inspect.NAT]) {
		for _, f := range inspect.Families() {
			got, rest := nat.Get(f), nat.Get(f.Other())
			if expected.Get(f) == 0 || got.NodePorts > 0 || got.Services == 0 && rest.NodePorts == 0 {
				continue
			}
			finding := proxyFinding(n, f, pods[n.Name])
			finding.Summary = fmt.Sprintf("node %s serves no node ports in %s", n.Name, f)
			finding.Evidence = []string{fmt.Sprintf("%s with ready endpoints in the API", inspect.Quantity(expected.Get(f), f.String()+" node port")),
				fmt.Sprintf("the node's rules (%s) translate %d node ports in %s and none in %s", kinds(nat), rest.NodePorts, f.Other(), f)}
			if slices.Contains(got.KubeProxy, "ipvs") && before(n.KernelVersion, 4, 11) {
				finding.Evidence = append(finding.Evidence, fmt.Sprintf("kernel %s is from before 4.11: its local IPv6 routes have no protocol, and kube-proxy asks for protocol kernel", n.KernelVersion))
				finding.Mend = "update the node's kernel, or change mode in ConfigMap kube-system/kube-proxy to iptables and restart kube-proxy"
			}
			found = append(found, finding)
		}
	})
	return found
}

// before reports whether a kernel is older than a version.
func before(kernel string, major, minor int) bool {
	var a, b int
	if n, _ := fmt.Sscanf(kernel, "%d.%d", &a, &b); n != 2 {
		return false
	}
	return a < major || a == major && b < minor
}

// proxyConfigRules ask what kube-proxy was told, and about the ports of pods, which CNI plugins serve.
func proxyConfigRules() []Rule {
	return []Rule{
		{
			Code: ClusterCIDRFamily, Section: KubeProxy, Severity: inspect.SeverityWarning,
			Needs: []inspect.Fact{inspect.FactKubeProxy, inspect.FactNodes, inspect.FactPools, inspect.FactServices, inspect.FactFelix},
			Title: "kube-proxy's clusterCIDR has one family in a dual-stack cluster",
			Why: "kube-proxy tells traffic of pods from traffic from outside by clusterCIDR. In a family without a range it does not: traffic from outside to a cluster " +
				"address keeps its source, and replies that take another way back are lost.",
			Mend: "set clusterCIDR: IPV4,IPV6 in ConfigMap kube-system/kube-proxy, then kubectl -n kube-system rollout restart daemonset kube-proxy",
			Find: clusterCIDRsOfOneFamily,
		},
		{
			Code: NodePortAddresses, Section: KubeProxy, Severity: inspect.SeverityWarning,
			Needs: []inspect.Fact{inspect.FactKubeProxy, inspect.FactNodes, inspect.FactPools, inspect.FactServices, inspect.FactFelix, inspect.FactTables},
			Title: "kube-proxy's nodePortAddresses leave out a family, or a node's addresses of a family",
			Why: "kube-proxy serves node ports on a node's addresses that are in these ranges. In a family without a range it serves them on all addresses, which is " +
				"more than was meant; with ranges that hold no address of a node, it serves none there.",
			Mend: "list ranges of both families in nodePortAddresses (ConfigMap kube-system/kube-proxy), then kubectl -n kube-system rollout restart daemonset kube-proxy",
			Find: nodePortAddresses,
		},
		{
			Code: HostPortNoRule, Section: KubeProxy, Severity: inspect.SeverityError,
			Needs:   []inspect.Fact{inspect.FactPods, inspect.FactNodes, inspect.FactPools, inspect.FactServices, inspect.FactCNI, inspect.FactNAT},
			Follows: []inspect.Code{NodeNotReady, BrokenMARK},
			Title:   "a node has no rule for the hostPort of a pod in a family",
			Why: "the CNI plugin portmap, or the container runtime, writes the rules of hostPorts when a pod starts, and nothing repairs them. An old plugin or runtime " +
				"knows IPv4 only; a flush of the nat table removes them.",
			Mend:    "delete the pod, so that its rules are written again; if they stay away in one family, update the CNI plugins or the runtime",
			Reports: []string{"kubernetes/kubernetes#80810", "cri-o/cri-o#4361", "containernetworking/plugins#379", "k3s-io/k3s#767"},
			Find:    hostPortsWithoutRule,
		},
	}
}

func clusterCIDRsOfOneFamily(c *Cluster) []inspect.Finding {
	if !c.Dual() || len(c.KubeProxy.ClusterCIDRs) == 0 || c.replaced("") {
		return nil
	}
	var found []inspect.Finding
	for _, f := range inspect.Families() {
		served := slices.IndexFunc(c.Services, func(s inspect.Service) bool { return hasAddress(s.ClusterIPs, f) })
		if served >= 0 && !slices.ContainsFunc(c.KubeProxy.ClusterCIDRs, func(p netip.Prefix) bool { return inspect.FamilyOf(p.Addr()) == f }) {
			found = append(found, inspect.Finding{Subject: "ConfigMap kube-system/kube-proxy", Family: f,
				Summary: fmt.Sprintf("kube-proxy's clusterCIDR has no %s range", f),
				Evidence: []string{"clusterCIDR is " + list(c.KubeProxy.ClusterCIDRs),
					fmt.Sprintf("services have %s addresses, such as %s", f, name(&c.Services[served]))}})
		}
	}
	return found
}

// nodePortAddresses compares the ranges in which kube-proxy serves node ports with the families and the nodes' addresses.
func nodePortAddresses(c *Cluster) []inspect.Finding {
	var ranges inspect.ByFamily[[]netip.Prefix]
	for _, f := range inspect.Families() {
		ranges.Set(f, c.KubeProxy.NodePortRanges(f))
	}
	if c.replaced("") || len(ranges.V4)+len(ranges.V6) == 0 { // "primary" are the node's own addresses
		return nil
	}
	evidence := "nodePortAddresses is " + strings.Join(c.KubeProxy.NodePortCIDRs, ",")
	var found []inspect.Finding
	for _, f := range inspect.Families() {
		if c.Dual() && len(ranges.Get(f)) == 0 {
			found = append(found, inspect.Finding{Subject: "ConfigMap kube-system/kube-proxy", Family: f, Evidence: []string{evidence},
				Summary: fmt.Sprintf("kube-proxy's nodePortAddresses name no %s range: it serves node ports on every %s address of the nodes", f, f)})
		}
	}
	c.each(func(n *inspect.Node, f inspect.Family) {
		in := func(a netip.Addr) bool {
			return slices.ContainsFunc(ranges.Get(f), func(p netip.Prefix) bool { return p.Contains(a) })
		}
		t := c.table(n.Name)
		if len(ranges.Get(f)) == 0 || t == nil || len(global(t, f)) == 0 || slices.ContainsFunc(internal(n, f), in) ||
			slices.ContainsFunc(global(t, f), func(a inspect.LinkAddress) bool { return in(a.Prefix.Addr()) }) {
			return
		}
		found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f, Severity: inspect.SeverityError,
			Summary:  fmt.Sprintf("node %s serves no node ports in %s: none of its addresses is in nodePortAddresses", n.Name, f),
			Evidence: []string{evidence, fmt.Sprintf("its interface %s holds %s", global(t, f)[0].Link, global(t, f)[0].Prefix)}})
	})
	return found
}

// hostPortsWithoutRule finds pods whose hostPort is not translated on their node, where hostPorts are translated at all.
func hostPortsWithoutRule(c *Cluster) []inspect.Finding {
	served := c.Calico.CNI.PortMap
	for _, nat := range c.NAT {
		served = served || len(nat.V4.HostPorts)+len(nat.V6.HostPorts) > 0
	}
	var found []inspect.Finding
	for i := range c.Pods {
		p := &c.Pods[i]
		nat, known := c.NAT[p.Node]
		if !served || !known || !running(p) {
			continue
		}
		for _, port := range p.Ports {
			for _, f := range inspect.Families() {
				rest := nat.Get(f.Other())
				if port.HostPort == 0 || !hasAddress(p.IPs, f) || port.HostIP.IsValid() && inspect.FamilyOf(port.HostIP) != f || slices.Contains(nat.Get(f).HostPorts, int(port.HostPort)) {
					continue
				}
				pod := p.Namespace + "/" + p.Name
				finding := inspect.Finding{Subject: "pod " + pod, Node: p.Node, Family: f, Mend: fmt.Sprintf("kubectl -n %s delete pod %s, so that its rules are written again", p.Namespace, p.Name),
					Summary:  fmt.Sprintf("node %s has no %s rule for hostPort %d of pod %s", p.Node, f, port.HostPort, pod),
					Evidence: []string{fmt.Sprintf("hostPorts that the node translates in %s: %s", f, numbers(nat.Get(f).HostPorts))}}
				if slices.Contains(rest.HostPorts, int(port.HostPort)) {
					finding.Evidence = append(finding.Evidence, fmt.Sprintf("it translates %d in %s", port.HostPort, f.Other()))
				}
				found = append(found, finding)
			}
		}
	}
	return found
}

func numbers(all []int) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Trim(strings.Join(strings.Fields(fmt.Sprint(all)), ","), "[]")
}
