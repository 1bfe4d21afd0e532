package check

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// The codes of section pools that are about what was allocated, and about ways to the blocks.
const (
	NobodyMakesRoutes inspect.Code = "DS409"
	AllocationOfNoPod inspect.Code = "DS410"
	RouteMakersAtOdds inspect.Code = "DS411"
)

func ipamRules() []Rule {
	return []Rule{
		{
			Code: NobodyMakesRoutes, Section: Pools, Severity: inspect.SeverityError,
			Needs:   nodeFacts(inspect.FactCalicoNode, inspect.FactOperator, inspect.FactTables, inspect.FactBlocks),
			Title:   "a pool has no encapsulation, and nothing creates its routes",
			Why:     "without a tunnel, BIRD distributes the routes to the nodes' blocks. With the backend vxlan, or BGP disabled in the operator's Installation, BIRD does not run: pods reach only their own node.",
			Mend:    `kubectl patch ippool NAME --type=merge -p '{"spec":{"vxlanMode":"Always"}}', or run BIRD (CALICO_NETWORKING_BACKEND=bird; operator: bgp: Enabled)`,
			Reports: []string{"kubernetes-sigs/kubespray#9309", "projectcalico/calico#3757", "projectcalico/calico#6226"},
			Find:    nobodyMakesRoutes,
		},
		{
			Code: AllocationOfNoPod, Section: Pools, Severity: inspect.SeverityInfo,
			Needs:   nodeFacts(inspect.FactPods, inspect.FactBlocks),
			Title:   "addresses are allocated to pods that do not exist",
			Why:     "the CNI plugin did not release them: a node was reset, or the API server could not be reached when the pod was deleted. calico-kube-controllers releases them after some minutes, if it runs.",
			Mend:    "calicoctl ipam check --show-problem-ips -o report.json, then calicoctl ipam release --from-report report.json",
			Reports: []string{"projectcalico/calico#8643", "projectcalico/calico#5339"},
			Find:    allocationsOfNoPod,
		},
		{
			Code: RouteMakersAtOdds, Section: Pools, Severity: inspect.SeverityError,
			Needs: nodeFacts(inspect.FactFelix, inspect.FactBGP, inspect.FactVersion, inspect.FactCalicoNode, inspect.FactOperator),
			Title: "two programs make the routes of a pool, or none does",
			Why:   "since v3.32 programClusterRoutes says twice who makes the routes of pools without VXLAN: in FelixConfiguration for Felix, in BGPConfiguration for BIRD. Nothing compares them: where both do, they replace each other's routes again and again; where neither does, pods reach only their own node.",
			Mend:  pairs,
			Find:  routeMakersAtOdds,
		},
	}
}

// pairs are the settings that fit together (design/cluster-route-programming/DESIGN.md of Calico).
const pairs = "set programClusterRoutes of FelixConfiguration and of BGPConfiguration as a pair: Enabled and Disabled, Disabled and Enabled, " +
	"or EnabledIPIPOnly and EnabledNoEncapOnly; with the operator, set clusterRoutingMode of its Installation"

// noBIRD returns why BIRD does not run, or the empty string.
func (c *Cluster) noBIRD() string { return bgp.Off(c.Snapshot) }

// nobodyMakesRoutes finds pools without encapsulation where BIRD does not run, no route of another's leads to a block of
// the pool, and there is more than one node.
func nobodyMakesRoutes(c *Cluster) []inspect.Finding {
	why := c.noBIRD()
	if why == "" || len(c.Nodes) < 2 {
		return nil
	}
	var found []inspect.Finding
	for i := range c.Pools {
		p := &c.Pools[i]
		if !forPods(p) || !p.VXLANMode.None() || !p.IPIPMode.None() || c.routed(p) {
			continue
		}
		found = append(found, inspect.Finding{Subject: "pool " + p.Name, Family: p.Family(),
			Summary:  fmt.Sprintf("pool %s (%s) has no encapsulation, and nothing creates the routes to its blocks", p.Name, p.CIDR),
			Evidence: []string{fmt.Sprintf("vxlanMode and ipipMode of the pool are %s", inspect.EncapNever), why},
			Mend: fmt.Sprintf(`kubectl patch ippool %s --type=merge -p '{"spec":{"vxlanMode":"Always"}}', or run BIRD `+
				"(CALICO_NETWORKING_BACKEND=bird; operator: bgp: Enabled)", p.Name)})
	}
	return found
}

// routeMakersAtOdds finds pools without VXLAN for whose routes Felix and BIRD are both responsible, by their settings, or neither is. A
// pool without encapsulation whose BIRD does not run is DS409's.
func routeMakersAtOdds(c *Cluster) []inspect.Finding {
	if len(c.Nodes) < 2 {
		return nil
	}
	var found []inspect.Finding
	for i := range c.Pools {
		p := &c.Pools[i]
		makers, known := felix.RouteMakers(c.Snapshot, p)
		if !known || !forPods(p) || !p.VXLANMode.None() {
			continue
		}
		evidence, absent := makers.Settings, c.noBIRD()
		if absent != "" {
			evidence = append(evidence, absent)
		}
		f := inspect.Finding{Subject: "pool " + p.Name, Family: p.Family(), Evidence: evidence}
		switch {
		case makers.Felix && makers.BIRD && absent == "":
			f.Summary = fmt.Sprintf("Felix and BIRD both make the routes to the blocks of pool %s (%s)", p.Name, p.CIDR)
		case makers.Felix || makers.BIRD && (absent == "" || p.IPIPMode.None()):
			continue
		default:
			f.Summary = fmt.Sprintf("neither Felix nor BIRD makes the routes to the blocks of pool %s (%s)", p.Name, p.CIDR)
		}
		found = append(found, f)
	}
	return found
}

// routed reports whether a node has a route, from anyone, to another node's block of a pool.
func (c *Cluster) routed(p *inspect.IPPool) bool {
	owners := c.owners()
	for node, t := range c.Tables {
		for i := range t.Routes {
			r := &t.Routes[i]
			owner, ok := owners[r.Dst]
			if ok && owner != node && r.Gateway.IsValid() && p.CIDR.Contains(r.Dst.Addr()) && felix.TypeOf(r) == felix.TypeUnicast {
				return true
			}
		}
	}
	return false
}

// allocationsOfNoPod counts, for each node, addresses whose pod does not exist.
func allocationsOfNoPod(c *Cluster) []inspect.Finding {
	pods := make(map[string]bool, len(c.Pods))
	for i := range c.Pods {
		pods[c.Pods[i].Namespace+"/"+c.Pods[i].Name] = true
	}
	counts, example := map[string]int{}, map[string]string{}
	for i := range c.Blocks {
		for _, a := range c.Blocks[i].Allocations {
			if name := a.Namespace + "/" + a.Pod; a.Pod != "" && !pods[name] {
				counts[a.Node]++
				example[a.Node] = fmt.Sprintf("%s is allocated to pod %s", a.IP, name)
			}
		}
	}
	var found []inspect.Finding
	for _, node := range slices.Sorted(maps.Keys(counts)) {
		f := inspect.Finding{Subject: "node " + node, Node: node, Evidence: []string{example[node]},
			Summary: fmt.Sprintf("%d allocated addresses of node %s belong to pods that do not exist", counts[node], node)}
		found = append(found, f)
	}
	return found
}
