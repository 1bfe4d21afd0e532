// Package calico holds Calico's fixed names, annotations and addresses. The inspectors and the lab share it, and neither
// has a copy. It imports nothing of the project, so a family is a bool here: ipv6 or not.
package calico

import (
	"crypto/sha1" //nolint:gosec // not for security: Calico derives names and addresses from this hash
	"encoding/hex"
	"net/netip"

	"github.com/distribution/reference"
)

// The names of calico-node, by the operator and by the manifests alike.
const (
	// NodeName names the DaemonSet calico-node and its container.
	NodeName = "calico-node"
	// NodeSelector selects the pods of calico-node. Any user may put this label on a pod: it alone proves nothing.
	NodeSelector = "k8s-app=" + NodeName
)

// Namespaces of calico-node: the operator's and the manifests'.
const (
	SystemNamespace   = "calico-system"
	ManifestNamespace = "kube-system"
)

// NodeNamespaces returns the namespaces that calico-node may run in, in order of priority. That of the manifests
// is first, since every cluster has it: if users may create namespaces, calico-system may belong to any user.
func NodeNamespaces() []string { return []string{ManifestNamespace, SystemNamespace} }

// The API groups that serve Calico's objects: the aggregated API server's (and of the native CRDs), and the CRDs'.
const (
	APIGroup  = "projectcalico.org"
	CRDGroup  = "crd.projectcalico.org"
	APIv3     = APIGroup + "/v3"
	CRDv1     = CRDGroup + "/v1"
	apiPrefix = APIGroup + "/"
	cniPrefix = "cni." + APIGroup + "/"
)

// The annotations that calico-node puts on nodes (libcalico-go/lib/backend/k8s/resources/node.go).
const (
	AnnotationIPv4Address = apiPrefix + "IPv4Address"
	AnnotationIPv6Address = apiPrefix + "IPv6Address"
	AnnotationIPv4Tunnel  = apiPrefix + "IPv4VXLANTunnelAddr"
	AnnotationIPv6Tunnel  = apiPrefix + "IPv6VXLANTunnelAddr"
	AnnotationTunnelMACv4 = apiPrefix + "VXLANTunnelMACAddr"
	AnnotationTunnelMACv6 = apiPrefix + "VXLANTunnelMACAddrV6"
	AnnotationASN         = apiPrefix + "ASNumber"
	AnnotationReflector   = apiPrefix + "RouteReflectorClusterID"
	AnnotationWireGuardV4 = apiPrefix + "IPv4WireguardInterfaceAddr"
	AnnotationWireGuardV6 = apiPrefix + "IPv6WireguardInterfaceAddr"
)

// The annotations that Calico's CNI plugin puts on pods (libcalico-go/lib/backend/k8s/conversion/constants.go).
const (
	AnnotationPodIP       = cniPrefix + "podIP"
	AnnotationPodIPs      = cniPrefix + "podIPs"
	AnnotationContainerID = cniPrefix + "containerID"
	AnnotationPodPrefix   = cniPrefix
)

// PodRequests names the annotations, without AnnotationPodPrefix, by which a pod asks for addresses
// (cni-plugin/pkg/k8s/k8s.go).
func PodRequests() []string { return []string{"ipv4pools", "ipv6pools", "ipAddrs", "ipAddrsNoIpam"} }

// The names of devices (felix/dataplane/linux/dataplanedefs/dataplane_defs.go, felix/config/config_params.go).
const (
	// InterfacePrefix begins the names of the nodes' ends of pods' veth pairs: Felix's interfacePrefix.
	InterfacePrefix = "cali"
	// IPIPDevice is the tunnel device of IPIP. There is none for IPv6.
	IPIPDevice = "tunl0"
)

// What BGP has where nothing is set: the AS number of nodes, and the port that BIRD listens on (libcalico-go/lib/backend/syncersv1/bgpsyncer;
// RFC 4271).
const (
	DefaultASN  = 64512
	DefaultPort = 179
)

