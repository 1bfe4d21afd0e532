package felix

import "k8s.io/apimachinery/pkg/util/version"

// Change names a difference between releases of Calico.
type Change string

// The differences between releases that change expectations.
const (
	TunnelRouteMTU      Change = "mtu of tunnel routes"
	TunnelAddressRoutes Change = "routes to all tunnel addresses"
	BorrowedTunnelRoute Change = "routes to borrowed tunnel addresses"
	IPv4RouteMetric     Change = "metric of IPv4 routes"
	ClusterRoutes       Change = "Felix makes routes without encapsulation"
	BIRDRoutes          Change = "BIRD makes the routes of chosen pools"
	IPIPByFelix         Change = "Felix makes the routes of IPIP pools by default"
	EBPFDualStack       Change = "eBPF serves both families"
	NodeGroups          Change = "FelixConfigurations for the nodes that they select"
	AdminPolicies       Change = "AdminNetworkPolicy and BaselineAdminNetworkPolicy are enforced"
	ClusterPolicies     Change = "ClusterNetworkPolicy is enforced"
)

// Difference is one row of the table of differences: the behaviour of the releases from Since to before Until.
type Difference struct {
	Change Change
	Since  string // "v3.31"
	Until  string // empty: the newest release known still does it
	What   string // a sentence
	Source string // of Calico, where it is decided
}

// Differences returns all differences between releases that the package knows, from v3.28 on. No other code compares
// versions. If the release is unknown, every variant is accepted.
func Differences() []Difference {
	return []Difference{
		{EBPFDualStack, "v3.28", "", "the eBPF data plane serves IPv4 and IPv6 at once; before, one of them",
			"release notes of v3.28; felix/dataplane/linux/int_dataplane.go"},
		{BorrowedTunnelRoute, "v3.29", "", "a tunnel address that a node has from another node's block gets a route of its own; " +
			"optional, since the block's route may cover it", "felix/dataplane/linux/route_mgr.go, isRemoteTunnelRoute"},
		{AdminPolicies, "v3.29", "v3.32", "AdminNetworkPolicies are enforced, in a tier of their own before the tier default, and (since v3.30) the " +
			"BaselineAdminNetworkPolicy after it; before and after, they have no effect", "release notes; libcalico-go/lib/backend/k8s/conversion/conversion.go"},
		{TunnelAddressRoutes, "v3.30", "v3.32", "every tunnel address gets a route of its own; optional, since the block's route " +
			"covers it", "felix/calc/l3_route_resolver.go, blockMatchesRoute (the correction)"},
		{TunnelRouteMTU, "v3.31", "", "routes through a tunnel have the mtu of its device; before, none",
			"felix/dataplane/linux/vxlan_mgr.go, tunnelRoute"},
		{ClusterRoutes, "v3.31", "", "Felix makes the routes of pools without encapsulation where programClusterRoutes says so; " +
			"before, only BIRD does; the routes of both are accepted", "felix/dataplane/linux/noencap_mgr.go"},
		{BIRDRoutes, "v3.32", "", "programClusterRoutes of BGPConfiguration chooses the pools whose routes BIRD makes, by default all; before, BIRD makes those of all pools",
			"confd/pkg/backends/calico/bgp_processor.go, clusterRoutePolicyFromBGPConfig"},
		{IPIPByFelix, "v3.33", "", "by default Felix makes the routes of IPIP pools (EnabledIPIPOnly) and BIRD those of pools without encapsulation " +
			"(EnabledNoEncapOnly); before, BIRD makes both", "felix/config/config_params.go, ProgramClusterRoutes; confd/pkg/backends/calico/bgp_processor.go"},
		{NodeGroups, "v3.32", "", "a FelixConfiguration with a nodeSelector holds for the nodes that it selects: it wins over \"default\", \"node.NAME\" wins over " +
			"it, and of several the oldest counts; before, nodeSelector does not exist", "api/pkg/apis/projectcalico/v3/felixconfig.go"},
		{ClusterPolicies, "v3.32", "", "ClusterNetworkPolicies are enforced, in the tiers kube-admin and kube-baseline; before, they have no effect",
			"release notes; libcalico-go/lib/backend/k8s/conversion/conversion.go"},
		{IPv4RouteMetric, "v3.32", "", "IPv4 routes may have metric 1024, as IPv6 routes always do; before, 0; 0 is accepted still",
			"felix/config/config_params.go, IPv4NormalRoutePriority"},
	}
}

// Release is a release of Calico. The zero value is an unknown one.
type Release struct{ version *version.Version }

// ReleaseOf reads a version such as "v3.28.5". Text that is none gives an unknown release.
func ReleaseOf(s string) Release {
	v, err := version.ParseGeneric(s)
	if err != nil {
		return Release{}
	}
	return Release{v}
}

// Known reports whether the release is known. Every variant of an unknown one is accepted.
func (r Release) Known() bool { return r.version != nil }

// Has reports whether a known release does what a change of the table says.
func (r Release) Has(c Change) bool {
	for _, d := range Differences() {
		if d.Change == c && r.Known() {
			return r.version.AtLeast(version.MustParseGeneric(d.Since)) &&
				(d.Until == "" || r.version.LessThan(version.MustParseGeneric(d.Until)))
		}
	}
	return false
}
