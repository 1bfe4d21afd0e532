package felix

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// fallbackHostMTU is the host MTU that Felix assumes when no interface matches mtuIfacePattern
// (int_dataplane.go, findHostMTU).
const fallbackHostMTU = 1460

// Node is one node, with its expected state.
type Node struct {
	Name     string
	Settings Settings

	cluster *Cluster
	facts   *inspect.Node
	table   inspect.NodeTable
	parent  inspect.ByFamily[string]
	hostMTU int                     // 0: not known
	ways    inspect.ByFamily[[]Way] // by number of the manager
}

func (c *Cluster) node(facts *inspect.Node) *Node {
	n := &Node{Name: facts.Name, Settings: settingsOf(c.snapshot, facts.Name), cluster: c, facts: facts}
	if table, ok := c.snapshot.Tables[facts.Name]; ok {
		n.table = table
		for _, f := range inspect.Families() {
			n.parent.Set(f, holderOf(&table, facts.Address.Get(f).Addr()))
		}
		n.hostMTU = c.hostMTU(&table, n.Settings.MTUIfacePattern)
	}
	for _, f := range inspect.Families() {
		ways := make([]Way, len(c.managers))
		for i, m := range c.managers {
			ways[i] = m.On(n, f)
		}
		n.ways.Set(f, ways)
	}
	return n
}

// Facts returns the node as the API has it.
func (n *Node) Facts() *inspect.Node { return n.facts }

// Table returns the node's kernel tables; all empty when they were not read.
func (n *Node) Table() *inspect.NodeTable { return &n.table }

// Parent returns the interface that holds the node's address of a family; empty when none does, or the node's tables
// were not read.
func (n *Node) Parent(f inspect.Family) string { return n.parent.Get(f) }

// OnLink reports whether an address is in the subnet of the node's own address, by the prefix length that Calico knows.
func (n *Node) OnLink(f inspect.Family, a netip.Addr) bool {
	own := n.facts.Address.Get(f)
	return own.IsValid() && a.IsValid() && own.Contains(a)
}

// HostMTU returns the MTU of the host's interfaces in bytes; 0 when they were not read.
func (n *Node) HostMTU() int { return n.hostMTU }

// Overlays returns the tunnel devices of a family, of all ways that have one.
func (n *Node) Overlays(f inspect.Family) []Overlay {
	var all []Overlay
	for _, w := range n.ways.Get(f) {
		if t, ok := w.Overlay(); ok {
			all = append(all, t)
		}
	}
	return all
}

// Device returns the tunnel device that is expected on the node in a family, if one is.
func (n *Node) Device(f inspect.Family) (Device, bool) {
	for _, t := range n.Overlays(f) {
		if t.Expected != nil {
			return *t.Expected, true
		}
	}
	return Device{}, false
}

// Link returns the device of a name as the node's kernel has it, or nil.
func (n *Node) Link(name string) *inspect.Link {
	for i := range n.table.Links {
		if n.table.Links[i].Name == name {
			return &n.table.Links[i]
		}
	}
	return nil
}

// holderOf returns the interface that holds an address, or the empty string.
func holderOf(t *inspect.NodeTable, a netip.Addr) string {
	for _, held := range t.Addresses {
		if a.IsValid() && held.Prefix.Addr() == a {
			return held.Link
		}
	}
	return ""
}

// hostMTU returns the smallest MTU of the host's interfaces: those that are up and match the pattern.
func (c *Cluster) hostMTU(t *inspect.NodeTable, pattern string) int {
	smallest := 0
	for i := range t.Links {
		l := &t.Links[i]
		if l.Up && l.LowerUp && (smallest == 0 || l.MTU < smallest) && c.patterns[pattern].MatchString(l.Name) {
			smallest = l.MTU
		}
	}
	if smallest == 0 {
		return fallbackHostMTU
	}
	return smallest
}
