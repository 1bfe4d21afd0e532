package inspect

import (
	"net/netip"
	"strings"
	"time"
)

// Fact names a kind of facts that a Snapshot can hold. Analyses declare the facts that they need, and only those are
// gathered.
type Fact string

// The facts, named like their API resource if there is one.
const (
	FactNodes          Fact = "nodes"
	FactPods           Fact = "pods"
	FactServices       Fact = "services"
	FactEndpointSlices Fact = "endpointslices"
	FactPools          Fact = "ippools"
	FactBlocks         Fact = "ipamblocks"
	FactFelix          Fact = "felixconfigurations" // with the environment of the calico-node DaemonSet
	FactBGP            Fact = "bgpconfigurations"
	FactBGPPeers       Fact = "bgppeers"
	FactVersion        Fact = "clusterinformations"
	FactTables         Fact = "node tables" // the kernel's tables of each node
	FactLab            Fact = "lab"         // what `lab create` recorded in the cluster
	FactServiceCIDRs   Fact = "servicecidrs"
	FactKubeadm        Fact = "kubeadm-config"
	FactKubeProxy      Fact = "kube-proxy" // its configuration
	FactCoreDNS        Fact = "coredns"    // its configuration
	FactEvents         Fact = "events"
	FactPolicies       Fact = "networkpolicies" // of Kubernetes and of Calico
	FactCalicoNode     Fact = "calico-node"     // its DaemonSet
	FactCNI            Fact = "cni configuration"
	FactIPAMConfig     Fact = "ipamconfigs"
	FactOperator       Fact = "installations" // with tigerastatuses
	FactNAT            Fact = "nat rules"     // of kube-proxy and hostPorts, on each node
	FactBIRD           Fact = "bgp sessions"  // of each node's BIRD
)

// Facts returns all facts, as a recording has them.
func Facts() []Fact {
	return []Fact{
		FactNodes, FactPods, FactServices, FactEndpointSlices, FactPools, FactBlocks, FactFelix, FactBGP, FactVersion, FactTables, FactLab,
		FactServiceCIDRs, FactKubeadm, FactKubeProxy, FactCoreDNS, FactEvents, FactPolicies, FactCalicoNode, FactCNI, FactIPAMConfig,
		FactOperator, FactNAT, FactBGPPeers, FactBIRD,
	}
}

// Snapshot holds the facts observed on a cluster, trimmed to those that inspectors use. Missing has the requested facts
// that could not be read, so that no inspector confuses "not read" with "not there".
type Snapshot struct {
	Taken    time.Time `json:"taken,omitzero"`
	Tool     string    `json:"tool,omitempty"`     // the version of this tool that took it
	Gathered []Fact    `json:"gathered,omitempty"` // the facts that were asked for
	Missing  []Missing `json:"missing,omitempty"`

	Nodes          []Node                    `json:"nodes,omitempty"`
	Pods           []Pod                     `json:"pods,omitempty"`
	Services       []Service                 `json:"services,omitempty"`
	EndpointSlices []EndpointSlice           `json:"endpointSlices,omitempty"`
	Pools          []IPPool                  `json:"ipPools,omitempty"`
	Blocks         []IPAMBlock               `json:"ipamBlocks,omitempty"`
	Calico         Calico                    `json:"calico,omitzero"`
	Lab            Lab                       `json:"lab,omitzero"`
	ServiceCIDRs   []netip.Prefix            `json:"serviceCIDRs,omitempty"` // of the ServiceCIDR objects (Kubernetes 1.33)
	Kubeadm        Kubeadm                   `json:"kubeadm,omitzero"`
	KubeProxy      KubeProxy                 `json:"kubeProxy,omitzero"`
	CoreDNS        CoreDNS                   `json:"coreDNS,omitzero"`
	Events         []Event                   `json:"events,omitempty"`
	Policies       []Policy                  `json:"policies,omitempty"`
	PolicyBasis    PolicyBasis               `json:"policyBasis,omitzero"`
	NAT            map[string]ByFamily[NAT]  `json:"nat,omitempty"`    // by node name
	BIRD           map[string]ByFamily[BIRD] `json:"bird,omitempty"`   // by node name
	Tables         map[string]NodeTable      `json:"tables,omitempty"` // by node name
}

// Missing is a requested fact that could not be read, wholly or for one node.
type Missing struct {
	Fact   Fact   `json:"fact"`
	Node   string `json:"node,omitempty"` // only for FactTables, FactNAT and FactBIRD
	Reason string `json:"reason"`         // one line, for people
	// Absent is set if the cluster does not have it: a Calico that is not installed, as opposed to one that may not be read.
	Absent bool `json:"absent,omitempty"`
}

// Lacks returns why a fact could not be read for a node ("" for facts of the whole cluster), or the empty string. There
// may be several reasons. A fact that is missing as a whole is missing for each node.
func (s *Snapshot) Lacks(f Fact, node string) string {
	return strings.Join(s.Reasons(f, node), "; ")
}

