package check

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section kubernetes that are about what installers and cloud providers give.
const (
	CloudAddressesPending inspect.Code = "DS105"
	PodSubnetDiffers      inspect.Code = "DS106"
)

func rangeOfClusterRules() []Rule {
	return []Rule{
		{
			Code: CloudAddressesPending, Section: Kubernetes, Severity: inspect.SeverityError, Needs: []inspect.Fact{inspect.FactNodes},
			Title: "a node waits for its cloud provider",
			Why: "kubelet runs with --cloud-provider=external, so the node gets its addresses from the cloud controller manager. " +
				"That does not run, or does not know the machine, or refuses the addresses in --node-ip.",
			Mend:    "see the log of the cloud controller manager; without one, start kubelet without --cloud-provider=external",
			Reports: []string{"kubernetes/kubernetes#119060"},
			Find:    nodesOfNoCloud,
		},
		{
			Code: PodSubnetDiffers, Section: Kubernetes, Severity: inspect.SeverityWarning,
			Needs: []inspect.Fact{inspect.FactNodes, inspect.FactPools, inspect.FactServices, inspect.FactKubeadm},
			Title: "the pools are not in the pod range that the cluster was created with",
			Why: "kubeadm's podSubnet becomes the --cluster-cidr of the controller manager and of kube-proxy, which treats pods outside it as strangers. " +
				"A family that was added later is in the pools only.",
			Mend: "set podSubnet to the pools' ranges in ConfigMap kubeadm-config, then --cluster-cidr of kube-controller-manager and clusterCIDR " +
				"of ConfigMap kube-proxy, and restart both",
			Reports: []string{"rancher/rke2#5161", "k0sproject/k0s#7186"},
			Find:    podSubnetsDiffer,
		},
	}
}

func nodesOfNoCloud(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for _, n := range c.Nodes {
		if n.Uninitialized {
			found = append(found, inspect.Finding{Subject: "node " + n.Name, Node: n.Name,
				Summary: fmt.Sprintf("node %s waits for its cloud provider to initialize it", n.Name),
				Evidence: []string{"it has the taint node.cloudprovider.kubernetes.io/uninitialized",
					fmt.Sprintf("kubelet's --node-ip is %s, status.addresses has %s", list(n.NodeIPs), list(n.InternalIPs))}})
		}
	}
	return found
}

// podSubnetsDiffer finds families whose pools lie outside of kubeadm's range for pods.
func podSubnetsDiffer(c *Cluster) []inspect.Finding {
	if len(c.Kubeadm.PodSubnets) == 0 {
		return nil
	}
	var found []inspect.Finding
	for _, f := range inspect.Families() {
		var pools []netip.Prefix
		for i := range c.Pools {
			if p := &c.Pools[i]; p.Family() == f && forPods(p) {
				pools = append(pools, p.CIDR)
			}
		}
		overlaps := slices.ContainsFunc(c.Kubeadm.PodSubnets, func(subnet netip.Prefix) bool {
			return slices.ContainsFunc(pools, subnet.Overlaps)
		})
		if len(pools) > 0 && !overlaps {
			found = append(found, inspect.Finding{Subject: "cluster", Family: f,
				Summary: fmt.Sprintf("no %s pool is in the pod range of kubeadm", f),
				Evidence: []string{"podSubnet of ConfigMap kubeadm-config is " + list(c.Kubeadm.PodSubnets),
					fmt.Sprintf("the %s pools are %s", f, list(pools))}})
		}
	}
	return found
}

// serviceRanges returns the service ranges that the cluster says it has: in ServiceCIDR objects, or in kubeadm's
// configuration.
func (c *Cluster) serviceRanges() (ranges []netip.Prefix, source string) {
	if len(c.ServiceCIDRs) > 0 {
		return c.ServiceCIDRs, "the ServiceCIDR objects have"
	}
	return c.Kubeadm.ServiceSubnets, "serviceSubnet of ConfigMap kubeadm-config is"
}

func rangeOf(f inspect.Family) func(netip.Prefix) bool {
	return func(p netip.Prefix) bool { return inspect.FamilyOf(p.Addr()) == f }
}
