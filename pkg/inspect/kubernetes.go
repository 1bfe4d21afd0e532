package inspect

import (
	"net/netip"
	"time"
)

// Kubeadm holds the ranges that a cluster was created with by kubeadm (ConfigMap kubeadm-config).
type Kubeadm struct {
	PodSubnets     []netip.Prefix `json:"podSubnets,omitempty"`
	ServiceSubnets []netip.Prefix `json:"serviceSubnets,omitempty"`
}

// KubeProxy is the configuration of kube-proxy (ConfigMap kube-proxy). The zero value means that there is none.
type KubeProxy struct {
	Found         bool           `json:"found,omitempty"`
	Mode          string         `json:"mode,omitempty"` // iptables, ipvs, nftables; empty is iptables
	ClusterCIDRs  []netip.Prefix `json:"clusterCIDRs,omitempty"`
	BindAddress   netip.Addr     `json:"bindAddress,omitzero"`
	NodePortCIDRs []string       `json:"nodePortAddresses,omitempty"` // prefixes, or "primary"
}

// CoreDNS is the configuration of the cluster's DNS, as far as it treats the families differently.
type CoreDNS struct {
	// Directives are the lines of plugins that can change or refuse answers: template, rewrite, dns64, acl, forward.
	Directives []string `json:"directives,omitempty"`
}

// Event is the last warning of a reason about an object.
type Event struct {
	Kind      string    `json:"kind"` // of the object: Pod, Node, Service
	Namespace string    `json:"namespace,omitempty"`
	Name      string    `json:"name"`
	Reason    string    `json:"reason"`
	Message   string    `json:"message,omitempty"`
	Last      time.Time `json:"last,omitzero"`
}

// NAT holds what the rules of a node translate in one family.
type NAT struct {
	// KubeProxy names the kinds of rules that kube-proxy's are found in: nft (iptables-nft), legacy (iptables-legacy),
	// nftables, ipvs.
	KubeProxy []string `json:"kubeProxy,omitempty"`
	Services  int      `json:"services,omitempty"`  // cluster addresses with a port that are translated
	NodePorts int      `json:"nodePorts,omitempty"` // node ports that are translated
	HostPorts []int    `json:"hostPorts,omitempty"` // ports that the CNI plugin portmap translates, ascending
	Felix     []string `json:"felix,omitempty"`     // the kinds of rules that Felix's are found in: nft, legacy, nftables
}

// NodePortRanges are the ranges of a family in nodePortAddresses; the word "primary" is none.
func (k *KubeProxy) NodePortRanges(f Family) []netip.Prefix {
	var ranges []netip.Prefix
	for _, text := range k.NodePortCIDRs {
		if p, err := netip.ParsePrefix(text); err == nil && FamilyOf(p.Addr()) == f {
			ranges = append(ranges, p)
		}
	}
	return ranges
}

// FrontendKind is the kind of an address that nodes translate.
type FrontendKind string

// The kinds, as Kubernetes calls them.
const (
	ClusterIP    FrontendKind = "ClusterIP"
	NodePort     FrontendKind = "NodePort"
	LoadBalancer FrontendKind = "LoadBalancer" // an address of status.loadBalancer
	ExternalIP   FrontendKind = "ExternalIP"   // an address of spec.externalIPs
	HostPort     FrontendKind = "HostPort"     // of a pod: the CNI plugin portmap translates it, and not kube-proxy
)

// Frontend is an address and port that a node translates to those of a pod.
type Frontend struct {
	Kind    FrontendKind `json:"kind"`
	Node    string       `json:"node"` // where it is translated
	Address netip.Addr   `json:"address"`
	Port    uint16       `json:"port"`
}

// ServiceRule is what a node's rules know of a frontend.
type ServiceRule struct {
	There bool
	Kind  string // of the rules: nft or legacy (iptables of either variant), nftables, ipvs; empty if none were found
}