// Reasons returns those of Lacks one by one.
func (s *Snapshot) Reasons(f Fact, node string) []string {
	var reasons []string
	for _, m := range s.Missing {
		if m.Fact == f && (m.Node == "" || m.Node == node) {
			reasons = append(reasons, m.Reason)
		}
	}
	return reasons
}

// Node is a node of the cluster, with what Calico wrote into its annotations
// (libcalico-go/lib/backend/k8s/resources/node.go).
type Node struct {
	Name          string            `json:"name"`
	Labels        map[string]string `json:"labels,omitempty"` // pools select nodes by them
	Roles         []string          `json:"roles,omitempty"`  // sorted
	Ready         bool              `json:"ready"`
	InternalIPs   []netip.Addr      `json:"internalIPs,omitempty"` // in the API's order
	PodCIDRs      []netip.Prefix    `json:"podCIDRs,omitempty"`
	OS            string            `json:"os,omitempty"` // linux, windows
	KernelVersion string            `json:"kernelVersion,omitempty"`
	Created       time.Time         `json:"created,omitzero"`
	// ContainerRuntime is the runtime with its version: containerd://1.7.24, docker://28.3.2, cri-o://1.30.0.
	ContainerRuntime string `json:"containerRuntime,omitempty"`
	// NotReady is why the node is not ready, "REASON: MESSAGE" of its condition.
	NotReady string `json:"notReady,omitempty"`
	// NodeIPs are the addresses that kubelet was started with for a cloud provider to confirm: its --node-ip
	// (annotation alpha.kubernetes.io/provided-node-ip).
	NodeIPs []netip.Addr `json:"nodeIPs,omitempty"`
	// Uninitialized is set while the cloud provider has not given the node its addresses
	// (taint node.cloudprovider.kubernetes.io/uninitialized).
	Uninitialized bool `json:"uninitialized,omitempty"`
	// ProviderID is spec.providerID. That of a Kind node names its container (kind://docker/CLUSTER/CONTAINER).
	ProviderID string `json:"providerID,omitempty"`
	// BootID is status.nodeInfo.bootID, which changes with each start of the kernel. Only access reads it: it is not recorded.
	BootID string `json:"-"`

	// Address is the address that Calico uses for the node, with the prefix length that decides whether another
	// node is in the same subnet (projectcalico.org/IPv4Address, …/IPv6Address).
	Address ByFamily[netip.Prefix] `json:"address,omitzero"`
	// Tunnel is the address of the VXLAN device (projectcalico.org/IPv4VXLANTunnelAddr, …/IPv6VXLANTunnelAddr).
	Tunnel ByFamily[netip.Addr] `json:"tunnel,omitzero"`
	// TunnelMAC overrides the computed address of the VXLAN device; normally absent on Linux
	// (projectcalico.org/VXLANTunnelMACAddr, …/VXLANTunnelMACAddrV6).
	TunnelMAC ByFamily[MAC] `json:"tunnelMAC,omitzero"`
	// ASN is the node's own AS number, and RouteReflector its cluster ID as one (projectcalico.org/ASNumber,
	// …/RouteReflectorClusterID).
	ASN            ASN        `json:"asn,omitempty"`
	RouteReflector netip.Addr `json:"routeReflector,omitzero"`
	// WireGuard is the address of the WireGuard device (projectcalico.org/IPv4WireguardInterfaceAddr, …/IPv6…).
	WireGuard ByFamily[netip.Addr] `json:"wireGuard,omitzero"`
}

// Pod is a pod with its addresses.
type Pod struct {
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	UID         string `json:"uid,omitempty"`
	Node        string `json:"node,omitempty"`
	Phase       string `json:"phase,omitempty"`
	Ready       bool   `json:"ready"`
	HostNetwork bool   `json:"hostNetwork,omitempty"`
	// CalicoCNI is set if Calico's CNI plugin gave the pod its network: it then left its own annotation
	// (cni.projectcalico.org/containerID, …/podIP or …/podIPs).
	CalicoCNI      bool              `json:"calicoCNI,omitempty"`
	IPs            []netip.Addr      `json:"ips,omitempty"`    // status.podIPs, in the API's order
	Labels         map[string]string `json:"labels,omitempty"` // network policies and services select pods by them
	ServiceAccount string            `json:"serviceAccount,omitempty"`
	// Containers names the regular containers of the pod, the first being the one that exec enters by default.
	Containers []string        `json:"containers,omitempty"`
	Ports      []ContainerPort `json:"ports,omitempty"` // that the regular containers declare
	Created    time.Time       `json:"created,omitzero"`
	// CalicoIPs are the addresses that Calico's CNI plugin gave the pod (cni.projectcalico.org/podIPs).
	CalicoIPs []netip.Addr `json:"calicoIPs,omitempty"`
	// Wants holds what the pod asks of Calico's IPAM by its own annotations, by their names after
	// cni.projectcalico.org/: ipv4pools, ipv6pools, ipAddrs, ipAddrsNoIpam.
	Wants map[string]string `json:"wants,omitempty"`
	// Waiting is why a container does not run, "REASON: MESSAGE".
	Waiting string `json:"waiting,omitempty"`
	// Restarts counts those of the container that restarted most, and LastExit says how it ended the last time.
	Restarts int32  `json:"restarts,omitempty"`
	LastExit string `json:"lastExit,omitempty"`
}

