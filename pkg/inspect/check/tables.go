package check

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/neighbors"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/vxlan"
)

// The codes of section tables.
const (
	DeviceNotAsExpected   inspect.Code = "DS601"
	RouteNotAsExpected    inspect.Code = "DS602"
	NeighborNotAsExpected inspect.Code = "DS603"
	FDBNotAsExpected      inspect.Code = "DS604"
	TunnelSilent          inspect.Code = "DS605"
	TablesUnread          inspect.Code = "DS606"
)

// tableRules turn the rows of the verifying inspectors that are not ok into findings, one for each node and family.
func tableRules() []Rule {
	earlier := []inspect.Code{CalicoNodeDown, IPv6SupportOff, NodeLacksAddress, AddressNotHeld, AddressNotAHosts, AddressTwice, AddressOfTunnel,
		NodeLacksTunnelIP, IPv6Disabled, NoEnabledPool, NobodyMakesRoutes, RouteMakersAtOdds, UplinkMTU, UplinkDown, RouteByGateway,
		BIRDSilent, NoSession, SessionDown, SessionStale, RoutesHeld, SessionEmpty, PoolNotExported}
	rule := func(code inspect.Code, what, command string, needs []inspect.Fact, follows []inspect.Code, find func(*Cluster) rows) Rule {
		return Rule{
			Code: code, Section: Tables, Severity: inspect.SeverityError, Needs: needs, Follows: follows,
			Title: what + " of a node are not what Felix should have programmed",
			Why:   "Felix programs them from the datastore, and repairs them within seconds to minutes. If they stay wrong, Felix does not run or cannot write.",
			Mend:  "list them with kubectl dualstack " + command + "; restart calico-node on the node if they stay wrong",
			Find:  func(c *Cluster) []inspect.Finding { return find(c).findings(what, command) },
		}
	}
	return []Rule{
		rule(DeviceNotAsExpected, "tunnel devices", "vxlan", vxlan.Needs(), earlier, func(c *Cluster) rows {
			return rowsOf(c, vxlan.In(c.tables(), vxlan.Options{}).Items, func(d vxlan.Device) row {
				return row{node: d.Node, family: d.Family, Judgement: d.Judgement, what: d.Device}
			})
		}),
		rule(RouteNotAsExpected, "routes", "routes", routes.Needs(), append(earlier, DeviceNotAsExpected, AddressNotReported), func(c *Cluster) rows {
			owners := c.owners()
			return rowsOf(c, routes.In(c.tables(), routes.Options{}).Items, func(r routes.Route) row {
				return row{r.Node, cmp.Or(r.RemoteNode, owners[r.Destination]), r.Family, r.Judgement, "route to " + r.Destination.String()}
			})
		}),
		rule(NeighborNotAsExpected, "neighbour entries", "neighbors", neighbors.Needs(), append(earlier, DeviceNotAsExpected), func(c *Cluster) rows {
			return rowsOf(c, neighbors.In(c.tables(), neighbors.Options{}).Items, func(n neighbors.Neighbor) row {
				return row{n.Node, n.RemoteNode, n.Family, n.Judgement, "neighbour entry of " + n.IP.String()}
			})
		}),
		rule(FDBNotAsExpected, "forwarding entries", "fdb", fdb.Needs(), append(earlier, DeviceNotAsExpected), func(c *Cluster) rows {
			return rowsOf(c, fdb.In(c.tables(), fdb.Options{}).Items, func(e fdb.Entry) row {
				return row{e.Node, e.RemoteNode, e.Family, e.Judgement, "forwarding entry of " + e.MAC.String()}
			})
		}),
		{
			Code: TunnelSilent, Section: Tables, Severity: inspect.SeverityWarning, Needs: nodeFacts(inspect.FactTables, inspect.FactPods),
			Follows: append(earlier, DeviceNotAsExpected, RouteNotAsExpected, NeighborNotAsExpected, FDBNotAsExpected, ForwardingOff),
			Title:   "a node's tunnel has sent packets and received none",
			Why:     "what the other nodes send does not arrive: a firewall, or a security group of the cloud, lets the tunnel's UDP port pass in the other family only, or not at all.",
			Mend:    "let UDP 4789 pass between the nodes, from and to their addresses of this family; kubectl dualstack trace --family FAMILY shows where it ends",
			Reports: []string{"kubernetes-sigs/cluster-api-provider-openstack#2538", "projectcalico/calico#9403"},
			Find:    silentTunnels,
		},
		{
			Code: TablesUnread, Section: Tables, Severity: inspect.SeverityUnknown, Needs: []inspect.Fact{inspect.FactNodes, inspect.FactTables},
			Follows: []inspect.Code{NodeNotReady, CalicoNodeDown},
			Title:   "the tables of a node's kernel could not be read",
			Why: "none of the ways into the node works: exec into calico-node goes from the API server to the node's kubelet, and a debug pod needs a kubelet that starts it. " +
				"A node that cannot be reached, or whose kubelet hangs, has neither. What depends on the node's tables is not checked there.",
			Mend: "try kubectl exec into the node's calico-node: where that is denied, docs/rbac.md has the role; where it hangs, look at the node's address, its kubelet, and port 10250 from the control plane",
			Find: unreadNodes,
		},
	}
}

