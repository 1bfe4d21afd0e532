package check

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Cluster is a Snapshot with what several rules ask of it.
type Cluster struct {
	*inspect.Snapshot
	uses inspect.ByFamily[bool]
}

func newCluster(s *inspect.Snapshot) *Cluster {
	c := &Cluster{Snapshot: s}
	for _, f := range inspect.Families() {
		c.uses.Set(f, c.intends(f))
	}
	return c
}

// lacks returns why the facts cannot be had as a whole, or the empty string. What is missing for single nodes is no gap
// here: rules pass over these nodes, and the inspectors' rows report them.
func (c *Cluster) lacks(facts []inspect.Fact) string {
	var reasons []string
	for _, f := range facts {
		switch reason := c.Lacks(f, ""); {
		case reason != "":
			reasons = append(reasons, reason)
		case len(c.Gathered) > 0 && !slices.Contains(c.Gathered, f):
			reasons = append(reasons, "the snapshot was taken without "+string(f))
		}
	}
	return strings.Join(slices.Compact(reasons), "; ")
}

// Uses reports whether the cluster is meant to have a family.
func (c *Cluster) Uses(f inspect.Family) bool { return c.uses.Get(f) }

// Dual reports whether the cluster is meant to be dual-stack.
func (c *Cluster) Dual() bool { return c.Uses(inspect.IPv4) && c.Uses(inspect.IPv6) }

// intends reports whether somebody has asked for a family: with a pool, an address range of a node's pods, a service, or
// by Calico's address of a node. The addresses of the nodes alone do not count: many hosts have IPv6 that nobody uses.
func (c *Cluster) intends(f inspect.Family) bool {
	return slices.ContainsFunc(c.Pools, func(p inspect.IPPool) bool { return p.Family() == f }) ||
		slices.ContainsFunc(c.Services, func(s inspect.Service) bool { return slices.Contains(s.IPFamilies, f) }) ||
		slices.ContainsFunc(c.Nodes, func(n inspect.Node) bool {
			return slices.ContainsFunc(n.PodCIDRs, func(p netip.Prefix) bool { return inspect.FamilyOf(p.Addr()) == f })
		})
}

// stack names the families that the cluster is meant to have.
func (c *Cluster) stack() string {
	switch {
	case c.Dual():
		return "dual-stack cluster"
	case c.Uses(inspect.IPv4):
		return "IPv4-only cluster, and nothing in it asks for IPv6"
	case c.Uses(inspect.IPv6):
		return "IPv6-only cluster, and nothing in it asks for IPv4"
	default:
		return "no pools, services or pod ranges to be seen: is Calico installed?"
	}
}

// each calls visit for each node and each family that the cluster uses. Windows nodes are left out: Felix programs the
// host networking service there.
func (c *Cluster) each(visit func(*inspect.Node, inspect.Family)) {
	for i := range c.Nodes {
		if c.Nodes[i].OS == "windows" {
			continue
		}
		for _, f := range inspect.Families() {
			if c.Uses(f) {
				visit(&c.Nodes[i], f)
			}
		}
	}
}

// internal returns the InternalIPs of a node in a family.
func internal(n *inspect.Node, f inspect.Family) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(n.InternalIPs), func(a netip.Addr) bool { return inspect.FamilyOf(a) != f })
}

// table returns what the kernel of a node holds, or nil where it was not read.
func (c *Cluster) table(node string) *inspect.NodeTable {
	t, ok := c.Tables[node]
	if !ok {
		return nil
	}
	return &t
}

// held returns the entry of the interface that holds an address, or nil.
func held(t *inspect.NodeTable, a netip.Addr) *inspect.LinkAddress {
	for i := range t.Addresses {
		if t.Addresses[i].Prefix.Addr() == a {
			return &t.Addresses[i]
		}
	}
	return nil
}

// global returns the global addresses of a family that are on interfaces of the host itself.
func global(t *inspect.NodeTable, f inspect.Family) []inspect.LinkAddress {
	var all []inspect.LinkAddress
	for _, a := range t.Addresses {
		if a.Family() == f && a.Scope == "global" && !isCalicos(a.Link) {
			all = append(all, a)
		}
	}
	return all
}
