package check

import (
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico/selector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section pools.
const (
	NoEnabledPool    inspect.Code = "DS401"
	NodeWithoutPool  inspect.Code = "DS402"
	BadBlockSize     inspect.Code = "DS403"
	PoolFull         inspect.Code = "DS404"
	NATOutgoingOff   inspect.Code = "DS405"
	PoolsOverlap     inspect.Code = "DS406"
	RangesOverlap    inspect.Code = "DS407"
	LeakedAllocation inspect.Code = "DS408"
)

func poolRules() []Rule { return slices.Concat(choiceRules(), rangeRules(), ipamRules()) }

// choiceRules ask whether each node has a pool to take addresses from.
func choiceRules() []Rule {
	pools := nodeFacts()
	return []Rule{
		{
			Code: NoEnabledPool, Section: Pools, Severity: inspect.SeverityError, Needs: pools,
			Title:   "a family has no enabled pool for pods",
			Why:     "all pools of the family are disabled, or only for load balancers and tunnels. New pods get no address of the family; if the CNI's configuration has assign_ipv6, they do not start at all (\"no configured Calico pools\").",
			Mend:    `kubectl patch ippool NAME --type=merge -p '{"spec":{"disabled":false}}', or create a pool of the family`,
			Reports: []string{"projectcalico/cni-plugin#598", "tigera/operator#2255"},
			Find:    noEnabledPool,
		},
		{
			Code: NodeWithoutPool, Section: Pools, Severity: inspect.SeverityError, Needs: pools,
			Follows: []inspect.Code{NoEnabledPool},
			Title:   "no pool of a family selects a node",
			Why:     "no nodeSelector of the family's pools matches the node: its labels changed, or it was added later.",
			Mend:    "label the node, or widen the nodeSelector of a pool",
			Reports: []string{"projectcalico/cni-plugin#598"},
			Find:    nodesWithoutPool,
		},
		{
			Code: BadBlockSize, Section: Pools, Severity: inspect.SeverityError, Needs: pools,
			Title: "a pool has fewer blocks than there are nodes",
			Why:   "each node needs a block of its own. Nodes without one borrow single addresses from others; with strictAffinity they get none.",
			Mend:  "create a pool with a longer blockSize (it cannot be changed), move the pods, delete the old pool",
			Find:  tooFewBlocks,
		},
	}
}

// rangeRules ask whether the pools have enough addresses, which nothing else uses.
func rangeRules() []Rule {
	pools := nodeFacts()
	return []Rule{
		{
			Code: PoolFull, Section: Pools, Severity: inspect.SeverityError, Needs: append(pools, inspect.FactBlocks),
			Title:   "the pools of a family have few or no free addresses",
			Why:     "all addresses are allocated, some of them perhaps to pods that no longer exist.",
			Mend:    "calicoctl ipam check --show-problem-ips; add a pool",
			Reports: []string{"projectcalico/calico#8643", "projectcalico/calico#5339"},
			Find:    fullPools,
		},
		{
			Code: NATOutgoingOff, Section: Pools, Severity: inspect.SeverityWarning, Needs: pools,
			Title:   "pods' private addresses are not translated on their way out",
			Why:     "natOutgoing is off by default for IPv6. The network outside has no route back to private addresses (fc00::/7, RFC 1918), unless it learns one by BGP.",
			Mend:    `kubectl patch ippool NAME --type=merge -p '{"spec":{"natOutgoing":true}}', unless the network routes the pool`,
			Reports: []string{"projectcalico/calico#7183", "projectcalico/calico#2954"},
			Find:    natOutgoingOff,
		},
		{
			Code: PoolsOverlap, Section: Pools, Severity: inspect.SeverityError, Needs: pools,
			Title: "two pools overlap",
			Why:   "Calico's API server refuses that, but the CRDs do not.",
			Mend:  "disable one of the pools, move its pods, then delete it",
			Find:  poolsOverlap,
		},
		{
			Code: RangesOverlap, Section: Pools, Severity: inspect.SeverityError, Needs: pools,
			Title: "a pool overlaps the addresses of nodes or services",
			Why:   "packets to such an address go to a pod, a node or kube-proxy, depending on routes and rules.",
			Mend:  "create a pool from a free range, move the pods, delete the old pool",
			Find:  rangesOverlap,
		},
		{
			Code: LeakedAllocation, Section: Pools, Severity: inspect.SeverityWarning, Needs: append(pools, inspect.FactBlocks),
			Title:   "blocks belong to nodes that do not exist",
			Why:     "the nodes were deleted while calico-kube-controllers, which releases their blocks, did not run.",
			Mend:    "make sure that calico-kube-controllers runs; calicoctl ipam check, then calicoctl ipam release",
			Reports: []string{"projectcalico/calico#8643"},
			Find:    blocksOfNoNode,
		},
	}
}

// forPods reports whether a pool gives addresses to pods.
func forPods(p *inspect.IPPool) bool {
	return !p.Disabled && (len(p.AllowedUses) == 0 || slices.Contains(p.AllowedUses, "Workload"))
}

func noEnabledPool(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for _, f := range inspect.Families() {
		var off []string
		enabled := false
		for i := range c.Pools {
			if p := &c.Pools[i]; p.Family() == f {
				enabled = enabled || forPods(p)
				off = append(off, p.Name)
			}
		}
		if len(off) > 0 && !enabled {
			slices.Sort(off)
			finding := inspect.Finding{Subject: "pool " + off[0], About: poolSubjects(off), Family: f,
				Summary: fmt.Sprintf("no %s pool is enabled for pods: %s", f, strings.Join(off, ", "))}
			finding.Mend = fmt.Sprintf(`kubectl patch ippool %s --type=merge -p '{"spec":{"disabled":false}}'`, off[0])
			found = append(found, finding)
		}
		// A configuration that could not be read is DS311's to say: trace asks this rule without it.
		if assigns := c.Calico.CNI.AssignIPv6; len(off) == 0 && len(c.Pools) > 0 && f == inspect.IPv6 && c.Calico.CNI.IPAM == "calico-ipam" &&
			assigns != nil && *assigns {
			found = append(found, inspect.Finding{Subject: "cluster", Family: f,
				Summary:  "there is no IPv6 pool, and the CNI configuration asks for an IPv6 address for each pod: no pod can start",
				Evidence: []string{"assign_ipv6 is true in ConfigMap " + c.Calico.CNI.Source},
				Mend:     "create an IPv6 pool, or set assign_ipv6 to false"})
		}
	}
	return found
}

// selects reports whether a pool may give addresses to a node. A selector that cannot be read selects it: better no
// finding than a false one.
func selects(p *inspect.IPPool, n *inspect.Node) bool {
	ok, err := selector.Selects(p.NodeSelector, n.Labels)
	return ok || err != nil
}

func nodesWithoutPool(c *Cluster) []inspect.Finding {
	var left inspect.ByFamily[[]string] // nodes that pools of the other family select, or of none
	var evidence inspect.ByFamily[[]string]
	for _, f := range inspect.Families() {
		for i := range c.Pools {
			if p := &c.Pools[i]; p.Family() == f && forPods(p) {
				evidence.Set(f, append(evidence.Get(f), fmt.Sprintf("pool %s selects nodes by %s", p.Name, p.NodeSelector)))
			}
		}
	}
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		if len(evidence.Get(f)) == 0 || c.selected(n, f) {
			return
		}
		left.Set(f, append(left.Get(f), n.Name))
		finding := inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f, Evidence: evidence.Get(f),
			Summary: fmt.Sprintf("no %s pool selects node %s", f, n.Name)}
		if c.Dual() && !c.selected(n, inspect.IPv4) && !c.selected(n, inspect.IPv6) {
			finding.Severity = inspect.SeverityInfo // left out of both families: somebody wants no pods there
		}
		found = append(found, finding)
	})
	for _, f := range inspect.Families() {
		if n := len(left.Get(f)); n > 1 && n == len(c.Nodes) {
			found = slices.DeleteFunc(found, func(one inspect.Finding) bool { return one.Family == f })
			about := make([]string, n)
			for i, name := range left.Get(f) {
				about[i] = inspect.NodeSubject(name)
			}
			found = append(found, inspect.Finding{Subject: "cluster", About: about, Family: f, Evidence: evidence.Get(f),
				Summary: fmt.Sprintf("no %s pool selects any of the %d nodes", f, n)})
		}
	}
	return found
}

