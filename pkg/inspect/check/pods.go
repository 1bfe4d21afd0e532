package check

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section pods.
const (
	AddressNotReported inspect.Code = "DS501"
	PodLacksFamily     inspect.Code = "DS502"
	PodAddressTwice    inspect.Code = "DS503"
)

func podRules() []Rule {
	pods := []inspect.Fact{inspect.FactPods, inspect.FactPools, inspect.FactServices, inspect.FactNodes}
	return []Rule{
		{
			Code: AddressNotReported, Section: Pods, Severity: inspect.SeverityError, Needs: append(pods, inspect.FactBlocks),
			Title:   "Calico gave a pod an address that its status lacks",
			Why:     "the container runtime, its shim or kubelet knows only one family: cri-dockerd without --ipv6-dual-stack, or a kubelet with one node address. Felix reads the status, and so deletes the pod's route of the other family.",
			Mend:    "start cri-dockerd with --ipv6-dual-stack; with other runtimes, give kubelet's --node-ip two addresses; then create the pod again",
			Reports: []string{"projectcalico/calico#9312", "Mirantis/cri-dockerd#504", "projectcalico/calico#2876", "projectcalico/calico#10834"},
			Find:    addressesNotReported,
		},
		{
			Code: PodLacksFamily, Section: Pods, Severity: inspect.SeverityWarning, Needs: append(pods, inspect.FactBlocks),
			Follows: []inspect.Code{AddressNotReported, CNIOneFamily, NoEnabledPool, NodeWithoutPool, PoolFull, IPv6Disabled, NodeLacksInternalIP},
			Title:   "a family has a pool, but a pod has no address of it",
			Why:     "the pod is older than the pool, no pool of the family selects its node, or the CNI's configuration does not ask for the family (assign_ipv6).",
			Mend:    "delete the pod, so that its controller creates it again; check assign_ipv4 and assign_ipv6 in the CNI's configuration",
			Reports: []string{"projectcalico/calico#9896", "projectcalico/calico#10219"},
			Find:    podsWithoutFamily,
		},
		{
			Code: PodAddressTwice, Section: Pods, Severity: inspect.SeverityError, Needs: pods,
			Title: "two running pods have the same address",
			Why:   "the address was released while its pod still ran (its node was away for long, or somebody ran calicoctl ipam release), and allocated again.",
			Mend:  "delete one of the pods",
			Find:  podAddressesTwice,
		},
	}
}

// allocated returns the addresses that Calico gave to each pod, by NAMESPACE/NAME.
func (c *Cluster) allocated() map[string][]netip.Addr {
	all := map[string][]netip.Addr{}
	for _, b := range c.Blocks {
		for _, a := range b.Allocations {
			if a.Pod != "" {
				all[a.Namespace+"/"+a.Pod] = append(all[a.Namespace+"/"+a.Pod], a.IP)
			}
		}
	}
	return all
}

// running reports whether a pod has a network of its own that is up.
func running(p *inspect.Pod) bool { return !p.HostNetwork && p.Phase == "Running" && len(p.IPs) > 0 }

func addressesNotReported(c *Cluster) []inspect.Finding {
	allocated := c.allocated()
	var found []inspect.Finding
	for i := range c.Pods {
		p := &c.Pods[i]
		if !running(p) {
			continue
		}
		name := p.Namespace + "/" + p.Name
		for _, a := range allocated[name] {
			// An address of a family that the status has is another matter: an earlier pod of that name, say.
			if !has(p, inspect.FamilyOf(a)) {
				found = append(found, inspect.Finding{Subject: "pod " + name, Node: p.Node, Family: inspect.FamilyOf(a),
					Summary:  fmt.Sprintf("Calico gave pod %s the address %s, and its status lacks it", name, a),
					Evidence: []string{fmt.Sprintf("an IPAM block has %s for the pod", a), "status.podIPs has " + list(p.IPs)}})
			}
		}
	}
	return found
}

func has(p *inspect.Pod, f inspect.Family) bool {
	return slices.ContainsFunc(p.IPs, func(a netip.Addr) bool { return inspect.FamilyOf(a) == f })
}

// podsWithoutFamily finds, once for each node, pods of Calico's that lack a family which pods of the cluster can have.
func podsWithoutFamily(c *Cluster) []inspect.Finding {
	type place struct {
		node   string
		family inspect.Family
	}
	lacking := map[place][]string{}
	var order []place
	for i := range c.Pods {
		p := &c.Pods[i]
		if !running(p) || !p.CalicoCNI {
			continue
		}
		for _, f := range inspect.Families() {
			if has(p, f) || !c.hasPool(f) {
				continue
			}
			at := place{p.Node, f}
			if lacking[at] == nil {
				order = append(order, at)
			}
			lacking[at] = append(lacking[at], p.Namespace+"/"+p.Name)
		}
	}
	var found []inspect.Finding
	for _, at := range order {
		pods := lacking[at]
		summary := fmt.Sprintf("pod %s on node %s has no %s address", pods[0], at.node, at.family)
		if len(pods) > 1 {
			summary = fmt.Sprintf("%d pods on node %s have no %s address: %s, …", len(pods), at.node, at.family, pods[0])
		}
		about := make([]string, len(pods))
		for i, pod := range pods {
			about[i] = "pod " + pod
		}
		found = append(found, inspect.Finding{Subject: "node " + at.node, About: about, Node: at.node, Family: at.family, Summary: summary,
			Evidence: []string{fmt.Sprintf("there is an %s pool", at.family)}})
	}
	return found
}

func podAddressesTwice(c *Cluster) []inspect.Finding {
	first := map[netip.Addr]string{}
	var found []inspect.Finding
	for i := range c.Pods {
		p := &c.Pods[i]
		if !running(p) {
			continue
		}
		name := p.Namespace + "/" + p.Name
		for _, a := range p.IPs {
			if other, ok := first[a]; ok {
				found = append(found, inspect.Finding{Subject: "pod " + name, About: []string{"pod " + other}, Node: p.Node, Family: inspect.FamilyOf(a),
					Summary: fmt.Sprintf("pods %s and %s have the same address %s", other, name, a)})
				continue
			}
			first[a] = name
		}
	}
	return found
}
