package redact

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// The words that say nothing about a cluster, by kind. Others are replaced.

func facts() []string {
	var all []string
	for _, f := range inspect.Facts() {
		all = append(all, string(f))
	}
	return all
}

// commonNamespaces are those of Kubernetes, Calico and kind.
func commonNamespaces() []string {
	return []string{
		"default", "kube-system", "kube-public", "kube-node-lease", calico.SystemNamespace, "calico-apiserver", "tigera-operator",
		"local-path-storage",
	}
}

// commonLabels are keys of labels. A domain alone is no reason to keep one: administrators put their labels below
// node-restriction.kubernetes.io/, and any user may write below k8s.io.
func commonLabels() []string {
	return []string{
		"app", "k8s-app", "component", "tier", "name", "pod-template-hash", "controller-revision-hash", "pod-template-generation",
		"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/component",
		"app.kubernetes.io/part-of", "app.kubernetes.io/managed-by",
		"kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch", "kubernetes.io/metadata.name",
		"kubernetes.io/cluster-service", "kubernetes.io/name", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
		"beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type", "node.kubernetes.io/exclude-from-external-load-balancers",
		"topology.kubernetes.io/region", "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
		"failure-domain.beta.kubernetes.io/zone", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
		"projectcalico.org/operator-node-migration",
	}
}

func phases() []string { return []string{"Pending", "Running", "Succeeded", "Failed", "Unknown"} }

func protocols() []string { return []string{"TCP", "UDP", "SCTP"} }

func appProtocols() []string {
	return []string{"http", "https", "http2", "grpc", "tcp", "tls", "kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"}
}

func serviceTypes() []string {
	return []string{"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"}
}

func familyPolicies() []string {
	return []string{"SingleStack", "PreferDualStack", "RequireDualStack"}
}

func trafficPolicies() []string { return []string{"Cluster", "Local"} }

// backends are the words of Felix's iptablesBackend and nftablesMode.
func backends() []string {
	return []string{"Auto", "NFT", "Legacy", "Enabled", "Disabled", "auto", "nft", "legacy", "enabled", "disabled"}
}

// proxyModes are the modes of kube-proxy, and the kinds of rules of a node.
func proxyModes() []string { return []string{"iptables", "ipvs", "nftables", "nft", "legacy"} }

// clusterRoutes are the values of programClusterRoutes.
func clusterRoutes() []string {
	return []string{felix.RoutesAll, felix.RoutesNone, felix.RoutesIPIP, felix.RoutesNoEncap}
}

// operatorWords are those of an Installation (github.com/tigera/operator/api/v1/installation_types.go).
func operatorWords() []string {
	return []string{
		"Calico", "GKE", "AmazonVPC", "AzureVNET", "HostLocal", "Enabled", "Disabled", "Iptables", "BPF", "Nftables", "VPP",
		"IPIP", "VXLAN", "IPIPCrossSubnet", "VXLANCrossSubnet", "None",
	}
}

// valueWords are the values of calico-node's variables, and the ways in which it finds a node's address.
func valueWords() []string {
	return []string{
		"autodetect", "none", "true", "false", "bird", "vxlan", "Never", "Always", "CrossSubnet", "all()", "first-found",
		"kubernetes-internal-ip", "firstFound", "kubernetes=NodeInternalIP", "can-reach", "interface", "skip-interface", "cidr",
		"canReach", "skipInterface", "cidrs",
	}
}

// sessionKinds are the kinds of BGP sessions.
func sessionKinds() []string {
	return []string{
		string(inspect.SessionMesh), string(inspect.SessionGlobal), string(inspect.SessionNode), string(inspect.SessionWorkload), string(inspect.SessionOther),
	}
}

// sessionStates are BIRD's states of a session (proto/bgp/bgp.c).
func sessionStates() []string {
	return []string{"Idle", "Connect", "Active", "OpenSent", "OpenConfirm", inspect.Established, "Close", inspect.Passive, "Down"}
}

// sessionErrors are errors of a session (proto/bgp/packets.c; Linux' own for sockets).
func sessionErrors() []string {
	var all []string
	for _, who := range []string{"BGP Error: ", "Received: ", "Error: "} {
		for _, what := range []string{"Bad peer AS", "Hold timer expired", "Administrative shutdown", "Administrative reset", "Peer de-configured",
			"Connection rejected", "Connection collision resolution", "Bad BGP identifier", "Unacceptable hold time", "Cease", "Other configuration change"} {
			all = append(all, who+what)
		}
	}
	for _, what := range []string{"Connection closed", "Connection refused", "Connection reset by peer", "Connection timed out", "No route to host",
		"Network is unreachable", "Network unreachable", "Host is unreachable"} {
		all = append(all, "Socket: "+what)
	}
	return all
}

