package check

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix/ways"
)

// Cluster is a Snapshot with what several rules ask of it.
type Cluster struct {
	*inspect.Snapshot
	uses     inspect.ByFamily[bool]
	expected *felix.Cluster          // see tables
	blocks   map[netip.Prefix]string // see owners
	ready    map[string]*readiness   // see endpoints
	bgp      []bgp.Session           // see sessions
}

func newCluster(s *inspect.Snapshot) *Cluster {
	c := &Cluster{Snapshot: s}
	for _, f := range inspect.Families() {
		c.uses.Set(f, c.intends(f))
	}
	return c
}

// tables returns what the tables of the nodes are compared with. It is built for the first rule that asks: most rules do
// without.
func (c *Cluster) tables() *felix.Cluster {
	if c.expected == nil {
		c.expected = ways.New(c.Snapshot)
	}
	return c.expected
}

// felix returns what Felix is told on a node: the environment wins over the objects. No node is the whole cluster. Nil is
// nothing.
func (c *Cluster) felix(node string, of func(inspect.FelixSettings) *bool) *bool {
	if value := of(c.Calico.FelixEnv); value != nil {
		return value
	}
	for _, name := range felix.Configurations(c.Snapshot, node) {
		if value := of(c.Calico.Felix[name]); value != nil {
			return value
		}
	}
	return nil
}

// warnings returns the warnings about an object, one for each reason.
func (c *Cluster) warnings(kind, namespace, name string) []inspect.Event {
	var all []inspect.Event
	for _, e := range c.Events {
		if e.Kind == kind && e.Namespace == namespace && e.Name == name {
			all = append(all, e)
		}
	}
	return all
}

// noCalico is why a rule about Calico is not checked in a cluster without it.
const noCalico = "Calico is not installed: the cluster does not serve its API"

// withoutCalico reports whether the cluster is known to have no Calico, as opposed to one that could not be read.
func (c *Cluster) withoutCalico() bool {
	return slices.ContainsFunc(c.Missing, func(m inspect.Missing) bool { return m.Fact == inspect.FactPools && m.Absent })
}

// calicoFacts are the objects of Calico. A cluster without Calico has none of them, which is known and no gap.
func calicoFacts() []inspect.Fact {
	return []inspect.Fact{inspect.FactPools, inspect.FactBlocks, inspect.FactFelix, inspect.FactBGP, inspect.FactBGPPeers, inspect.FactVersion, inspect.FactCalicoNode,
		inspect.FactCNI, inspect.FactIPAMConfig, inspect.FactOperator}
}

// lacks returns why a rule cannot be checked at all: no reason if it can.
func (c *Cluster) lacks(r Rule) []string {
	without := c.withoutCalico()
	if r.Section == BGP && c.noBIRD() != "" {
		return nil // there is nothing to be checked
	}
	if without && slices.Contains([]Section{Calico, Pools, Tables, BGP}, r.Section) {
		return []string{noCalico}
	}
	var reasons []string
	add := func(more ...string) {
		for _, reason := range more {
			if !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
		}
	}
	for _, f := range r.Needs {
		if without && slices.Contains(calicoFacts(), f) {
			continue
		}
		missing := c.Reasons(f, "")
		if len(missing) == 0 && len(c.Gathered) > 0 && !slices.Contains(c.Gathered, f) {
			missing = []string{"the snapshot was taken without " + string(f)}
		}
		add(missing...)
	}
	if len(reasons) > 0 {
		return reasons // one of them may be that of the nodes
	}
	if reason, whole := c.unread(r); whole {
		add(reason)
	}
	return reasons
}

// unread returns why the tables or rules of some nodes could not be read, if a rule needs them, and whether those of all could not.
// Rules pass over such a node, and TablesUnread names it.
func (c *Cluster) unread(r Rule) (reason string, whole bool) {
	tables, nat := slices.Contains(r.Needs, inspect.FactTables), slices.Contains(r.Needs, inspect.FactNAT)
	bird := slices.Contains(r.Needs, inspect.FactBIRD) && c.noBIRD() == ""
	if r.Code == TablesUnread || !tables && !nat && !bird {
		return "", false
	}
	var nodes []string
	all := 0
	for i := range c.Nodes {
		if c.Nodes[i].OS == "windows" {
			continue
		}
		all++
		name := c.Nodes[i].Name
		why := ""
		if tables && c.table(name) == nil {
			why = c.Lacks(inspect.FactTables, name)
		}
		if _, ok := c.NAT[name]; nat && !ok {
			why = cmp.Or(why, c.Lacks(inspect.FactNAT, name))
		}
		if _, ok := c.BIRD[name]; bird && !ok {
			why = cmp.Or(why, c.Lacks(inspect.FactBIRD, name))
		}
		if why != "" {
			nodes = append(nodes, name)
			reason = cmp.Or(reason, why)
		}
	}
	switch {
	case len(nodes) == 0:
		return "", false
	case len(nodes) == all:
		return reason, true
	case len(nodes) == 1:
		return "on node " + nodes[0] + ": " + reason, false
	}
	return fmt.Sprintf("on %d of %d nodes (%s, …): %s", len(nodes), all, nodes[0], reason), false
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

// stack names the families that the cluster is meant to have, and what it goes without.
func (c *Cluster) stack() string {
	without := ""
	if c.withoutCalico() {
		without = " without Calico"
	}
	if len(c.Nodes) == 0 && slices.Contains(c.Gathered, inspect.FactNodes) && c.Lacks(inspect.FactNodes, "") == "" {
		without += " and without nodes"
	}
	without = strings.TrimPrefix(without, " and")
	switch {
	case c.Dual():
		return "dual-stack cluster" + without
	case c.Uses(inspect.IPv4):
		return "IPv4-only cluster" + without + ", and nothing in it asks for IPv6"
	case c.Uses(inspect.IPv6):
		return "IPv6-only cluster" + without + ", and nothing in it asks for IPv4"
	default:
		return "cluster" + without + " in which nothing asks for IPv4 or IPv6 (no pools, services or pod ranges were seen)"
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