// selected reports whether a pool of a family may give a node's pods addresses.
func (c *Cluster) selected(n *inspect.Node, f inspect.Family) bool {
	return slices.ContainsFunc(c.Pools, func(p inspect.IPPool) bool { return p.Family() == f && forPods(&p) && selects(&p, n) })
}

func tooFewBlocks(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for i := range c.Pools {
		p := &c.Pools[i]
		if !forPods(p) || p.BlockSize < p.CIDR.Bits() {
			continue
		}
		nodes := 0
		for j := range c.Nodes {
			if selects(p, &c.Nodes[j]) && c.Nodes[j].OS != "windows" {
				nodes++
			}
		}
		if bits := p.BlockSize - p.CIDR.Bits(); bits < 30 && 1<<bits < nodes && !c.otherPool(p) {
			finding := inspect.Finding{Subject: "pool " + p.Name, Family: p.Family(), Severity: inspect.SeverityWarning,
				Summary: fmt.Sprintf("pool %s (%s, blockSize %d) has %s for %s", p.Name, p.CIDR, p.BlockSize,
					inspect.Quantity(1<<bits, "block"), inspect.Quantity(nodes, "node"))}
			if strict := c.Calico.IPAM.StrictAffinity; strict != nil && *strict {
				finding.Severity = inspect.SeverityError
				finding.Evidence = []string{"strictAffinity is on: a node without a block gets no address"}
			}
			found = append(found, finding)
		}
	}
	return found
}

// otherPool reports whether pods have another pool of the same family.
func (c *Cluster) otherPool(p *inspect.IPPool) bool {
	return slices.ContainsFunc(c.Pools, func(o inspect.IPPool) bool {
		return o.Name != p.Name && o.Family() == p.Family() && forPods(&o)
	})
}