// ContainerPort is a port that a container declares. Others may be open, too.
type ContainerPort struct {
	Name     string `json:"name,omitempty"`
	Protocol string `json:"protocol,omitempty"` // empty is TCP
	Port     int32  `json:"port"`
	HostPort int32  `json:"hostPort,omitempty"`
	// HostIP limits HostPort to an address; invalid for all of them.
	HostIP netip.Addr `json:"hostIP,omitzero"`
}

// Service is a service with its cluster addresses.
type Service struct {
	Namespace      string            `json:"namespace"`
	Name           string            `json:"name"`
	Labels         map[string]string `json:"labels,omitempty"` // -l selects services by them
	Type           string            `json:"type"`
	Headless       bool              `json:"headless,omitempty"`
	IPFamilyPolicy string            `json:"ipFamilyPolicy,omitempty"`
	IPFamilies     []Family          `json:"ipFamilies,omitempty"`
	ClusterIPs     []netip.Addr      `json:"clusterIPs,omitempty"`
	Ports          []ServicePort     `json:"ports,omitempty"`
	Selector       map[string]string `json:"selector,omitempty"`
	ExternalName   string            `json:"externalName,omitempty"`
	// InternalTrafficPolicy and ExternalTrafficPolicy are Cluster or Local; empty where they do not apply.
	InternalTrafficPolicy string       `json:"internalTrafficPolicy,omitempty"`
	ExternalTrafficPolicy string       `json:"externalTrafficPolicy,omitempty"`
	LoadBalancerClass     string       `json:"loadBalancerClass,omitempty"`
	Ingress               []netip.Addr `json:"ingress,omitempty"`      // of status.loadBalancer
	IngressNames          []string     `json:"ingressNames,omitempty"` // host names of status.loadBalancer
	ExternalIPs           []netip.Addr `json:"externalIPs,omitempty"`  // spec.externalIPs
}

// ServicePort is one port of a service.
type ServicePort struct {
	Name     string `json:"name,omitempty"`
	Protocol string `json:"protocol"`
	// AppProtocol is the protocol of the application, if the service names it: http, https, …
	AppProtocol string `json:"appProtocol,omitempty"`
	Port        int32  `json:"port"`
	TargetPort  string `json:"targetPort,omitempty"` // a number or the name of a container's port
	NodePort    int32  `json:"nodePort,omitempty"`
}

// EndpointSlice is a slice of the endpoints of one service in one family.
type EndpointSlice struct {
	Namespace string         `json:"namespace"`
	Name      string         `json:"name"`
	Service   string         `json:"service,omitempty"` // label kubernetes.io/service-name
	Family    Family         `json:"family"`            // addressType; zero for FQDN
	Ports     []EndpointPort `json:"ports,omitempty"`
	Endpoints []Endpoint     `json:"endpoints,omitempty"`
	// Settling is set if the slice changed less than Settled before it was read: the rules of nodes may follow still.
	Settling bool `json:"settling,omitempty"`
}

// Settled is how long after a change of endpoints the rules of nodes are the new ones, on a cluster that works. kube-proxy waits
// for up to ten seconds on large clusters, and writes all rules once more.
const Settled = 30 * time.Second

// EndpointPort is a port that the endpoints of a slice serve.
type EndpointPort struct {
	Name     string `json:"name,omitempty"`
	Protocol string `json:"protocol,omitempty"`
	Port     int32  `json:"port,omitempty"`
}

// Endpoint is one endpoint of a slice.
type Endpoint struct {
	Addresses []netip.Addr `json:"addresses"`
	Ready     bool         `json:"ready"` // a nil condition counts as ready, as the API says
	// Ends is set for one that still serves while its pod is terminating. Nodes use these only where none is ready.
	Ends bool   `json:"ends,omitempty"`
	Node string `json:"node,omitempty"`
	Pod  string `json:"pod,omitempty"` // targetRef, when it is a pod of the slice's namespace
}

// Lab is the record that `lab create` wrote into the cluster.
type Lab struct {
	Name     string                 `json:"name,omitempty"`
	External ByFamily[netip.Addr]   `json:"external,omitzero"` // the switch's loopback: external destinations
	Gateway  ByFamily[netip.Addr]   `json:"gateway,omitzero"`  // the switch's address in the nodes' VLAN
	Fabric   ByFamily[netip.Prefix] `json:"fabric,omitzero"`   // the subnet that switch and nodes share
}
