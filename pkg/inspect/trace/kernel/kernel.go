// Package kernel predicts, from the recorded tables of a node, what its kernel does with a packet: which route it
// takes (policy rules, then the longest prefix, then the metric), which Ethernet address the next hop has, and to which
// VTEP a VXLAN device sends a frame. It knows nothing of Calico, and does no I/O.
package kernel

import (
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Node is a node's kernel, as far as its tables were recorded. It is safe for concurrent use.
type Node struct {
	table     *inspect.NodeTable
	links     map[string]*inspect.Link
	addresses map[netip.Addr]string // device by address
	rules     inspect.ByFamily[[]inspect.Rule]
	routes    map[routeTable][]int // numbers of routes, in the kernel's order
	ethernet  inspect.ByFamily[map[netip.Addr]inspect.MAC]
}

type routeTable struct {
	family inspect.Family
	name   string
}

// The tables that every kernel has. Table local is not recorded: the addresses of the devices stand for it.
const (
	tableLocal   = "local"
	tableMain    = "main"
	tableDefault = "default"
)

// New indexes the tables of a node, which must not be changed afterwards.
func New(t *inspect.NodeTable) *Node {
	n := &Node{table: t, links: make(map[string]*inspect.Link, len(t.Links)),
		addresses: make(map[netip.Addr]string, len(t.Addresses)), routes: map[routeTable][]int{}}
	for i := range t.Links {
		n.links[t.Links[i].Name] = &t.Links[i]
	}
	for _, a := range t.Addresses {
		if !a.Tentative && !a.DADFailed {
			n.addresses[a.Prefix.Addr()] = a.Link
		}
	}
	for i := range t.Routes {
		r := &t.Routes[i]
		key := routeTable{r.Family(), r.Table}
		if key.name == "" {
			key.name = tableMain
		}
		n.routes[key] = append(n.routes[key], i)
	}
	for _, f := range inspect.Families() {
		n.rules.Set(f, rulesOf(t.Rules, f))
	}
	n.readEthernet()
	return n
}

// rulesOf are the rules of a family in their order. If none were recorded, they are the three with which the kernel
// starts.
func rulesOf(all []inspect.Rule, f inspect.Family) []inspect.Rule {
	var rules []inspect.Rule
	for _, r := range all {
		if r.Family == f {
			rules = append(rules, r)
		}
	}
	if len(rules) == 0 {
		return []inspect.Rule{
			{Family: f, Priority: 0, Table: tableLocal},
			{Family: f, Priority: 32766, Table: tableMain},
			{Family: f, Priority: 32767, Table: tableDefault},
		}
	}
	slices.SortStableFunc(rules, func(a, b inspect.Rule) int { return a.Priority - b.Priority })
	return rules
}

// Link returns a device, or nil.
func (n *Node) Link(name string) *inspect.Link { return n.links[name] }

// DeviceOf names the device that has an address, or none.
func (n *Node) DeviceOf(a netip.Addr) string { return n.addresses[a] }

// Holds reports whether the node has an address.
func (n *Node) Holds(a netip.Addr) bool { return n.addresses[a] != "" || a.IsLoopback() }

// OnLink reports whether an address is in the subnet of one of the node's own.
func (n *Node) OnLink(a netip.Addr) bool {
	return slices.ContainsFunc(n.table.Addresses, func(own inspect.LinkAddress) bool {
		return own.Scope != "link" && own.Scope != "host" && !own.Prefix.IsSingleIP() && own.Prefix.Contains(a)
	})
}

// Address returns an address as the node has it, in use or not, or nil.
func (n *Node) Address(a netip.Addr) *inspect.LinkAddress {
	for i := range n.table.Addresses {
		if n.table.Addresses[i].Prefix.Addr() == a {
			return &n.table.Addresses[i]
		}
	}
	return nil
}

// AddressOn is the address that masquerading on a device gives to packets: the first global one of the family, of another
// device if it has none (net/ipv4/devinet.c, inet_select_addr), or the zero Addr.
func (n *Node) AddressOn(device string, f inspect.Family) netip.Addr {
	var other netip.Addr
	for _, a := range n.table.Addresses {
		ip := a.Prefix.Addr()
		switch {
		case a.Family() != f || a.Scope == "link" || a.Scope == "host" || n.addresses[ip] == "":
		case a.Link == device:
			return ip
		case !other.IsValid():
			other = ip
		}
	}
	return other
}

// SourceOf is the source address that a node gives to packets of its own that take a decision, and to those that it masquerades.
func (n *Node) SourceOf(d *Decision, f inspect.Family) netip.Addr {
	if d.Route.Source.IsValid() {
		return d.Route.Source
	}
	return n.AddressOn(d.Route.Dev, f)
}

// GatewayFault says why a node does not answer a pod that asks, by the device of its cable, for the Ethernet address of its gateway; it is
// empty where it does, and where that is not known. In IPv4 the node answers for an address that it does not hold, by proxy ARP
// (net/ipv4/arp.c); in IPv6 the device holds the gateway's address. It is the same on the devices of all pods: held says whether one of
// another node has it, so that this is how the cluster works.
func (n *Node) GatewayFault(f inspect.Family, device string, gateway netip.Addr, held bool) string {
	if f == inspect.IPv4 {
		if key := "net.ipv4.conf." + device + ".proxy_arp"; n.table.Sysctls[key] == "0" {
			return key + " is 0"
		}
		return ""
	}
	if key := "net.ipv6.conf." + device + ".disable_ipv6"; n.table.Sysctls[key] == "1" {
		return key + " is 1"
	}
	own := false
	for _, a := range n.table.Addresses {
		if a.Prefix.Addr() == gateway {
			own, held = own || a.Link == device, true
		}
	}
	if l := n.links[device]; l == nil || !l.Up || own || !held {
		return ""
	}
	return device + " does not have the address"
}

// Forwarding says whether a node forwards packets.
type Forwarding struct {
	Key   string // the sysctl that decides
	Known bool
	On    bool
}

// Forwards reports whether the node forwards a family's packets from a device. In IPv4 each device decides for
// itself (net/ipv4/route.c, ip_route_input_slow), in IPv6 there is one switch for all (net/ipv6/ip6_output.c,
// ip6_forward).
func (n *Node) Forwards(f inspect.Family, device string) Forwarding {
	keys := []string{"net.ipv6.conf.all.forwarding"}
	if f == inspect.IPv4 {
		keys = []string{"net.ipv4.conf." + device + ".forwarding", "net.ipv4.ip_forward"}
	}
	for _, key := range keys {
		if value, ok := n.table.Sysctls[key]; ok {
			return Forwarding{Key: key, Known: true, On: value != "0"}
		}
	}
	return Forwarding{Key: keys[len(keys)-1]}
}
