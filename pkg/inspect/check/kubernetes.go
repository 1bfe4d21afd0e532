package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section kubernetes.
const (
	NodeLacksInternalIP inspect.Code = "DS101"
	OnePodCIDR          inspect.Code = "DS102"
	OneServiceRange     inspect.Code = "DS103"
	NodeNotReady        inspect.Code = "DS104"
)

func kubernetesRules() []Rule { return slices.Concat(stackRules(), rangeOfClusterRules()) }

// stackRules ask whether nodes and services have both families.
func stackRules() []Rule {
	return []Rule{
		{
			Code: NodeLacksInternalIP, Section: Kubernetes, Severity: inspect.SeverityError,
			Follows: []inspect.Code{CloudAddressesPending},
			Title:   "a node has no InternalIP in a family that the cluster uses",
			Needs:   []inspect.Fact{inspect.FactNodes, inspect.FactPools, inspect.FactServices},
			Why: "kubelet reports the addresses of its flag --node-ip, or one that it finds itself; a cloud provider replaces them with its own. " +
				"Pods on the host's network, NodePorts and IP6=kubernetes-internal-ip then have one family too.",
			Mend: "start kubelet with --node-ip=IPV4,IPV6 (kubeadm: nodeRegistration.kubeletExtraArgs; k3s and rke2: node-ip), and have the cloud provider " +
				"report both",
			Reports: []string{"kubernetes/kubernetes#93598", "kubernetes/kubernetes#91940", "k3s-io/k3s#11488"},
			Find:    nodesWithoutInternalIP,
		},
		{
			Code: OnePodCIDR, Section: Kubernetes, Severity: inspect.SeverityError,
			Title: "a node lacks the pod range of a family, and pods get their addresses from these ranges",
			Needs: []inspect.Fact{inspect.FactNodes, inspect.FactBlocks, inspect.FactCNI},
			Why: "Kubernetes gives a node its podCIDRs when it is created, and never changes them: nodes from before the change to dual-stack keep one. " +
				"With host-local IPAM, pods get no address of the other family. Calico IPAM does not read podCIDRs.",
			Mend:    "set both ranges (kube-controller-manager: --cluster-cidr, --node-cidr-mask-size-ipv6), then delete and join the node again",
			Reports: []string{"rancher/rke2#3664", "k3s-io/k3s#4404", "k0sproject/k0s#7186"},
			Find:    nodesWithOnePodCIDR,
		},
		{
			Code: OneServiceRange, Section: Kubernetes, Severity: inspect.SeverityWarning,
			Title: "pods have both families, services only one",
			Needs: []inspect.Fact{inspect.FactNodes, inspect.FactPools, inspect.FactServices, inspect.FactServiceCIDRs, inspect.FactKubeadm},
			Why: "the API server has one service range and refuses services of the other family: \"ipfamily IPv6 is not configured on cluster\". " +
				"The sign: no service at all has an address of that family.",
			Mend:    "add a range of the other family: --service-cluster-ip-range=IPV4,IPV6 of the API server and the controller manager, or a ServiceCIDR object (Kubernetes 1.33)",
			Reports: []string{"kubernetes/kubernetes#100675"},
			Find:    oneServiceRange,
		},
		{
			Code: NodeNotReady, Section: Kubernetes, Severity: inspect.SeverityError,
			Title: "a node is not ready",
			Needs: []inspect.Fact{inspect.FactNodes},
			Why:   "kubelet does not report, or reports that it cannot run pods.",
			Mend:  "kubectl describe node NODE; on the node: journalctl -u kubelet",
			Find: func(c *Cluster) []inspect.Finding {
				var found []inspect.Finding
				for _, n := range c.Nodes {
					if !n.Ready {
						finding := inspect.Finding{Subject: "node " + n.Name, Node: n.Name,
							Summary: "node " + n.Name + " is not ready", Mend: "kubectl describe node " + n.Name}
						if n.NotReady != "" {
							finding.Evidence = []string{n.NotReady}
						}
						found = append(found, finding)
					}
				}
				return found
			},
		},
	}
}