// policyKinds are the kinds of network policies.
func policyKinds() []string {
	return []string{
		"NetworkPolicy", "Calico NetworkPolicy", "GlobalNetworkPolicy", "AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy",
	}
}

// calicoTiers are the tiers that Calico makes itself.
func calicoTiers() []string {
	return []string{
		"default", calico.TierAdminPolicies, calico.TierBaselinePolicies, calico.TierKubeAdmin, calico.TierKubeBaseline,
		"allow-tigera", "calico-system",
	}
}

func policyProtocols() []string { return append(protocols(), "UDPLite", "ICMP", "ICMPv6") }

// eventReasons are those of the kubelet (pkg/kubelet/events/event.go), and of what gives out addresses of load balancers.
func eventReasons() []string {
	return []string{
		"FailedCreatePodSandBox", "NetworkNotReady", "Unhealthy", "BackOff", "FailedScheduling", "FailedMount", "Failed",
		"NodeNotReady", "AllocationFailed", "SyncLoadBalancerFailed",
	}
}

func apiGroups() []string { return []string{calico.CRDv1, calico.APIv3} }

func routeSources() []string { return []string{"CalicoIPAM", "WorkloadIPs"} }

func encapModes() []string {
	return []string{string(inspect.EncapNever), string(inspect.EncapAlways), string(inspect.EncapCrossSubnet)}
}

func allowedUses() []string { return []string{"Workload", "Tunnel", "LoadBalancer"} }

func assignmentModes() []string { return []string{"Automatic", "Manual"} }

// allocationTypes are the types of addresses that no pod has (libcalico-go/lib/ipam).
func allocationTypes() []string {
	return []string{
		"ipipTunnelAddress", "vxlanTunnelAddress", "vxlanV6TunnelAddress", "wireguardTunnelAddress", "wireguardV6TunnelAddress",
	}
}

// tunnelHandles begin the handles of tunnels' addresses (node/pkg/allocateip).
func tunnelHandles() []string {
	return []string{
		"ipip-tunnel-addr-", "vxlan-tunnel-addr-", "vxlan-v6-tunnel-addr-", "wireguard-tunnel-addr-", "wireguard-v6-tunnel-addr-",
	}
}

// The words of iproute2 (lib/rt_names.c, ip/iproute.c, ip/ipneigh.c).

func linkKinds() []string {
	return []string{
		"vxlan", "veth", "bridge", "dummy", "bond", "team", "vlan", "macvlan", "macvtap", "ipvlan", "ipip", "sit", "ip6tnl", "gre",
		"gretap", "ip6gre", "vti", "vti6", "wireguard", "tun", "ifb", "vrf", "geneve", "nlmon", "ovs", "openvswitch",
	}
}

func scopes() []string { return []string{"global", "site", "link", "host", "nowhere"} }

func routeTables() []string { return []string{"main", "local", "default", "unspec"} }

func routeTypes() []string {
	return []string{
		"unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit", "throw", "nat",
	}
}

func routeProtocols() []string {
	return []string{
		"boot", "kernel", "static", "redirect", "ra", "dhcp", "bird", "zebra", "bgp", "isis", "ospf", "rip", "eigrp", "babel",
		"openr", "mrouted", "keepalived", "xorp", "ntk", "gated", "dnrouted",
	}
}

func ruleActions() []string {
	return []string{"lookup", "goto", "nop", "blackhole", "unreachable", "prohibit", "masquerade"}
}

func neighborStates() []string {
	return []string{"PERMANENT", "NOARP", "REACHABLE", "STALE", "NONE", "INCOMPLETE", "DELAY", "PROBE", "FAILED"}
}

// deviceSettings are the settings of a device that are read from /proc/sys/net.
func deviceSettings() []string {
	return []string{"rp_filter", "disable_ipv6", "forwarding", "accept_ra", "proxy_arp", "proxy_ndp"}
}

// corefileWords are the plugins of CoreDNS that can treat the families differently, with the words of their arguments.
func corefileWords() []string {
	return []string{"template", "rewrite", "dns64", "acl", "forward", "IN", "ANY", "A", "AAAA", ".", "/etc/resolv.conf", "type", "block", "filter",
		"allow", "drop", "net", "*", "stop", "continue", "rcode", "NOERROR", "NXDOMAIN", "REFUSED", "answer", "{", "}", ";"}
}
