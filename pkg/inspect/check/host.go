package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section host.
const (
	IPv6Disabled     inspect.Code = "DS201"
	ForwardingOff    inspect.Code = "DS202"
	AdvertisedRoute  inspect.Code = "DS203"
	BrokenMARK       inspect.Code = "DS204"
	AddressNotUsable inspect.Code = "DS205"
)

func hostRules() []Rule { return slices.Concat(kernelRules(), uplinkRules()) }

// kernelRules ask whether the kernel of a node does what Calico needs.
func kernelRules() []Rule {
	tables := []inspect.Fact{inspect.FactNodes, inspect.FactPools, inspect.FactServices, inspect.FactTables}
	return []Rule{
		{
			Code: IPv6Disabled, Section: Host, Severity: inspect.SeverityError, Needs: tables,
			Title:   "IPv6 is switched off on a node (disable_ipv6)",
			Why:     "with net.ipv6.conf.all.disable_ipv6 or …default.disable_ipv6 at 1, new interfaces hold no IPv6 address: pods stay in ContainerCreating with \"permission denied\".",
			Mend:    "sysctl -w net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0, also in /etc/sysctl.d and on the kernel's command line (ipv6.disable)",
			Reports: []string{"projectcalico/cni-plugin#266", "containernetworking/cni#531"},
			Find:    ipv6Disabled,
		},
		{
			Code: ForwardingOff, Section: Host, Severity: inspect.SeverityError, Needs: tables,
			Title: "a node does not forward a family",
			Why:   "Felix turns forwarding on when it starts. Something turned it off again: a configuration tool or another network daemon.",
			Mend:  "sysctl -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1, and find what sets it to 0 (/etc/sysctl.d, NetworkManager, systemd-networkd)",
			Find:  forwardingOff,
		},
		{
			Code: AdvertisedRoute, Section: Host, Severity: inspect.SeverityWarning, Needs: tables,
			Title:   "a node's IPv6 default route will expire: its kernel ignores router advertisements",
			Why:     "with forwarding on, the kernel accepts router advertisements only where accept_ra is 2. The route from before Felix turned forwarding on expires, and the node is left without one.",
			Mend:    "sysctl -w net.ipv6.conf.INTERFACE.accept_ra=2, or a static default route",
			Reports: []string{"projectcalico/calico#6751", "siderolabs/talos#3841"},
			Find:    advertisedRoute,
		},
		{
			Code: BrokenMARK, Section: Host, Severity: inspect.SeverityWarning,
			Needs:   []inspect.Fact{inspect.FactNodes, inspect.FactPools, inspect.FactServices},
			Title:   "a node's kernel may have the broken MARK target of ip6tables",
			Why:     "a bug in xt_mark of some kernels from October 2024 to April 2025 removes the target MARK from ip6tables: kube-proxy and Felix cannot write IPv6 rules (\"unknown option --xor-mark\").",
			Mend:    "update the kernel, and restart kube-proxy and calico-node",
			Reports: []string{"canonical/microk8s#4961", "rancher/rke2#7438", "k3s-io/k3s#11175", "bottlerocket-os/bottlerocket#4295"},
			Find:    brokenMARK,
		},
		{
			Code: AddressNotUsable, Section: Host, Severity: inspect.SeverityError, Needs: tables,
			Title: "a node's IPv6 address failed duplicate address detection",
			Why:   "another machine on the link has the address. The kernel keeps it but does not use it.",
			Mend:  "find the other machine (ip -6 neigh show ADDRESS on a third one), and give one of the two another address",
			Find:  addressNotUsable,
		},
	}
}

func ipv6Disabled(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		t := c.table(n.Name)
		if f != inspect.IPv6 || t == nil {
			return
		}
		var off []string
		for _, scope := range []string{"all", "default"} {
			if key := "net.ipv6.conf." + scope + ".disable_ipv6"; t.Sysctls[key] == "1" {
				off = append(off, key+" is 1")
			}
		}
		if a := n.Address.V6; a.IsValid() {
			for _, held := range t.Addresses {
				if key := "net.ipv6.conf." + held.Link + ".disable_ipv6"; held.Prefix.Addr() == n.Address.V4.Addr() && t.Sysctls[key] == "1" {
					off = append(off, key+" is 1")
				}
			}
		}
		if len(off) > 0 {
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
				Summary: fmt.Sprintf("IPv6 is switched off on node %s: %s", n.Name, strings.Join(off, ", ")), Evidence: off})
		}
	})
	return found
}

func forwardingOff(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		t := c.table(n.Name)
		if t == nil {
			return
		}
		key := "net.ipv4.ip_forward"
		if f == inspect.IPv6 {
			key = "net.ipv6.conf.all.forwarding"
		}
		if t.Sysctls[key] == "0" {
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
				Summary: fmt.Sprintf("node %s does not forward %s: %s is 0", n.Name, f, key),
				Mend:    fmt.Sprintf("on node %s: sysctl -w %s=1", n.Name, key)})
		}
	})
	return found
}

func advertisedRoute(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		t := c.table(n.Name)
		if f != inspect.IPv6 || t == nil || t.Sysctls["net.ipv6.conf.all.forwarding"] != "1" {
			return
		}
		for _, r := range t.Routes {
			key := "net.ipv6.conf." + r.Dev + ".accept_ra"
			if r.Family() == f && r.Dst.Bits() == 0 && r.Protocol == "ra" && t.Sysctls[key] != "2" {
				found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
					Summary: fmt.Sprintf("the IPv6 default route of node %s via %s dev %s will expire: forwarding is on and %s is %s",
						n.Name, r.Gateway, r.Dev, key, orUnset(t.Sysctls[key])),
					Mend: fmt.Sprintf("on node %s: sysctl -w %s=2", n.Name, key)})
			}
		}
	})
	return found
}

func orUnset(value string) string {
	if value == "" {
		return "not set"
	}
	return value
}

// brokenKernels lists the kernels that were reported to have the broken MARK target, as prefixes of their versions: those
// of Ubuntu 22.04 and 24.04, Fedora and Bottlerocket, each named in one of the rule's reports.
func brokenKernels() []string {
	return []string{"5.15.0-127-", "6.8.0-56-", "6.8.0-57-", "6.11.4-", "5.15.168"}
}

func brokenMARK(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		broken := slices.ContainsFunc(brokenKernels(), func(prefix string) bool { return strings.HasPrefix(n.KernelVersion, prefix) })
		if f == inspect.IPv6 && broken {
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
				Summary: fmt.Sprintf("kernel %s of node %s was reported to lack the MARK target of ip6tables", n.KernelVersion, n.Name),
				Command: "ip6tables -t mangle -A FORWARD -j MARK --set-mark 0x0 && ip6tables -t mangle -D FORWARD -j MARK --set-mark 0x0"})
		}
	})
	return found
}

func addressNotUsable(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for _, n := range c.Nodes {
		t := c.table(n.Name)
		if t == nil {
			continue
		}
		for _, a := range t.Addresses {
			if a.DADFailed && !isCalicos(a.Link) && c.Uses(a.Family()) {
				found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: a.Family(),
					Summary: fmt.Sprintf("address %s of node %s (%s) failed duplicate address detection", a.Prefix.Addr(), n.Name, a.Link)})
			}
		}
	}
	return found
}

// isCalicos reports whether a device is a pod's or a tunnel of Calico's, and not the host's own.
func isCalicos(device string) bool {
	return calico.IsTunnelDevice(device) || strings.HasPrefix(device, calico.InterfacePrefix)
}
