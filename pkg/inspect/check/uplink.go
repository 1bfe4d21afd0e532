package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// The codes of section host that are about a node's way to the others.
const (
	NoDefaultRoute   inspect.Code = "DS206"
	UplinkMTU        inspect.Code = "DS207"
	KernelTooOld     inspect.Code = "DS208"
	RouteByGateway   inspect.Code = "DS209"
	UplinkDown       inspect.Code = "DS210"
	addressesOnLinks              = 4 // shown of an interface, at most
)

func uplinkRules() []Rule {
	tables := nodeFacts(inspect.FactTables)
	return []Rule{
		{
			Code: NoDefaultRoute, Section: Host, Severity: inspect.SeverityWarning, Needs: tables,
			Follows: []inspect.Code{IPv6Disabled, UplinkDown},
			Title:   "a node has no default route of a family",
			Why: "the kernel looks for a route before kube-proxy's rules translate a service's address: without one, programs of the host, and pods of its network, " +
				"get \"network is unreachable\" for every service of the family, and pods do not reach the outside. An IPv6 route from router advertisements " +
				"goes once forwarding is on and accept_ra is 1.",
			Mend:    "add a static default route, or set accept_ra to 2 on the interface; a route to the service range alone is enough for services",
			Reports: []string{"projectcalico/calico#6751", "projectcalico/calico#3989"},
			Find:    nodesWithoutDefaultRoute,
		},
		{
			Code: UplinkMTU, Section: Host, Severity: inspect.SeverityWarning, Needs: tables,
			Title:   "the MTU of a node's uplink differs from that of the others",
			Why:     "the node's tunnels and pods get a smaller MTU, or one that its link does not carry. Large packets are lost where something on the way drops ICMP.",
			Mend:    "give all nodes the same MTU, or set Calico's veth and tunnel MTU to what the smallest link carries",
			Reports: []string{"projectcalico/calico#12432", "kubernetes-sigs/cluster-api-provider-azure#1353"},
			Find:    uplinksOfOtherMTU,
		},
		{
			Code: KernelTooOld, Section: Host, Severity: inspect.SeverityWarning, Needs: nodeFacts(),
			Title:   "a node's kernel is too old for VXLAN over IPv6",
			Why:     "Calico's VXLAN over IPv6 needs Linux 4.19.1, or 4.18.0 of RHEL 8: older kernels lose the packets.",
			Mend:    "update the kernel, or use the IPv6 pool without encapsulation",
			Reports: []string{"projectcalico/calico#6877", "projectcalico/calico#6273"},
			Find:    oldKernels,
		},
		{
			Code: RouteByGateway, Section: Host, Severity: inspect.SeverityError, Needs: append(tables, inspect.FactBlocks),
			Title: "BIRD sends packets for nodes of the same link to a gateway",
			Why: "BIRD looks for the link of the other node's address, and takes a router's instead: an address of the same subnet was added to the interface, moved (keepalived), " +
				"or taken away, and BIRD 1.6 lost the direct route with it.",
			Mend: "take the extra address off the interface, or set its preferred lifetime to 0 (ip -6 addr change ADDRESS dev DEVICE preferred_lft 0), then restart " +
				"calico-node on the node; put virtual addresses on another interface",
			Reports: []string{"projectcalico/calico#8381", "projectcalico/calico#8739", "projectcalico/calico#6712", "projectcalico/calico#2254"},
			Find:    routesByGateways,
		},
		{
			Code: UplinkDown, Section: Host, Severity: inspect.SeverityError, Needs: tables,
			Title: "the interface that holds a node's address is down",
			Why:   "it was set down, or has no carrier. The node's routes through it are gone.",
			Mend:  "ip link set INTERFACE up on the node; look at the cable, the switch's port, the virtual machine's network",
			Find:  uplinksDown,
		},
	}
}

// uplink returns the interface that holds the address that Calico has for a node, or nil.
func (c *Cluster) uplink(n *inspect.Node, f inspect.Family) *inspect.Link {
	t, a := c.table(n.Name), n.Address.Get(f).Addr()
	if t == nil || !a.IsValid() {
		return nil
	}
	h := held(t, a)
	if h == nil || isCalicos(h.Link) {
		return nil
	}
	for i := range t.Links {
		if t.Links[i].Name == h.Link {
			return &t.Links[i]
		}
	}
	return nil
}

func nodesWithoutDefaultRoute(c *Cluster) []inspect.Finding {
	ranges, _ := c.serviceRanges()
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		t := c.table(n.Name)
		if t == nil || len(t.Routes) == 0 || !n.Address.Get(f).IsValid() {
			return
		}
		leads := slices.ContainsFunc(t.Routes, func(r inspect.Route) bool {
			if r.Family() != f || r.Down || felix.TypeOf(&r) != felix.TypeUnicast {
				return false
			}
			toServices := slices.ContainsFunc(ranges, func(p netip.Prefix) bool {
				return inspect.FamilyOf(p.Addr()) == f && r.Dst.Bits() <= p.Bits() && r.Dst.Contains(p.Addr())
			})
			return r.Dst.Bits() == 0 || toServices
		})
		if leads {
			return
		}
		finding := inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
			Summary: fmt.Sprintf("node %s has no %s default route, and none to the service range", n.Name, f)}
		if link := c.uplink(n, f); link != nil && f == inspect.IPv6 {
			key := "net.ipv6.conf." + link.Name + ".accept_ra"
			finding.Evidence = []string{fmt.Sprintf("net.ipv6.conf.all.forwarding is %s, %s is %s", orUnset(t.Sysctls["net.ipv6.conf.all.forwarding"]), key,
				orUnset(t.Sysctls[key]))}
			if t.Sysctls[key] != "2" {
				finding.Evidence = append(finding.Evidence, "the kernel ignores router advertisements while it forwards, unless accept_ra is 2")
			}
		}
		found = append(found, finding)
	})
	return found
}

