package check

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// modeRules compare the kinds of rules on each node with each other and with kube-proxy's mode.
func modeRules() []Rule {
	return []Rule{
		{
			Code: ProxyModeDiffers, Section: KubeProxy, Severity: inspect.SeverityWarning, Needs: proxyFacts(inspect.FactKubeProxy),
			Follows: []inspect.Code{KubeProxyDown, NodeNotReady},
			Title:   "kube-proxy's rules on a node are not of the mode that it is configured for",
			Why: "kube-proxy reads its configuration when it starts. It was not restarted after a change, or it could not use the mode (IPVS modules are missing) and " +
				"fell back to iptables.",
			Mend: "kubectl -n kube-system rollout restart daemonset kube-proxy; read its log for the mode that it uses",
			Find: proxyModeDiffers,
		},
		{
			Code: ProxyLeftovers, Section: KubeProxy, Severity: inspect.SeverityInfo, Needs: proxyFacts(inspect.FactKubeProxy),
			Follows: []inspect.Code{ProxyModeDiffers},
			Title:   "a node holds kube-proxy rules of more than one kind",
			Why: "after a change of mode or of iptables' variant (legacy, nft) the old rules stay until the node restarts. The kernel runs both, and old ones send " +
				"connections to endpoints that are gone.",
			Mend: "restart the node, or run kube-proxy --cleanup on it in the old mode",
			Find: proxyLeftovers,
		},
		{
			Code: RulesMixed, Section: KubeProxy, Severity: inspect.SeverityWarning, Needs: proxyFacts(),
			Follows: []inspect.Code{ProxyModeDiffers, ProxyLeftovers},
			Title:   "kube-proxy and Felix write different kinds of rules on a node",
			Why: "the kernel runs the rules of iptables-legacy, iptables-nft and nftables one after the other. A packet that one accepts the other may drop, and marks of " +
				"one can disturb the other.",
			Mend: "nftables: set mode: nftables for kube-proxy and nftablesMode: Enabled in FelixConfiguration, both or none; legacy and nft: set iptablesBackend in FelixConfiguration to what the host uses",
			Find: rulesMixed,
		},
	}
}

// ofMode returns the kinds of rules that kube-proxy writes in a mode. With IPVS it also writes a few of iptables.
func ofMode(mode string) []string {
	switch cmp.Or(mode, "iptables") {
	case "iptables":
		return []string{"nft", "legacy"}
	case "ipvs":
		return []string{"ipvs"}
	case "nftables":
		return []string{"nftables"}
	}
	return nil
}

func anyOf(all, some []string) bool {
	return slices.ContainsFunc(all, func(s string) bool { return slices.Contains(some, s) })
}

func proxyModeDiffers(c *Cluster) []inspect.Finding {
	wanted := ofMode(c.KubeProxy.Mode)
	if !c.KubeProxy.Found || wanted == nil {
		return nil
	}
	var found []inspect.Finding
	pods := c.daemons("kube-proxy", "kube-system")
	c.eachNAT(func(n *inspect.Node, nat *inspect.ByFamily[inspect.NAT]) {
		all := slices.Concat(nat.V4.KubeProxy, nat.V6.KubeProxy)
		if len(all) == 0 || anyOf(all, wanted) || nat.V4.Services+nat.V6.Services == 0 {
			return
		}
		finding := proxyFinding(n, 0, pods[n.Name])
		finding.Mend = ""
		finding.Summary = fmt.Sprintf("kube-proxy is configured for mode %s, and its rules on node %s are of kind %s", cmp.Or(c.KubeProxy.Mode, "iptables"), n.Name, kinds(nat))
		finding.Evidence = []string{"mode in ConfigMap kube-system/kube-proxy: " + cmp.Or(c.KubeProxy.Mode, "iptables (default)")}
		found = append(found, finding)
	})
	return found
}

func proxyLeftovers(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.eachNAT(func(n *inspect.Node, nat *inspect.ByFamily[inspect.NAT]) {
		for _, f := range inspect.Families() {
			kinds := nat.Get(f).KubeProxy
			n4 := 0
			for _, kind := range kinds {
				// Virtual servers come with a few chains of iptables.
				if kind != "ipvs" || c.KubeProxy.Found && c.KubeProxy.Mode != "ipvs" {
					n4++
				}
			}
			if n4 > 1 {
				found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
					Summary: fmt.Sprintf("node %s holds %s kube-proxy rules of several kinds: %s", n.Name, f, kindsOf(kinds))})
			}
		}
	})
	return found
}

func rulesMixed(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.eachNAT(func(n *inspect.Node, nat *inspect.ByFamily[inspect.NAT]) {
		for _, f := range inspect.Families() {
			proxy, felix := nat.Get(f).KubeProxy, nat.Get(f).Felix
			if len(proxy) == 0 || len(felix) == 0 || slices.Contains(proxy, "ipvs") || anyOf(proxy, felix) {
				continue
			}
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
				Summary: fmt.Sprintf("on node %s, kube-proxy's %s rules are of kind %s, and Felix's of kind %s", n.Name, f, kindsOf(proxy), kindsOf(felix))})
		}
	})
	return found
}