func fullPools(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for _, f := range inspect.Families() {
		total, used, names := new(big.Int), int64(0), []string{}
		for i := range c.Pools {
			if p := &c.Pools[i]; p.Family() == f && forPods(p) {
				total.Add(total, new(big.Int).Lsh(big.NewInt(1), uint(f.Bits()-p.CIDR.Bits())))
				names = append(names, p.Name)
			}
		}
		for _, b := range c.Blocks {
			if p := inspect.PoolOf(c.Pools, b.CIDR.Addr()); p != nil && b.Family() == f && forPods(p) {
				used += int64(len(b.Allocations))
			}
		}
		if len(names) == 0 || !total.IsInt64() {
			continue
		}
		const nearly = 20                  // one in twenty is left
		free := max(0, total.Int64()-used) // blocks of an earlier pool may overlap those of this one
		finding := inspect.Finding{Subject: "pool " + names[0], About: poolSubjects(names), Family: f,
			Summary: fmt.Sprintf("the %s pools (%s) have %d of %d addresses free", f, strings.Join(names, ", "), free, total.Int64())}
		switch {
		case free <= 0:
			found = append(found, finding)
		case free*nearly < total.Int64():
			finding.Severity = inspect.SeverityWarning
			found = append(found, finding)
		}
	}
	return found
}

func natOutgoingOff(c *Cluster) []inspect.Finding {
	translated := map[inspect.Family]bool{}
	for i := range c.Pools {
		if p := &c.Pools[i]; forPods(p) && p.NATOutgoing {
			translated[p.Family()] = true
		}
	}
	var found []inspect.Finding
	for i := range c.Pools {
		p := &c.Pools[i]
		// Where no pool is translated at all, the network routes them as a rule: that is how it was planned.
		if !forPods(p) || p.NATOutgoing || !p.CIDR.Addr().IsPrivate() || len(translated) == 0 {
			continue
		}
		severity := inspect.SeverityWarning
		if p.VXLANMode.None() && p.IPIPMode.None() {
			severity = inspect.SeverityInfo // without encapsulation, BGP tells the network of the pool
		}
		finding := inspect.Finding{Subject: "pool " + p.Name, Family: p.Family(), Severity: severity,
			Summary: fmt.Sprintf("pool %s (%s) is private and natOutgoing is off: replies from outside have no route back", p.Name, p.CIDR),
			Mend:    fmt.Sprintf(`kubectl patch ippool %s --type=merge -p '{"spec":{"natOutgoing":true}}'`, p.Name)}
		for f := range translated {
			if f != p.Family() {
				finding.Evidence = append(finding.Evidence, fmt.Sprintf("%s pools have natOutgoing on", f))
			}
		}
		found = append(found, finding)
	}
	return found
}

func poolsOverlap(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for i, a := range c.Pools {
		for _, b := range c.Pools[i+1:] {
			if a.CIDR.Overlaps(b.CIDR) {
				found = append(found, inspect.Finding{Subject: "pool " + a.Name, About: poolSubjects([]string{b.Name}), Family: a.Family(),
					Summary: fmt.Sprintf("pool %s (%s) overlaps pool %s (%s)", a.Name, a.CIDR, b.Name, b.CIDR)})
			}
		}
	}
	return found
}

func rangesOverlap(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for _, p := range c.Pools {
		add := func(what string, a netip.Addr) {
			found = append(found, inspect.Finding{Subject: "pool " + p.Name, Family: p.Family(),
				Summary: fmt.Sprintf("pool %s (%s) contains the address %s of %s", p.Name, p.CIDR, a, what)})
		}
		for _, n := range c.Nodes {
			for _, a := range n.InternalIPs {
				if p.CIDR.Contains(a) {
					add("node "+n.Name, a)
				}
			}
		}
		for _, s := range c.Services {
			for _, a := range s.ClusterIPs {
				if p.CIDR.Contains(a) {
					add("service "+s.Namespace+"/"+s.Name, a)
				}
			}
		}
	}
	return found
}

func blocksOfNoNode(c *Cluster) []inspect.Finding {
	exists := map[string]bool{"": true} // a block without a node is free
	for i := range c.Nodes {
		exists[c.Nodes[i].Name] = true
	}
	blocks := map[string][]string{}
	for i := range c.Blocks {
		if b := &c.Blocks[i]; !exists[b.Node] && len(c.Nodes) > 0 {
			blocks[b.Node] = append(blocks[b.Node], inspect.BlockSubject(b.CIDR))
		}
	}
	var found []inspect.Finding
	for _, node := range slices.Sorted(maps.Keys(blocks)) {
		found = append(found, inspect.Finding{Subject: inspect.NodeSubject(node), About: blocks[node],
			Summary: fmt.Sprintf("%d blocks belong to node %s, which does not exist", len(blocks[node]), node)})
	}
	return found
}

// poolSubjects words pools as subjects.
func poolSubjects(names []string) []string {
	subjects := make([]string, len(names))
	for i, name := range names {
		subjects[i] = inspect.PoolSubject(name)
	}
	return subjects
}