func uplinksOfOtherMTU(c *Cluster) []inspect.Finding {
	type uplink struct {
		node string
		link *inspect.Link
	}
	var all []uplink
	nodes := map[int]int{} // by MTU
	for i := range c.Nodes {
		n := &c.Nodes[i]
		link := c.uplink(n, inspect.IPv6)
		if link == nil {
			link = c.uplink(n, inspect.IPv4)
		}
		if link != nil {
			all = append(all, uplink{n.Name, link})
			nodes[link.MTU]++
		}
	}
	usual := 0 // what most nodes have; of as many, the larger
	for mtu, n := range nodes {
		if n > nodes[usual] || n == nodes[usual] && mtu > usual {
			usual = mtu
		}
	}
	var found []inspect.Finding
	for _, u := range all {
		if u.link.MTU != usual {
			found = append(found, inspect.Finding{Subject: "node " + u.node, Node: u.node,
				Summary: fmt.Sprintf("the MTU of %s of node %s is %d, that of %d other nodes %d", u.link.Name, u.node, u.link.MTU, nodes[usual], usual)})
		}
	}
	return found
}

func oldKernels(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		number, rest, _ := strings.Cut(n.KernelVersion, "-")
		v, err := version.ParseGeneric(number)
		redHat := number == "4.18.0" && strings.Contains(rest, ".el8")
		if f != inspect.IPv6 || err != nil || redHat || v.AtLeast(version.MustParseGeneric("4.19.1")) {
			return
		}
		for i := range c.Pools {
			p := &c.Pools[i]
			if p.Family() == f && !p.Disabled && !p.VXLANMode.None() && selects(p, n) {
				found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
					Summary: fmt.Sprintf("kernel %s of node %s is too old for VXLAN over IPv6, which pool %s uses", n.KernelVersion, n.Name, p.Name)})
				return
			}
		}
	})
	return found
}

// routesByGateways finds nodes whose BIRD goes by a gateway to a node that is on the link. Where every node does so, the
// fabric is made like that: its switches are the next hops.
func routesByGateways(c *Cluster) []inspect.Finding {
	owners := c.owners()
	addresses := map[string]*inspect.Node{}
	for i := range c.Nodes {
		addresses[c.Nodes[i].Name] = &c.Nodes[i]
	}
	var found []inspect.Finding
	var direct inspect.ByFamily[int]
	c.each(func(n *inspect.Node, f inspect.Family) {
		t := c.table(n.Name)
		if t == nil || !n.Address.Get(f).IsValid() {
			return
		}
		var astray []string
		for i := range t.Routes {
			r := &t.Routes[i]
			owner := addresses[owners[r.Dst]]
			if r.Family() != f || felix.ProtocolOf(r) != felix.ProtocolBIRD || owner == nil || owner == n || !r.Gateway.IsValid() {
				continue
			}
			a := owner.Address.Get(f).Addr()
			switch {
			case r.Gateway == a:
				direct.Set(f, direct.Get(f)+1)
			case n.Address.Get(f).Masked().Contains(a):
				astray = append(astray, fmt.Sprintf("the route to %s goes by %s, and node %s has %s on the link", r.Dst, r.Gateway, owner.Name, a))
			}
		}
		if len(astray) == 0 {
			return
		}
		finding := inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f, Evidence: astray[:1],
			Summary: fmt.Sprintf("BIRD of node %s sends packets for %d blocks of nodes on its link to a gateway", n.Name, len(astray))}
		if extra := extraAddresses(c, n, f); len(extra) > 0 {
			finding.Evidence = append(finding.Evidence, "the interface holds more addresses than Calico's "+n.Address.Get(f).String()+": "+strings.Join(extra, ", "))
		}
		found = append(found, finding)
	})
	return slices.DeleteFunc(found, func(finding inspect.Finding) bool {
		return direct.Get(finding.Family) == 0 && len(finding.Evidence) == 1
	})
}

// extraAddresses returns the global addresses that a node's uplink holds beside the one that Calico has for it.
func extraAddresses(c *Cluster, n *inspect.Node, f inspect.Family) []string {
	link := c.uplink(n, f)
	if link == nil {
		return nil
	}
	var extra []string
	for _, a := range c.table(n.Name).Addresses {
		if a.Link == link.Name && a.Family() == f && a.Scope == "global" && a.Prefix.Addr() != n.Address.Get(f).Addr() && len(extra) < addressesOnLinks {
			extra = append(extra, a.Prefix.String())
		}
	}
	return extra
}

func uplinksDown(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for i := range c.Nodes {
		n := &c.Nodes[i]
		for _, f := range inspect.Families() {
			link := c.uplink(n, f)
			if link == nil || link.Up && link.LowerUp {
				continue
			}
			state := "it is set down"
			if link.Up {
				state = "it has no carrier"
			}
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Evidence: []string{state},
				Summary: fmt.Sprintf("interface %s of node %s, which holds its address %s, is down", link.Name, n.Name, n.Address.Get(f).Addr())})
			break
		}
	}
	return found
}