// nodesWithoutInternalIP finds nodes that report no address in a family that another part of the cluster uses.
func nodesWithoutInternalIP(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		if len(internal(n, f)) > 0 {
			return
		}
		finding := inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
			Summary:  fmt.Sprintf("node %s has no %s InternalIP", n.Name, f),
			Evidence: []string{fmt.Sprintf("status.addresses has %s", list(n.InternalIPs))},
			Mend:     fmt.Sprintf("start its kubelet with --node-ip=%s,%s ADDRESS", list(n.InternalIPs), f)}
		if hasAddress(n.NodeIPs, f) {
			finding.Evidence = append(finding.Evidence, fmt.Sprintf("kubelet was started with --node-ip=%s: the cloud provider has not confirmed the %s one", list(n.NodeIPs), f))
			finding.Mend = "have the cloud provider report both addresses of its machine (its own dual-stack setting, or an address of the family on the machine)"
			found = append(found, finding)
			return
		}
		if t := c.table(n.Name); t != nil {
			if addresses := global(t, f); len(addresses) > 0 {
				a := addresses[0]
				finding.Evidence = append(finding.Evidence, fmt.Sprintf("its interface %s holds %s", a.Link, a.Prefix))
				finding.Mend = fmt.Sprintf("start its kubelet with --node-ip=%s,%s", list(n.InternalIPs), a.Prefix.Addr())
			} else {
				finding.Evidence = append(finding.Evidence, fmt.Sprintf("none of its interfaces holds a global %s address", f))
				finding.Mend = fmt.Sprintf("give the node a global %s address, then start its kubelet with both in --node-ip", f)
				if strings.HasPrefix(n.ProviderID, "kind://") {
					finding.Mend = "kind's network has no IPv6: remove it (docker network rm kind) and create the cluster again, with networking.ipFamily: dual"
				}
			}
		}
		found = append(found, finding)
	})
	return found
}

// hostLocal returns why pods take their addresses from their nodes' podCIDRs, or the empty string.
func (c *Cluster) hostLocal() string {
	switch {
	case c.Calico.CNI.IPAM == "host-local":
		return "the CNI configuration (ConfigMap " + c.Calico.CNI.Source + ") says host-local"
	case c.Calico.CNI.IPAM == "" && len(c.Blocks) == 0:
		return "there is no IPAM block: pods take their addresses from podCIDRs (host-local)"
	default:
		return ""
	}
}

// nodesWithOnePodCIDR finds nodes that lack a pod range where pods take their addresses from it.
func nodesWithOnePodCIDR(c *Cluster) []inspect.Finding {
	why := c.hostLocal()
	if why == "" {
		return nil
	}
	var found []inspect.Finding
	c.each(func(n *inspect.Node, f inspect.Family) {
		if len(n.PodCIDRs) == 0 || slices.ContainsFunc(n.PodCIDRs, rangeOf(f)) {
			return
		}
		finding := inspect.Finding{Subject: "node " + n.Name, Node: n.Name, Family: f,
			Summary:  fmt.Sprintf("node %s has no %s pod range, and its pods take their addresses from it", n.Name, f),
			Evidence: []string{fmt.Sprintf("spec.podCIDRs has %s", list(n.PodCIDRs)), why}}
		if !n.Created.IsZero() {
			finding.Evidence = append(finding.Evidence, "the node was created on "+n.Created.Format(time.DateOnly)+
				"; podCIDRs never change afterwards")
		}
		found = append(found, finding)
	})
	return found
}

// oneServiceRange finds a family that pods have and services cannot have.
func oneServiceRange(c *Cluster) []inspect.Finding {
	if !c.Dual() || len(c.Services) == 0 {
		return nil
	}
	for _, f := range inspect.Families() {
		if !slices.ContainsFunc(c.Pools, func(p inspect.IPPool) bool { return p.Family() == f }) {
			continue
		}
		finding := inspect.Finding{Subject: "cluster", Family: f}
		if ranges, source := c.serviceRanges(); len(ranges) > 0 {
			if slices.ContainsFunc(ranges, rangeOf(f)) {
				continue
			}
			finding.Summary = fmt.Sprintf("the cluster has no %s service range", f)
			finding.Evidence = []string{source + " " + list(ranges), fmt.Sprintf("pools give pods %s addresses", f)}
		} else {
			if slices.ContainsFunc(c.Services, func(s inspect.Service) bool { return hasAddress(s.ClusterIPs, f) }) {
				continue
			}
			finding.Summary = fmt.Sprintf("no service of the cluster has an %s address", f)
			finding.Evidence = []string{fmt.Sprintf("%d services were looked at; pools give pods %s addresses", len(c.Services), f)}
		}
		if !slices.ContainsFunc(c.Nodes, func(n inspect.Node) bool { return slices.ContainsFunc(n.PodCIDRs, rangeOf(f)) }) {
			finding.Evidence = append(finding.Evidence, fmt.Sprintf("no node has an %s podCIDR either: Kubernetes itself is single-stack", f))
		}
		return []inspect.Finding{finding}
	}
	return nil
}

func hasAddress(addresses []netip.Addr, f inspect.Family) bool {
	return slices.ContainsFunc(addresses, func(a netip.Addr) bool { return inspect.FamilyOf(a) == f })
}

// list names addresses or ranges, and says so where there are none.
func list[A interface {
	netip.Addr | netip.Prefix
	String() string
}](all []A) string {
	if len(all) == 0 {
		return "none"
	}
	text := all[0].String()
	for _, a := range all[1:] {
		text += "," + a.String()
	}
	return text
}