// unreadNodes finds the nodes whose tables could not be read, each by itself.
func unreadNodes(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for i := range c.Nodes {
		n := &c.Nodes[i]
		if reasons := c.Reasons(inspect.FactTables, n.Name); n.OS != "windows" && c.table(n.Name) == nil && len(reasons) > 0 {
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name,
				Summary: "the tables of node " + n.Name + " could not be read", Evidence: reasons})
		}
	}
	return found
}

// sentEnough is how many packets a tunnel must have sent before its silence means something.
const sentEnough = 20

// silentTunnels finds tunnel devices that have only sent. Other nodes must have sent to that node, which cannot be seen: so
// their tunnels of the family must have sent, too.
func silentTunnels(c *Cluster) []inspect.Finding {
	var sent inspect.ByFamily[int] // nodes whose tunnels have sent
	tunnel := func(n *inspect.Node, f inspect.Family) *inspect.Link {
		if t := c.table(n.Name); t != nil {
			for i := range t.Links {
				if l := &t.Links[i]; l.Name == calico.VXLANDevice(f == inspect.IPv6) && l.VXLAN != nil && !l.VXLAN.FlowBased {
					return l
				}
			}
		}
		return nil
	}
	c.each(func(n *inspect.Node, f inspect.Family) {
		if l := tunnel(n, f); l != nil && l.TXPackets >= sentEnough {
			sent.Set(f, sent.Get(f)+1)
		}
	})
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		if l := tunnel(n, f); l != nil && l.TXPackets >= sentEnough && l.RXPackets == 0 && sent.Get(f) > 1 {
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
				Summary:  fmt.Sprintf("%s of node %s has sent %d packets and received none", l.Name, n.Name, l.TXPackets),
				Evidence: []string{fmt.Sprintf("the %s tunnels of %d nodes have sent packets", f, sent.Get(f))}})
		}
	})
	return found
}

// row is what a finding needs of an inspector's row.
type row struct {
	node, remote string
	family       inspect.Family
	inspect.Judgement
	what string
}

type rows []row

// rowsOf reads the rows that are not ok: few of millions, as a rule, so nothing is made of the others. TablesUnread speaks
// for nodes without tables.
func rowsOf[T interface{ Judged() inspect.Judgement }](c *Cluster, items []T, read func(T) row) rows {
	var all rows
	for _, item := range items {
		if item.Judged().Status == inspect.StatusOK {
			continue
		}
		if r := read(item); c.table(r.node) != nil {
			all = append(all, r)
		}
	}
	return all
}

// findings makes one finding of the rows about each node, family and remote node, so that what is wrong with one remote
// node does not hide what is wrong with another.
func (all rows) findings(what, command string) []inspect.Finding {
	slices.SortStableFunc(all, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.family, b.family), cmp.Compare(a.remote, b.remote))
	})
	var found []inspect.Finding
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].node == all[0].node && all[n].family == all[0].family && all[n].remote == all[0].remote {
			n++
		}
		found = append(found, all[:n].finding(what, command))
		all = all[n:]
	}
	return found
}

func (all rows) finding(what, command string) inspect.Finding {
	const shown = 3
	f := inspect.Finding{Subject: "node " + all[0].node, Node: all[0].node, RemoteNode: all[0].remote, Family: all[0].family,
		Command: fmt.Sprintf("kubectl dualstack %s --node %s", command, all[0].node)}
	unknown := 0
	for i, r := range all {
		if r.Status == inspect.StatusUnknown {
			unknown++
		}
		if i < shown {
			text := string(r.Status) + ": " + r.what
			if details := r.Details(); details != "" {
				text += ", " + details
			}
			f.Evidence = append(f.Evidence, text)
		}
	}
	if len(all) > shown {
		f.Evidence = append(f.Evidence, fmt.Sprintf("and %d more", len(all)-shown))
	}
	if unknown == len(all) {
		f.Severity = inspect.SeverityUnknown
		f.Summary = fmt.Sprintf("%s %s of node %s could not be verified", f.Family, what, f.Node)
		return f
	}
	f.Summary = fmt.Sprintf("%s %s of node %s are not as expected", f.Family, what, f.Node)
	if f.RemoteNode != "" {
		f.Summary = fmt.Sprintf("%s %s of node %s for node %s are not as expected", f.Family, what, f.Node, f.RemoteNode)
	}
	return f
}

// owners names the node that each block is affine to: the route to a block may lead to where no node is.
func (c *Cluster) owners() map[netip.Prefix]string {
	if c.blocks == nil {
		c.blocks = make(map[netip.Prefix]string, len(c.Blocks))
		for i := range c.Blocks {
			c.blocks[c.Blocks[i].CIDR] = c.Blocks[i].Node
		}
	}
	return c.blocks
}
