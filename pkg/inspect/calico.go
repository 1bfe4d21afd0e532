package inspect

import (
	"net/netip"
	"time"
)

// Calico holds the facts of the Calico installation as a whole.
type Calico struct {
	// Version is ClusterInformation's calicoVersion ("v3.28.5"), or the tag of the calico-node image.
	Version string `json:"version,omitempty"`
	// APIGroup is where the objects were read: crd.projectcalico.org/v1 or projectcalico.org/v3.
	APIGroup string `json:"apiGroup,omitempty"`
	// Felix holds the FelixConfigurations: "default" for all nodes, "node.NAME" for one, others for the nodes that they select.
	Felix map[string]FelixSettings `json:"felix,omitempty"`
	// FelixEnv has the calico-node DaemonSet's settings by FELIX_… variables. It wins over FelixConfigurations.
	FelixEnv FelixSettings `json:"felixEnv,omitzero"`
	// BGP is BGPConfiguration "default", with the ports of those of single nodes.
	BGP   BGPSettings `json:"bgp,omitzero"`
	Peers []BGPPeer   `json:"bgpPeers,omitempty"`
	// Node is the DaemonSet calico-node.
	Node CalicoNode `json:"node,omitzero"`
	CNI  CNI        `json:"cni,omitzero"`
	IPAM IPAMConfig `json:"ipam,omitzero"`
	// Operator holds what the Tigera operator was told; nil where it does not run.
	Operator *Operator `json:"operator,omitempty"`
}

// FelixSettings are the settings of Felix that decide what it programs. A nil pointer or empty string is "not set here".
type FelixSettings struct {
	VXLANVNI            *int   `json:"vxlanVNI,omitempty"`
	VXLANPort           *int   `json:"vxlanPort,omitempty"`
	VXLANMTU            *int   `json:"vxlanMTU,omitempty"`   // bytes; 0 is automatic
	VXLANMTUV6          *int   `json:"vxlanMTUV6,omitempty"` // bytes; 0 is automatic
	VXLANEnabled        *bool  `json:"vxlanEnabled,omitempty"`
	IPv6Support         *bool  `json:"ipv6Support,omitempty"`
	BPFEnabled          *bool  `json:"bpfEnabled,omitempty"`
	WireGuardEnabled    *bool  `json:"wireguardEnabled,omitempty"`
	WireGuardEnabledV6  *bool  `json:"wireguardEnabledV6,omitempty"`
	DeviceRouteProtocol *int   `json:"deviceRouteProtocol,omitempty"`
	RouteSyncDisabled   *bool  `json:"routeSyncDisabled,omitempty"`
	RouteSource         string `json:"routeSource,omitempty"`     // CalicoIPAM, WorkloadIPs
	MTUIfacePattern     string `json:"mtuIfacePattern,omitempty"` // interfaces whose smallest MTU is the host's
	IptablesBackend     string `json:"iptablesBackend,omitempty"` // Auto, NFT, Legacy
	NFTablesMode        string `json:"nftablesMode,omitempty"`    // Disabled, Enabled, Auto (since v3.29)
	NATOutgoingAddress  string `json:"natOutgoingAddress,omitempty"`
	// ProgramClusterRoutes says for which pools Felix makes the routes (since v3.31), beside those by VXLAN: Enabled, Disabled,
	// EnabledIPIPOnly, EnabledNoEncapOnly.
	ProgramClusterRoutes string `json:"programClusterRoutes,omitempty"`
	// NodeSelector says for which nodes the object is (since v3.32), and Created which of several comes first.
	NodeSelector string    `json:"nodeSelector,omitempty"`
	Created      time.Time `json:"created,omitzero"`
}

// EncapMode is how a pool is encapsulated: Never, Always or CrossSubnet. Empty in the API reads as Never.
type EncapMode string

// The modes of IPPool's ipipMode and vxlanMode.
const (
	EncapNever       EncapMode = "Never"
	EncapAlways      EncapMode = "Always"
	EncapCrossSubnet EncapMode = "CrossSubnet"
)

// None reports whether there is no such encapsulation.
func (m EncapMode) None() bool { return m == "" || m == EncapNever }

// IPPool is a Calico IP pool, with the API's defaults filled in.
type IPPool struct {
	Name             string       `json:"name"`
	CIDR             netip.Prefix `json:"cidr"`
	BlockSize        int          `json:"blockSize"` // prefix length of a block; 26 or 122 where the API is silent
	IPIPMode         EncapMode    `json:"ipipMode"`
	VXLANMode        EncapMode    `json:"vxlanMode"`
	NATOutgoing      bool         `json:"natOutgoing,omitempty"`
	Disabled         bool         `json:"disabled,omitempty"`
	DisableBGPExport bool         `json:"disableBGPExport,omitempty"`
	NodeSelector     string       `json:"nodeSelector,omitempty"` // all() where the API is silent
	AllowedUses      []string     `json:"allowedUses,omitempty"`  // Workload and Tunnel where the API is silent
	AssignmentMode   string       `json:"assignmentMode,omitempty"`
}

// Family returns the family of the pool's CIDR.
func (p IPPool) Family() Family { return FamilyOf(p.CIDR.Addr()) }

// PoolOf returns the pool that an address is from, or nil: the longest of those that contain it, as Calico's own look-ups
// have it (felix/calc/l3_route_resolver.go uses a trie). Pools must not overlap, but a disabled one may lie within another.
func PoolOf(pools []IPPool, a netip.Addr) *IPPool {
	var best *IPPool
	for i := range pools {
		if p := &pools[i]; p.CIDR.Contains(a) && (best == nil || p.CIDR.Bits() > best.CIDR.Bits()) {
			best = p
		}
	}
	return best
}

// IPAMBlock is a block of addresses of a pool, normally affine to one node.
type IPAMBlock struct {
	CIDR netip.Prefix `json:"cidr"`
	// Node is the node that the block is affine to ("host:NAME"); empty for a virtual affinity or none.
	Node string `json:"node,omitempty"`
	// Affinity is the raw affinity where it is not a host's ("virtual:load-balancer").
	Affinity    string       `json:"affinity,omitempty"`
	Allocations []Allocation `json:"allocations,omitempty"` // the addresses in use, in order of address
}

// Allocation is an address of a block that is in use.
type Allocation struct {
	IP        netip.Addr `json:"ip"`
	Node      string     `json:"node,omitempty"`
	Handle    string     `json:"handle,omitempty"`
	Type      string     `json:"type,omitempty"` // vxlanTunnelAddress, vxlanV6TunnelAddress, …; empty for pods
	Namespace string     `json:"namespace,omitempty"`
	Pod       string     `json:"pod,omitempty"`
}

// Family returns the family of the block's CIDR.
func (b IPAMBlock) Family() Family { return FamilyOf(b.CIDR.Addr()) }

// Borrowed reports whether a node other than the block's uses an address of it.
func (b IPAMBlock) Borrowed(a Allocation) bool { return a.Node != "" && a.Node != b.Node }