// VXLANDevice names Felix's VXLAN device of a family.
func VXLANDevice(ipv6 bool) string {
	if ipv6 {
		return "vxlan-v6.calico"
	}
	return "vxlan.calico"
}

// WireGuardDevice names Felix's WireGuard device of a family.
func WireGuardDevice(ipv6 bool) string {
	if ipv6 {
		return "wg-v6.cali"
	}
	return "wireguard.cali"
}

// IsVXLANDevice reports whether a device has the name of one of Felix's VXLAN devices.
func IsVXLANDevice(name string) bool { return name == VXLANDevice(false) || name == VXLANDevice(true) }

// IsTunnelDevice reports whether a device has the name of one of Felix's tunnel devices, of any encapsulation. An address
// of such a device is never the node's own.
func IsTunnelDevice(name string) bool {
	return IsVXLANDevice(name) || name == IPIPDevice || name == WireGuardDevice(false) || name == WireGuardDevice(true)
}

// PodInterface names the node's end of a pod's veth pair: the prefix and the first eleven digits of the SHA-1 of
// "NAMESPACE.POD" (libcalico-go/lib/backend/k8s/conversion/workload_endpoint_default.go, VethNameForWorkload).
func PodInterface(namespace, pod string) string {
	sum := sha1.Sum([]byte(namespace + "." + pod)) //nolint:gosec // see the import
	return InterfacePrefix + hex.EncodeToString(sum[:])[:11]
}

// PodGateway is the next hop of a pod's default route. No device holds the IPv4 one: the node answers for it by proxy
// ARP. Every veth holds the IPv6 one, which is the link-local address of Felix's constant MAC address ee:ee:ee:ee:ee:ee.
func PodGateway(ipv6 bool) netip.Addr {
	if ipv6 {
		return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: 0xec, 9: 0xee, 10: 0xee, 11: 0xff, 12: 0xfe, 13: 0xee, 14: 0xee, 15: 0xee})
	}
	return netip.AddrFrom4([4]byte{169, 254, 1, 1})
}

// VTEPMAC is the Ethernet address that Felix gives the VXLAN device of a node, unless an annotation says otherwise: 0x66
// and the first five bytes of the SHA-1 of the node's name, with "-v6" appended for IPv6 (felix/calc/vxlan_resolver.go,
// vtepMACForHost).
func VTEPMAC(node string, ipv6 bool) [6]byte {
	if ipv6 {
		node += "-v6"
	}
	sum := sha1.Sum([]byte(node)) //nolint:gosec // see the import
	mac := [6]byte{0x66}
	copy(mac[1:], sum[:])
	return mac
}

// VXLANOverhead is what VXLAN adds to a packet over either family, in bytes: the outer IP header, 8 of UDP, 8 of VXLAN and the inner
// Ethernet header (felix/dataplane/linux/int_dataplane.go, vxlanMTUOverhead).
func VXLANOverhead(ipv6 bool) int {
	if ipv6 {
		return 70
	}
	return 50
}

// ImageTag returns the tag of an image reference, which is the version of Calico's images; the empty string where there
// is none, or the reference is not valid.
func ImageTag(image string) string {
	ref, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	if tagged, ok := ref.(reference.Tagged); ok {
		return tagged.Tag()
	}
	return ""
}

// The tiers in which Calico enforces the policies of Kubernetes for whole clusters (libcalico-go/lib/names/policy.go).
const (
	TierAdminPolicies    = "adminnetworkpolicy"         // AdminNetworkPolicy
	TierBaselinePolicies = "baselineadminnetworkpolicy" // BaselineAdminNetworkPolicy
	TierKubeAdmin        = "kube-admin"                 // ClusterNetworkPolicy, of its tier Admin
	TierKubeBaseline     = "kube-baseline"              // ClusterNetworkPolicy, of its tier Baseline
)
