package check

import (
	"fmt"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func podMTURules() []Rule {
	return []Rule{{
		Code: PodMTU, Section: Pods, Severity: inspect.SeverityInfo, Needs: nodeFacts(inspect.FactTables, inspect.FactPods),
		Title: "pods have devices with a larger MTU than their node's tunnels",
		Why: "the CNI plugin takes the MTU from /var/lib/calico/mtu, which Felix writes when it has started: pods that came before, as those of a new cluster do, " +
			"have that of the uplink. So have pods that are older than a tunnel with more overhead: VXLAN over IPv6 takes 70 bytes. Their large packets then depend on path MTU " +
			"discovery: on \"packet too big\" messages, which firewalls and policies drop.",
		Mend: "delete the pods, so that their controllers make them anew; new installations: set veth_mtu (operator: mtu), or wait for the file",
		Find: podsWithLargeMTU,
	}}
}

// podsWithLargeMTU finds, on each node, the pods whose devices let through what the node's tunnels cannot carry: the pods'
// MTU should be the smallest of the tunnels' (felix/dataplane/linux/int_dataplane.go, determinePodMTU).
func podsWithLargeMTU(c *Cluster) []inspect.Finding {
	pods := map[string][]*inspect.Pod{}
	for i := range c.Pods {
		if p := &c.Pods[i]; running(p) {
			pods[p.Node] = append(pods[p.Node], p)
		}
	}
	var found []inspect.Finding
	for i := range c.Nodes {
		n := &c.Nodes[i]
		t := c.table(n.Name)
		if t == nil {
			continue
		}
		tunnel, mtus := smallestTunnel(t)
		var names, subjects []string
		veth := inspect.Link{}
		for _, p := range pods[n.Name] {
			device := calico.PodInterface(p.Namespace, p.Name)
			if tunnel.MTU == 0 || mtus[device] <= tunnel.MTU {
				continue
			}
			names, subjects = append(names, p.Namespace+"/"+p.Name), append(subjects, inspect.PodSubject(p.Namespace, p.Name))
			if mtus[device] > veth.MTU {
				veth = inspect.Link{Name: device, MTU: mtus[device]}
			}
		}
		if len(names) > 0 {
			found = append(found, inspect.Finding{Subject: inspect.NodeSubject(n.Name), About: subjects, Node: n.Name,
				Summary:  fmt.Sprintf("on node %s, %s with a larger MTU than %s, %d: large packets need path MTU discovery", n.Name, some(len(names), "pod", names), tunnel.Name, tunnel.MTU),
				Evidence: []string{fmt.Sprintf("the MTU of %s is %d, that of %s %d", veth.Name, veth.MTU, tunnel.Name, tunnel.MTU)}})
		}
	}
	return found
}

// smallestTunnel returns the VXLAN device of Felix with the smallest MTU, and the MTU of every device.
func smallestTunnel(t *inspect.NodeTable) (tunnel inspect.Link, mtus map[string]int) {
	mtus = make(map[string]int, len(t.Links))
	for _, l := range t.Links {
		mtus[l.Name] = l.MTU
		if calico.IsVXLANDevice(l.Name) && l.VXLAN != nil && !l.VXLAN.FlowBased && (tunnel.MTU == 0 || l.MTU < tunnel.MTU) {
			tunnel = l
		}
	}
	return tunnel, mtus
}
