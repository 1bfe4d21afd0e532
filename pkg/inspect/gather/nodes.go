package gather

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The labels that give a node roles; the second is an old one.
const (
	labelNodeRolePrefix    = "node-role.kubernetes.io/"
	labelNodeRoleByItsName = "kubernetes.io/role"
)

// What kubelet and cloud providers leave on nodes (k8s.io/cloud-provider/api/well_known_annotations.go, …_taints.go).
const (
	annotationNodeIP   = "alpha.kubernetes.io/provided-node-ip"
	taintUninitialized = "node.cloudprovider.kubernetes.io/uninitialized"
)

func (g *gatherer) readNodes(ctx context.Context) error {
	nodes, err := g.nodes(ctx)
	g.snap.Nodes = nodes
	return err
}

func (g *gatherer) listNodes(ctx context.Context) ([]inspect.Node, error) {
	names, selector := g.req.subject(inspect.FactNodes)
	api := g.cluster.Kubernetes.CoreV1().Nodes()
	var all []inspect.Node
	for _, name := range names {
		node, err := api.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, errorf("get", "nodes", "", err)
		}
		all = append(all, readNode(node))
	}
	if len(names) == 0 {
		opts := metav1.ListOptions{LabelSelector: selector}
		err := eachItem(ctx, api.List, opts, func(node *corev1.Node) error {
			all = append(all, readNode(node))
			return nil
		})
		if err != nil {
			return nil, errorf("list", "nodes", "", err)
		}
	}
	return all, nil
}

// readNode keeps the fields of a node that we use. As in Calico, an annotation that cannot be read counts as absent.
func readNode(n *corev1.Node) inspect.Node {
	a := n.Annotations
	node := inspect.Node{
		Name:          n.Name,
		ProviderID:    n.Spec.ProviderID,
		BootID:        n.Status.NodeInfo.BootID,
		Labels:        n.Labels,
		Roles:         roles(n.Labels),
		OS:            n.Status.NodeInfo.OperatingSystem,
		KernelVersion: n.Status.NodeInfo.KernelVersion,

		Created:          n.CreationTimestamp.UTC(),
		ContainerRuntime: n.Status.NodeInfo.ContainerRuntimeVersion,
		NodeIPs:          parseAddrs(a[annotationNodeIP]),
		Uninitialized: slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool {
			return t.Key == taintUninitialized
		}),
		Address: inspect.ByFamily[netip.Prefix]{
			V4: parsePrefix(a[calico.AnnotationIPv4Address], inspect.IPv4),
			V6: parsePrefix(a[calico.AnnotationIPv6Address], inspect.IPv6),
		},
		Tunnel: inspect.ByFamily[netip.Addr]{
			V4: parseAddr(a[calico.AnnotationIPv4Tunnel], inspect.IPv4),
			V6: parseAddr(a[calico.AnnotationIPv6Tunnel], inspect.IPv6),
		},
		TunnelMAC: inspect.ByFamily[inspect.MAC]{
			V4: parseMAC(a[calico.AnnotationTunnelMACv4]),
			V6: parseMAC(a[calico.AnnotationTunnelMACv6]),
		},
		ASN:            parseASN(a[calico.AnnotationASN]),
		RouteReflector: parseAddr(a[calico.AnnotationReflector], inspect.IPv4),
		WireGuard: inspect.ByFamily[netip.Addr]{
			V4: parseAddr(a[calico.AnnotationWireGuardV4], inspect.IPv4),
			V6: parseAddr(a[calico.AnnotationWireGuardV6], inspect.IPv6),
		},
	}
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			node.Ready = c.Status == corev1.ConditionTrue
			if !node.Ready {
				node.NotReady = reasonOf(c.Reason, c.Message)
			}
		}
	}
	for _, address := range n.Status.Addresses {
		if address.Type != corev1.NodeInternalIP {
			continue
		}
		if ip, err := netip.ParseAddr(address.Address); err == nil {
			node.InternalIPs = append(node.InternalIPs, ip.Unmap())
		}
	}
	for _, cidr := range n.Spec.PodCIDRs {
		if prefix, err := netip.ParsePrefix(cidr); err == nil {
			node.PodCIDRs = append(node.PodCIDRs, prefix.Masked())
		}
	}
	return node
}

// roles lists a node's roles as kubectl does, sorted.
func roles(labels map[string]string) []string {
	var found []string
	for key, value := range labels {
		role, isRole := strings.CutPrefix(key, labelNodeRolePrefix)
		switch {
		case isRole && role != "":
			found = append(found, role)
		case key == labelNodeRoleByItsName && value != "":
			found = append(found, value)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// parseAddr reads a plain address of the family. Any other text, or a zone, gives the zero value.
func parseAddr(s string, f inspect.Family) netip.Addr {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" || addr.Is4In6() || inspect.FamilyOf(addr) != f {
		return netip.Addr{}
	}
	return addr
}

// parseAddrs reads a list of addresses, and leaves out what is none.
func parseAddrs(list string) []netip.Addr {
	var all []netip.Addr
	for text := range strings.SplitSeq(list, ",") {
		if a, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil {
			all = append(all, a.Unmap().WithZone(""))
		}
	}
	return all
}

// parsePrefix reads an address of the family with its prefix length; the default is that of a single host.
func parsePrefix(s string, f inspect.Family) netip.Prefix {
	if addr := parseAddr(s, f); addr.IsValid() {
		return netip.PrefixFrom(addr, f.Bits())
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil || prefix.Addr().Is4In6() || inspect.FamilyOf(prefix.Addr()) != f {
		return netip.Prefix{}
	}
	return prefix
}

func parseMAC(s string) inspect.MAC {
	mac, err := inspect.ParseMAC(s)
	if err != nil {
		return inspect.MAC{}
	}
	return mac
}
