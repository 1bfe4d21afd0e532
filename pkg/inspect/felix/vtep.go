package felix

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// VTEP is the end of the tunnels of one family on one node.
type VTEP struct {
	Node   string
	Tunnel netip.Addr  // of the tunnel device: the next hop of the routes to the node's blocks
	MAC    inspect.MAC // of the tunnel device
	Host   netip.Addr  // of the node: where the frames for MAC are sent
}

// VTEPs holds the VTEPs of all nodes in one family. They are numbered in order of the nodes' names, so that each of a
// thousand nodes can tick off its entries for the others without a map of its own.
type VTEPs struct {
	list     []VTEP
	byNode   map[string]int
	byMAC    map[inspect.MAC]int
	byTunnel map[netip.Addr]int

	// These two know every node, also those without a VTEP.
	nodeOfMAC  map[inspect.MAC]string
	nodeOfHost map[netip.Addr]string
}

// NewVTEPs takes one VTEP for each node. A node whose Tunnel or Host is zero has none, but is still found by its other fields.
func NewVTEPs(nodes []VTEP) *VTEPs {
	v := &VTEPs{
		byNode:     make(map[string]int, len(nodes)),
		byMAC:      make(map[inspect.MAC]int, len(nodes)),
		byTunnel:   make(map[netip.Addr]int, len(nodes)),
		nodeOfMAC:  make(map[inspect.MAC]string, len(nodes)),
		nodeOfHost: make(map[netip.Addr]string, len(nodes)),
	}
	for _, vtep := range nodes {
		v.nodeOfMAC[vtep.MAC] = vtep.Node
		if vtep.Host.IsValid() {
			v.nodeOfHost[vtep.Host] = vtep.Node
		}
		if vtep.Host.IsValid() && vtep.Tunnel.IsValid() {
			v.list = append(v.list, vtep)
		}
	}
	slices.SortFunc(v.list, func(a, b VTEP) int { return strings.Compare(a.Node, b.Node) })
	for i, vtep := range v.list {
		v.byNode[vtep.Node] = i
		v.byMAC[vtep.MAC] = i
		v.byTunnel[vtep.Tunnel] = i
	}
	return v
}

// Len is the number of VTEPs.
func (v *VTEPs) Len() int { return len(v.list) }

// At returns VTEP number i.
func (v *VTEPs) At(i int) *VTEP { return &v.list[i] }

// OfNode returns the number of a node's VTEP.
func (v *VTEPs) OfNode(name string) (int, bool) { return found(v.byNode, name) }

// WithMAC returns the number of the VTEP that has the MAC address.
func (v *VTEPs) WithMAC(mac inspect.MAC) (int, bool) { return found(v.byMAC, mac) }

// WithTunnel returns the number of the VTEP that has the tunnel address.
func (v *VTEPs) WithTunnel(a netip.Addr) (int, bool) { return found(v.byTunnel, a) }

// NodeOf names the node that has the MAC address of a tunnel device, or else the node that has an address, whether or not
// it has a VTEP: a node that has lost its tunnel address can still be in the tables of the others. The empty string is
// none.
func (v *VTEPs) NodeOf(mac inspect.MAC, host netip.Addr) string {
	if name, ok := v.nodeOfMAC[mac]; ok {
		return name
	}
	return v.nodeOfHost[host]
}

func found[K comparable](m map[K]int, k K) (int, bool) {
	i, ok := m[k]
	return i, ok
}
