package check

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// dataPlaneRules ask whether Felix's data plane serves both families, and beside kube-proxy.
func dataPlaneRules() []Rule {
	nat := nodeFacts(inspect.FactNAT, inspect.FactFelix)
	return []Rule{
		{
			Code: FelixWithoutRules, Section: Calico, Severity: inspect.SeverityError, Needs: nat,
			Follows: []inspect.Code{IPv6SupportOff, CalicoNodeDown, BrokenMARK},
			Title:   "Felix has rules in one family and none in the other",
			Why:     "Felix cannot write the rules: a kernel module is missing (ip6t_rpfilter, ip6_tables, nf_tables), or the kernel lacks the MARK target for IPv6. Policies have no effect, and calico-node does not get ready.",
			Mend:    "see calico-node's log for the rule that is refused; load the module, or update the kernel; then restart calico-node",
			Reports: []string{"projectcalico/calico#8433", "projectcalico/felix#2360", "canonical/microk8s#4961"},
			Find:    felixWithoutRules,
		},
		{
			Code: EBPFOneFamily, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(inspect.FactFelix, inspect.FactVersion),
			Title:   "this version's eBPF data plane serves one family only",
			Why:     "eBPF serves two families at once from Calico v3.28 on. Before, the operator refuses them, and with a manifest IPv6 has no services and no policies.",
			Mend:    "upgrade Calico to v3.28 or newer, or set bpfEnabled to false",
			Reports: []string{"projectcalico/calico#4736", "projectcalico/calico#13110", "tigera/operator#4415"},
			Find:    ebpfOneFamily,
		},
		{
			Code: WireGuardOneFamily, Section: Calico, Severity: inspect.SeverityInfo, Needs: nodeFacts(inspect.FactFelix),
			Title:   "WireGuard encrypts one family only",
			Why:     "wireguardEnabled is for IPv4, wireguardEnabledV6 for IPv6 (since v3.24).",
			Mend:    `kubectl patch felixconfiguration default --type=merge -p '{"spec":{"wireguardEnabled":true,"wireguardEnabledV6":true}}'`,
			Reports: []string{"projectcalico/calico#4492", "projectcalico/calico#5727"},
			Find:    wireGuardOneFamily,
		},
		{
			Code: WireGuardNoAddress, Section: Calico, Severity: inspect.SeverityError, Needs: nodeFacts(inspect.FactFelix, inspect.FactTables),
			Follows: []inspect.Code{IPv6Disabled, CalicoNodeDown},
			Title:   "WireGuard is on, and a node's WireGuard device has no address",
			Why:     "calico-node allocates the address at its start, before Felix makes the device. Where WireGuard was switched on by environment, the first start came too early.",
			Mend:    "restart calico-node on the node",
			Reports: []string{"projectcalico/calico#10599", "projectcalico/calico#6844"},
			Find:    wireGuardNoAddress,
		},
	}
}

func felixWithoutRules(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		nat, ok := c.NAT[n.Name]
		if ok && len(nat.Get(f).Felix) == 0 && len(nat.Get(f.Other()).Felix) > 0 {
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
				Summary:  fmt.Sprintf("Felix has no %s rules on node %s", f, n.Name),
				Evidence: []string{fmt.Sprintf("its %s rules are in %s", f.Other(), kindsOf(nat.Get(f.Other()).Felix)), "kernel " + n.KernelVersion}})
		}
	})
	return found
}

// felixSays reports whether Felix is told yes for the whole cluster.
func (c *Cluster) felixSays(of func(inspect.FelixSettings) *bool) bool {
	value := c.felix("", of)
	return value != nil && *value
}

func ebpfOneFamily(c *Cluster) []inspect.Finding {
	release := felix.ReleaseOf(c.Calico.Version)
	on := c.felixSays(func(s inspect.FelixSettings) *bool { return s.BPFEnabled })
	if !on || !c.Dual() || !release.Known() || release.Has(felix.EBPFDualStack) {
		return nil
	}
	return []inspect.Finding{{Subject: "felixconfiguration default",
		Summary: fmt.Sprintf("bpfEnabled is true, the cluster has two families, and eBPF serves one in Calico %s", c.Calico.Version)}}
}

func wireGuardOneFamily(c *Cluster) []inspect.Finding {
	v4 := c.felixSays(func(s inspect.FelixSettings) *bool { return s.WireGuardEnabled })
	v6 := c.felixSays(func(s inspect.FelixSettings) *bool { return s.WireGuardEnabledV6 })
	if !c.Dual() || v4 == v6 {
		return nil
	}
	f, setting := inspect.IPv6, "wireguardEnabledV6"
	if v6 {
		f, setting = inspect.IPv4, "wireguardEnabled"
	}
	return []inspect.Finding{{Subject: "felixconfiguration default", Family: f,
		Summary: fmt.Sprintf("WireGuard encrypts %s between nodes, and not %s: %s is not true", f.Other(), f, setting)}}
}

func wireGuardNoAddress(c *Cluster) []inspect.Finding {
	var on inspect.ByFamily[bool]
	on.V4 = c.felixSays(func(s inspect.FelixSettings) *bool { return s.WireGuardEnabled })
	on.V6 = c.felixSays(func(s inspect.FelixSettings) *bool { return s.WireGuardEnabledV6 })
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		t, device := c.table(n.Name), calico.WireGuardDevice(f == inspect.IPv6)
		if !on.Get(f) || t == nil {
			return
		}
		there := slices.ContainsFunc(t.Links, func(l inspect.Link) bool { return l.Name == device })
		addressed := slices.ContainsFunc(t.Addresses, func(a inspect.LinkAddress) bool {
			return a.Link == device && a.Family() == f && a.Scope == "global"
		})
		if !there || addressed {
			return
		}
		finding := inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
			Summary: fmt.Sprintf("%s of node %s has no address", device, n.Name)}
		if a := n.WireGuard.Get(f); a == (netip.Addr{}) {
			finding.Evidence = []string{fmt.Sprintf("annotation projectcalico.org/%sWireguardInterfaceAddr is absent", f)}
		} else {
			finding.Evidence = []string{fmt.Sprintf("annotation projectcalico.org/%sWireguardInterfaceAddr is %s", f, a)}
		}
		found = append(found, finding)
	})
	return found
}
