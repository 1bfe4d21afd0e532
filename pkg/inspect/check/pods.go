package check

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section pods.
const (
	AddressNotReported inspect.Code = "DS501"
	PodLacksFamily     inspect.Code = "DS502"
	PodAddressTwice    inspect.Code = "DS503"
	PodStuck           inspect.Code = "DS504"
	PodWantsNoPool     inspect.Code = "DS505"
	PodMTU             inspect.Code = "DS506"
)

func podRules() []Rule { return slices.Concat(addressOfPodRules(), startRules(), podMTURules()) }

// addressOfPodRules ask whether pods have the addresses that they were given.
func addressOfPodRules() []Rule {
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
			Why:   "the address was released while its pod was still running (its node was unreachable for long, or calicoctl ipam release was run), and allocated again.",
			Mend:  "delete one of the pods",
			Find:  podAddressesTwice,
		},
	}
}

// startRules ask why pods do not start.
func startRules() []Rule {
	return []Rule{
		{
			Code: PodStuck, Section: Pods, Severity: inspect.SeverityError, Needs: []inspect.Fact{inspect.FactPods, inspect.FactEvents},
			Follows: []inspect.Code{NoEnabledPool, NodeWithoutPool, PoolFull, OnePodCIDR, IPv6Disabled, CalicoNodeDown, PodWantsNoPool, NodeNotReady},
			Title:   "pods of a node do not start, because their network cannot be set up",
			Why:     "kubelet asks the CNI plugins for the pod's network, and they fail: no pool for a family that the configuration asks for, no address left, IPv6 off on the node, or Calico not ready there.",
			Mend:    "see the message; kubectl describe pod shows how often it comes",
			Reports: []string{"projectcalico/cni-plugin#598", "projectcalico/cni-plugin#266", "rancher/rke2#3664"},
			Find:    podsStuck,
		},
		{
			Code: PodWantsNoPool, Section: Pods, Severity: inspect.SeverityError,
			Needs: []inspect.Fact{inspect.FactPods, inspect.FactPools},
			Title: "a pod asks for addresses of a pool that cannot give them",
			Why:   "the annotations cni.projectcalico.org/ipv4pools and …/ipv6pools name pools or ranges. One that does not exist, is disabled, or is of the other family gives no address.",
			Mend:  "correct the annotation in the pod's template",
			Find:  podsWithoutTheirPool,
		},
	}
}

// given returns the addresses that Calico gave to a pod, and where that is written: the pod's annotation, or an IPAM block.
func (c *Cluster) given(p *inspect.Pod, allocated map[string][]netip.Addr) ([]netip.Addr, string) {
	if len(p.CalicoIPs) > 0 {
		return p.CalicoIPs, "annotation cni.projectcalico.org/podIPs"
	}
	return allocated[p.Namespace+"/"+p.Name], "an IPAM block"
}

// allocated returns the addresses that IPAM blocks have for each pod, by NAMESPACE/NAME.
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
	allocated, runtimes := c.allocated(), map[string]string{}
	for _, n := range c.Nodes {
		runtimes[n.Name] = n.ContainerRuntime
	}
	var found []inspect.Finding
	for i := range c.Pods {
		p := &c.Pods[i]
		if !running(p) {
			continue
		}
		name := p.Namespace + "/" + p.Name
		addresses, where := c.given(p, allocated)
		for _, a := range addresses {
			// An address of a family that the status has is another matter: an earlier pod of that name, say.
			if hasAddress(p.IPs, inspect.FamilyOf(a)) {
				continue
			}
			finding := inspect.Finding{Subject: "pod " + name, Node: p.Node, Family: inspect.FamilyOf(a),
				Summary:  fmt.Sprintf("Calico gave pod %s the address %s, and its status lacks it", name, a),
				Evidence: []string{fmt.Sprintf("%s has %s", where, a), "status.podIPs has " + list(p.IPs)}}
			if runtime := runtimes[p.Node]; runtime != "" {
				finding.Evidence = append(finding.Evidence, "the container runtime of node "+p.Node+" is "+runtime)
				if strings.HasPrefix(runtime, "docker://") {
					finding.Mend = "start cri-dockerd on the node with --ipv6-dual-stack, then create the pod again"
				}
			}
			found = append(found, finding)
		}
	}
	return found
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
			if hasAddress(p.IPs, f) || !c.hasPool(f) {
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

// podsStuck finds, once for each node and message, pods whose network could not be set up and that still wait.
func podsStuck(c *Cluster) []inspect.Finding {
	messages := map[string]string{}
	for _, e := range c.Events {
		if e.Kind == "Pod" && e.Reason == "FailedCreatePodSandBox" {
			messages[e.Namespace+"/"+e.Name] = e.Message
		}
	}
	type place struct{ node, message string }
	stuck := map[place][]string{}
	var order []place
	for i := range c.Pods {
		p := &c.Pods[i]
		message := messages[p.Namespace+"/"+p.Name]
		if message == "" || p.Phase != "Pending" || len(p.IPs) > 0 {
			continue
		}
		at := place{p.Node, cause(message)}
		if stuck[at] == nil {
			order = append(order, at)
		}
		stuck[at] = append(stuck[at], p.Namespace+"/"+p.Name)
	}
	var found []inspect.Finding
	for _, at := range order {
		pods := stuck[at]
		finding := inspect.Finding{Subject: "pod " + pods[0], Node: at.node, Evidence: []string{"FailedCreatePodSandBox: " + at.message},
			Summary: fmt.Sprintf("pod %s does not start on node %s: %s", pods[0], at.node, at.message),
			Command: fmt.Sprintf("kubectl -n %s describe pod %s", strings.Split(pods[0], "/")[0], strings.Split(pods[0], "/")[1])}
		if len(pods) > 1 {
			finding.Summary = fmt.Sprintf("%d pods do not start on node %s (%s, …): %s", len(pods), at.node, pods[0], at.message)
		}
		found = append(found, finding)
	}
	return found
}

// cause cuts kubelet's message down to what the CNI plugin said: the rest names the sandbox, and differs between pods.
func cause(message string) string {
	for _, mark := range []string{`failed (add): `, "failed to setup network for sandbox "} {
		if i := strings.LastIndex(message, mark); i >= 0 {
			return message[i+len(mark):]
		}
	}
	return message
}

func podsWithoutTheirPool(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for i := range c.Pods {
		p := &c.Pods[i]
		for _, f := range inspect.Families() {
			key := strings.ToLower(f.String()) + "pools"
			var wanted []string
			if json.Unmarshal([]byte(p.Wants[key]), &wanted) != nil {
				continue
			}
			for _, name := range wanted {
				if why := c.cannotGive(name, f); why != "" {
					found = append(found, inspect.Finding{Subject: "pod " + p.Namespace + "/" + p.Name, Node: p.Node, Family: f,
						Summary:  fmt.Sprintf("pod %s/%s asks for an %s address of pool %s, %s", p.Namespace, p.Name, f, name, why),
						Evidence: []string{fmt.Sprintf("annotation cni.projectcalico.org/%s is %s", key, p.Wants[key])}})
				}
			}
		}
	}
	return found
}

// cannotGive returns why a pool, named by its name or range, gives no address of a family, or the empty string.
func (c *Cluster) cannotGive(name string, f inspect.Family) string {
	for i := range c.Pools {
		p := &c.Pools[i]
		if p.Name != name && p.CIDR.String() != name {
			continue
		}
		switch {
		case p.Family() != f:
			return fmt.Sprintf("which is %s", p.Family())
		case !forPods(p):
			return "which is disabled, or not for pods"
		default:
			return ""
		}
	}
	return "which does not exist"
}
