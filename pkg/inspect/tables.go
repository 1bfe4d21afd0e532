package inspect

import "net/netip"

// NodeTable holds the kernel tables of one node, as iproute2 prints them (ip -j), trimmed. Every list is in the
// kernel's order.
type NodeTable struct {
	Links     []Link            `json:"links,omitempty"`
	Addresses []LinkAddress     `json:"addresses,omitempty"`
	Routes    []Route           `json:"routes,omitempty"` // both families, all tables but local
	Rules     []Rule            `json:"rules,omitempty"`
	Neighbors []Neighbor        `json:"neighbors,omitempty"`
	FDB       []FDBEntry        `json:"fdb,omitempty"`     // of the VXLAN devices
	Sysctls   map[string]string `json:"sysctls,omitempty"` // such as net.ipv6.conf.all.forwarding
}

// Link is a network device.
type Link struct {
	Index   int    `json:"index"`
	Name    string `json:"name"`
	Kind    string `json:"kind,omitempty"`   // vxlan, veth, bridge, …
	Parent  string `json:"parent,omitempty"` // the device that a vxlan device sends through
	Up      bool   `json:"up"`               // flag UP: set by the administrator
	LowerUp bool   `json:"lowerUp"`          // flag LOWER_UP: there is a carrier
	MTU     int    `json:"mtu"`              // bytes
	MAC     MAC    `json:"mac,omitzero"`
	// VXLAN is set for devices of kind vxlan.
	VXLAN *VXLAN `json:"vxlan,omitempty"`
	// RXPackets and TXPackets count the frames that the device received and sent.
	RXPackets uint64 `json:"rxPackets,omitempty"`
	TXPackets uint64 `json:"txPackets,omitempty"`
}

// VXLAN holds the fields that only a VXLAN device has.
type VXLAN struct {
	VNI       int        `json:"vni"`
	Port      int        `json:"port"`           // UDP destination port
	Local     netip.Addr `json:"local,omitzero"` // the VTEP: source of the outer header
	Learning  bool       `json:"learning"`       // Felix keeps it off
	FlowBased bool       `json:"external"`       // eBPF mode: one device for both families, no FDB
}

// LinkAddress is an address of a device.
type LinkAddress struct {
	Link      string       `json:"link"`
	Prefix    netip.Prefix `json:"prefix"`          // the address with its prefix length, not masked
	Scope     string       `json:"scope,omitempty"` // global, link, host
	Tentative bool         `json:"tentative,omitempty"`
	DADFailed bool         `json:"dadFailed,omitempty"`
}

// Family returns the family of the address.
func (a LinkAddress) Family() Family { return FamilyOf(a.Prefix.Addr()) }

// Route is a route of any table but local. A default route has a Dst of length 0.
type Route struct {
	Table    string       `json:"table,omitempty"` // empty is main
	Type     string       `json:"type,omitempty"`  // empty is unicast; blackhole, unreachable, prohibit, …
	Dst      netip.Prefix `json:"dst"`
	Gateway  netip.Addr   `json:"gateway,omitzero"`
	Dev      string       `json:"dev,omitempty"`
	Protocol string       `json:"protocol,omitempty"` // as ip prints it: "boot" where it prints none, "80", "kernel", "bird"
	Scope    string       `json:"scope,omitempty"`
	Source   netip.Addr   `json:"source,omitzero"` // prefsrc
	Metric   int          `json:"metric,omitempty"`
	MTU      int          `json:"mtu,omitempty"` // the route's own, not the device's
	OnLink   bool         `json:"onlink,omitempty"`
	Down     bool         `json:"down,omitempty"` // flags linkdown or dead: the kernel may not use it
}

// Family returns the family of the route's destination.
func (r Route) Family() Family { return FamilyOf(r.Dst.Addr()) }

// Rule is a routing policy rule.
type Rule struct {
	Family   Family       `json:"family"`
	Priority int          `json:"priority"`
	Src      netip.Prefix `json:"src,omitzero"` // zero is all
	Dst      netip.Prefix `json:"dst,omitzero"`
	Table    string       `json:"table,omitempty"`
	Action   string       `json:"action,omitempty"` // empty is a look-up in Table
	// Other is set when the rule has a condition that is not recorded here (a mark, an interface).
	Other bool `json:"other,omitempty"`
}

// Neighbor is an ARP or neighbour discovery entry of a device.
type Neighbor struct {
	Dev   string     `json:"dev"`
	IP    netip.Addr `json:"ip"`
	MAC   MAC        `json:"mac,omitzero"`
	State string     `json:"state"` // PERMANENT, REACHABLE, STALE, NOARP, FAILED, …
}

// FDBEntry is an entry of the forwarding database of a VXLAN device: frames to MAC are sent to VTEP.
type FDBEntry struct {
	Dev       string     `json:"dev"`
	MAC       MAC        `json:"mac"`
	VTEP      netip.Addr `json:"vtep,omitzero"`
	Permanent bool       `json:"permanent"`
}
