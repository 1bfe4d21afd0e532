package inspect

import "net/netip"

// CalicoNode is the DaemonSet calico-node, as far as it says how nodes get their addresses.
type CalicoNode struct {
	Namespace string `json:"namespace,omitempty"`
	Version   string `json:"version,omitempty"` // the tag of its image
	// Env holds the variables that decide on addresses, pools and the backend, by name: IP, IP6, IP_AUTODETECTION_METHOD,
	// IP6_AUTODETECTION_METHOD, CALICO_NETWORKING_BACKEND, CALICO_IPV4POOL_… and CALICO_IPV6POOL_….
	Env map[string]string `json:"env,omitempty"`
	// Wanted and Available count the DaemonSet's pods, by its status.
	Wanted    int32 `json:"wanted,omitempty"`
	Available int32 `json:"available,omitempty"`
}

// CNI is the configuration of the CNI plugins that Calico installs on the nodes, from its ConfigMap.
type CNI struct {
	Source     string `json:"source,omitempty"` // the ConfigMap, NAMESPACE/NAME
	IPAM       string `json:"ipam,omitempty"`   // calico-ipam, host-local
	AssignIPv4 *bool  `json:"assignIPv4,omitempty"`
	AssignIPv6 *bool  `json:"assignIPv6,omitempty"`
	// Ranges are those of host-local: usePodCidr, usePodCidrIPv6, or prefixes.
	Ranges []string `json:"ranges,omitempty"`
	// PortMap is set where the plugin portmap serves hostPorts.
	PortMap bool `json:"portMap,omitempty"`
}

// IPAMConfig holds the settings of Calico's IPAM. A nil pointer is the default.
type IPAMConfig struct {
	StrictAffinity   *bool `json:"strictAffinity,omitempty"`
	AutoAllocate     *bool `json:"autoAllocateBlocks,omitempty"`
	MaxBlocksPerHost int   `json:"maxBlocksPerHost,omitempty"` // 0 is no limit
}

// Operator holds the Tigera operator's Installation and the status of its parts.
type Operator struct {
	Pools []OperatorPool `json:"pools,omitempty"` // spec.calicoNetwork.ipPools
	// PoolsUnset is set where the Installation names no pools, and the operator leaves them alone.
	PoolsUnset    bool             `json:"poolsUnset,omitempty"`
	CNI           string           `json:"cni,omitempty"`       // spec.cni.type: Calico, AmazonVPC, …
	IPAM          string           `json:"ipam,omitempty"`      // spec.cni.ipam.type: Calico, HostLocal, …
	BGP           string           `json:"bgp,omitempty"`       // Enabled, Disabled
	DataPlane     string           `json:"dataPlane,omitempty"` // Iptables, BPF, Nftables, VPP
	Autodetection ByFamily[string] `json:"autodetection,omitzero"`
	Parts         []OperatorPart   `json:"parts,omitempty"`
}

// OperatorPool is a pool that an Installation lists.
type OperatorPool struct {
	Name string `json:"name,omitempty"`
	// CIDR is the pool's range as it is written: the operator compares texts.
	CIDR          string `json:"cidr"`
	Encapsulation string `json:"encapsulation,omitempty"`
	NATOutgoing   string `json:"natOutgoing,omitempty"`
	NodeSelector  string `json:"nodeSelector,omitempty"`
}

// Prefix returns the pool's range, or the zero value if its text is none.
func (p OperatorPool) Prefix() netip.Prefix {
	prefix, err := netip.ParsePrefix(p.CIDR)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix.Masked()
}

// OperatorPart is a TigeraStatus.
type OperatorPart struct {
	Name      string `json:"name"`
	Available bool   `json:"available"`
	Degraded  string `json:"degraded,omitempty"` // "REASON: MESSAGE" where it is degraded
}
