package felix

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// fallbackHostMTU is what Felix takes for the host's MTU when no interface matches mtuIfacePattern
// (int_dataplane.go, findHostMTU).
const fallbackHostMTU = 1460

// Node is what one node goes by.
type Node struct {
	Name     string
	Settings Settings

	cluster *Cluster
	facts   *inspect.Node
	table   inspect.NodeTable
	parent  inspect.ByFamily[string]
	local   inspect.ByFamily[bool] // whether the node has a VTEP of its own
	hostMTU int                    // 0: not known
}

func (c *Cluster) node(facts *inspect.Node) *Node {
	n := &Node{Name: facts.Name, Settings: settingsOf(c.snapshot, facts.Name), cluster: c, facts: facts}
	for _, f := range inspect.Families() {
		_, ok := c.VTEPs(f).OfNode(n.Name)
		n.local.Set(f, ok)
	}
	table, ok := c.snapshot.Tables[facts.Name]
	if !ok {
		return n
	}
	n.table = table
	for _, f := range inspect.Families() {
		n.parent.Set(f, holderOf(&table, facts.Address.Get(f).Addr()))
	}
	n.hostMTU = c.hostMTU(&table, n.Settings.MTUIfacePattern)
	return n
}

// Table returns what the kernel of the node held; all empty when it was not read.
func (n *Node) Table() *inspect.NodeTable { return &n.table }

// holderOf returns the interface that holds an address, or the empty string.
func holderOf(t *inspect.NodeTable, a netip.Addr) string {
	for _, held := range t.Addresses {
		if a.IsValid() && held.Prefix.Addr() == a {
			return held.Link
		}
	}
	return ""
}

// hostMTU returns the smallest MTU of the interfaces that are up and that the pattern takes for the host's.
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

// Local reports whether the node has a VTEP of its own in the family. A Felix without one neither makes the tunnel
// device nor takes it away, and keeps or drops the entries for others as its history has it: what is there for others
// is fine then, and what is not there is not missed.
func (n *Node) Local(f inspect.Family) bool { return n.local.Get(f) }

// Link returns the tunnel device of the family as the node's kernel has it, or nil.
func (n *Node) Link(f inspect.Family) *inspect.Link {
	name := calico.VXLANDevice(f.Is6())
	for i := range n.table.Links {
		if n.table.Links[i].Name == name {
			return &n.table.Links[i]
		}
	}
	return nil
}
