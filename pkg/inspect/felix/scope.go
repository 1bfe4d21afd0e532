package felix

import (
	"cmp"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Part is a part of Felix's work.
type Part string

// The parts.
const (
	Devices   Part = "tunnel devices"
	Neighbors Part = "neighbour entries"
	FDB       Part = "forwarding entries"
	Routes    Part = "routes"
)

// Needs returns the facts needed to judge a part.
func (p Part) Needs() []inspect.Fact {
	facts := []inspect.Fact{inspect.FactNodes, inspect.FactPools, inspect.FactFelix, inspect.FactTables}
	if p == Routes {
		facts = append(facts, inspect.FactBlocks)
	}
	return facts
}

// Why a part is left out: another data plane or program handles it.
const (
	EBPF           = "eBPF"
	WireGuard      = "WireGuard"
	NoEncapPool    = "pool without encapsulation"
	HostLocalIPAM  = "host-local IPAM"
	WindowsNode    = "Windows node"
	WorkloadRoutes = "routeSource WorkloadIPs"
	NoRouteSync    = "routeSyncDisabled"
)

// explain says what a reason means for a report's reader. The zero family is both.
func explain(reason string, f inspect.Family) string {
	switch reason {
	case EBPF:
		return "the eBPF data plane programs tunnels in maps of its own"
	case WireGuard:
		device := calico.WireGuardDevice(f.Is6())
		if f == 0 {
			device = calico.WireGuardDevice(false) + " and " + calico.WireGuardDevice(true)
		}
		return "traffic may take " + device + " by a routing table of its own, which is not verified"
	case NoEncapPool:
		return "no node has routes to it of BIRD's or Felix's, so the network makes them"
	case HostLocalIPAM:
		return "no node has an IPAM block of this family, so routes follow podCIDRs"
	case WindowsNode:
		return "Felix programs the host networking service there"
	case WorkloadRoutes:
		return "routes follow each pod and not the IPAM blocks"
	case NoRouteSync:
		return "Felix leaves routes to others"
	default:
		return reason
	}
}

// Omits returns why a part of a node is left out for a family, or the empty string: because of the kind of node, or
// because every way that runs there leaves out the part.
func (n *Node) Omits(p Part, f inspect.Family) string {
	if reason := n.excluded(); reason != "" {
		return reason
	}
	omitted := ""
	for _, w := range n.running(p, f) {
		reason := w.Omits(p)
		if reason == "" {
			return ""
		}
		omitted = reason
	}
	return omitted
}

// excluded returns why nothing at all is verified on a node, or the empty string.
func (n *Node) excluded() string {
	switch {
	case n.facts.OS == "windows":
		return WindowsNode
	case n.Settings.BPF:
		return EBPF
	default:
		return ""
	}
}

// running returns the ways that run on a node and use a part.
func (n *Node) running(p Part, f inspect.Family) []Way {
	return slices.DeleteFunc(slices.Clone(n.ways.Get(f)), func(w Way) bool {
		_, tunnels := w.Overlay()
		return !w.Runs() || p != Routes && !tunnels
	})
}

// Unknown returns why a part of a node cannot be judged for a family, or the empty string. If no way runs, unread
// tables do not matter.
func (n *Node) Unknown(p Part, f inspect.Family) string {
	for _, fact := range p.Needs() {
		if reason := n.cluster.Lacks(fact, n.Name); reason != "" {
			if fact == inspect.FactTables && len(n.running(p, f)) == 0 {
				continue
			}
			return string(fact) + ": " + reason
		}
	}
	return ""
}

// Judge goes through the nodes and families that the filter lets pass. It calls judge where a part can be judged, and
// unknown with the reason where it cannot. It skips omitted parts, which Omissions names.
func (c *Cluster) Judge(p Part, flt Filter, judge func(*Node, inspect.Family),
	unknown func(n *Node, f inspect.Family, reason string),
) {
	c.Visit(flt, func(n *Node, f inspect.Family) {
		switch reason := n.Unknown(p, f); {
		case n.Omits(p, f) != "":
		case reason != "":
			unknown(n, f, reason)
		default:
			judge(n, f)
		}
	})
}

// Omissions returns the parts that a report does not cover.
func (c *Cluster) Omissions(p Part, flt Filter) []inspect.Omission {
	var all omissions
	c.Visit(flt, func(n *Node, f inspect.Family) {
		ways, verified := n.running(p, f), false
		for _, w := range ways {
			reason := cmp.Or(n.excluded(), w.Omits(p))
			if verified = verified || reason == ""; reason != "" {
				all.add(reason, p, f, n.Name)
			}
		}
		if p == Routes && verified && n.Settings.WireGuard.Get(f) {
			all.add(WireGuard, p, f, n.Name)
		}
	})
	if p == Routes {
		c.addPools(&all, flt)
	}
	return all.merged()
}

// addPools names the pools that no manager applies to. Nodes have no routes to pools for load balancers.
func (c *Cluster) addPools(all *omissions, flt Filter) {
	for i := range c.snapshot.Pools {
		pool := &c.snapshot.Pools[i]
		switch {
		case c.manages(pool) >= 0 || ForLoadBalancers(pool) || !flt.Family.Matches(pool.Family()):
		default:
			all.add(NoEncapPool, Routes, pool.Family(), "pool "+pool.Name)
		}
	}
}

// omissions collects the omitted parts, one entry for each reason and family.
type omissions []inspect.Omission

func (all *omissions) add(reason string, p Part, f inspect.Family, subject string) {
	for i := range *all {
		if o := &(*all)[i]; o.Reason == reason && o.Family == f {
			if !slices.Contains(o.Subjects, subject) {
				o.Subjects = append(o.Subjects, subject)
			}
			return
		}
	}
	*all = append(*all, inspect.Omission{Reason: reason, Part: string(p), Family: f, Subjects: []string{subject}})
}

// merged sorts, and merges entries that are the same for both families.
func (all omissions) merged() []inspect.Omission {
	var merged []inspect.Omission
	for _, o := range all {
		slices.Sort(o.Subjects)
		same := slices.IndexFunc(merged, func(m inspect.Omission) bool {
			return m.Reason == o.Reason && slices.Equal(m.Subjects, o.Subjects)
		})
		if same >= 0 {
			merged[same].Family = 0
			continue
		}
		merged = append(merged, o)
	}
	for i := range merged {
		merged[i].Explanation = explain(merged[i].Reason, merged[i].Family)
	}
	return merged
}
