// Package felix computes, from the API facts of a Snapshot, what Felix must have programmed into the kernel of each
// node so that pods reach each other over VXLAN: the tunnel devices, their neighbour and forwarding entries, and the
// routes of the IPAM blocks. The two families are computed apart, as Felix does.
//
// From a node's own tables it takes only what Felix takes from there too: the interface that holds the node's address,
// and the MTU of the host's interfaces. It compares nothing and does no I/O; the inspectors hold what it says against
// what the kernel said.
//
// The rules are those of Felix from v3.28 on: felix/calc/vxlan_resolver.go, l3_route_resolver.go and
// encapsulation_resolver.go for what is wanted, felix/dataplane/linux/vxlan_mgr.go, route_mgr.go and felix/vxlanfdb for
// how it is programmed. What they say of other data planes (eBPF, IPIP, BGP, WireGuard, Windows) is recognised and left
// out by name: see Cluster.Omissions.
package felix
