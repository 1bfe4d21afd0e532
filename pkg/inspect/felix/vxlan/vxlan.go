// Package vxlan says what Felix programs for pools with vxlanMode Always or CrossSubnet: a tunnel device per family, with
// a neighbour and a forwarding entry for each other node, and routes through it (felix/calc/vxlan_resolver.go,
// felix/dataplane/linux/vxlan_mgr.go and route_mgr.go). The two families are separate, as in Felix.
package vxlan

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// Manager is the felix.Manager of VXLAN.
type Manager struct {
	cluster *felix.Cluster
	vteps   inspect.ByFamily[*felix.VTEPs]
	ofNode  inspect.ByFamily[[]int] // the number of each node's VTEP, by the number of the node; -1 for none
	pools   inspect.ByFamily[bool]  // whether there are any with VXLAN
	blocks  inspect.ByFamily[bool]  // whether there are any
}

// New implements felix.Maker.
func New(c *felix.Cluster) felix.Manager {
	m := &Manager{cluster: c}
	for _, f := range inspect.Families() {
		m.addVTEPs(f)
	}
	for i := range c.Snapshot().Pools {
		if p := &c.Snapshot().Pools[i]; m.Applies(p) {
			m.pools.Set(p.Family(), true)
		}
	}
	for i := range c.Snapshot().Blocks {
		m.blocks.Set(c.Snapshot().Blocks[i].Family(), true)
	}
	return m
}

// addVTEPs finds the VTEPs of a family: a node has one when it has both an address and a tunnel address of the family
// (vxlan_resolver.go, hasVTEPInfo).
func (m *Manager) addVTEPs(f inspect.Family) {
	nodes := m.cluster.Nodes()
	all, ofNode := make([]felix.VTEP, len(nodes)), make([]int, len(nodes))
	for i, n := range nodes {
		all[i] = felix.VTEP{Node: n.Name, Tunnel: n.Tunnel.Get(f), MAC: tunnelMAC(n, f), Host: n.Address.Get(f).Addr()}
	}
	vteps := felix.NewVTEPs(all)
	for i, n := range nodes {
		ofNode[i] = -1
		if v, ok := vteps.OfNode(n.Name); ok {
			ofNode[i] = v
		}
	}
	m.vteps.Set(f, vteps)
	m.ofNode.Set(f, ofNode)
}

// tunnelMAC is the annotated address of the tunnel device, or else the one that follows from the node's name
// (vxlan_resolver.go, vtepMACForHost).
func tunnelMAC(n *inspect.Node, f inspect.Family) inspect.MAC {
	if mac := n.TunnelMAC.Get(f); !mac.IsZero() {
		return mac
	}
	return calico.VTEPMAC(n.Name, f.Is6())
}

// Applies implements felix.Manager.
func (*Manager) Applies(p *inspect.IPPool) bool {
	return p.VXLANMode == inspect.EncapAlways || p.VXLANMode == inspect.EncapCrossSubnet
}

// VTEPs implements felix.Manager.
func (m *Manager) VTEPs(f inspect.Family) *felix.VTEPs { return m.vteps.Get(f) }

// On implements felix.Manager.
func (m *Manager) On(n *felix.Node, f inspect.Family) felix.Way {
	own, ok := m.vteps.Get(f).OfNode(n.Name)
	if !ok {
		own = -1
	}
	w := &way{Manager: m, node: n, family: f, runs: m.runs(n, f), own: own, vteps: m.vteps.Get(f), ofNode: m.ofNode.Get(f),
		device: calico.VXLANDevice(f.Is6()), parent: n.Parent(f),
		proto: n.Settings.OwnRouteProtocol(), deviceProto: n.Settings.RouteProtocol}
	w.mtu = tunnelMTU(m.cluster.Release(), w.deviceMTU())
	return w
}

// runs reports whether Felix runs VXLAN on a node. It counts disabled pools too: they assign no new addresses, but
// assigned ones are still routed. vxlanEnabled is older than IPv6 and overrides the pools for IPv4 alone
// (encapsulation_resolver.go).
func (m *Manager) runs(n *felix.Node, f inspect.Family) bool {
	switch enabled := n.Settings.VXLANEnabled; {
	case f == inspect.IPv4 && enabled != nil:
		return *enabled
	case f == inspect.IPv6 && !n.Settings.IPv6Support:
		return false
	default:
		return m.pools.Get(f)
	}
}

// tunnelMTU is the mtu metric of tunnel routes.
func tunnelMTU(r felix.Release, device int) felix.MTU {
	switch {
	case !r.Known():
		return felix.MTU{Value: device, Optional: true, Any: device == 0}
	case r.Has(felix.TunnelRouteMTU):
		return felix.MTU{Value: device, Any: device == 0}
	default:
		return felix.MTU{}
	}
}

// way is Felix's VXLAN on one node in one family.
type way struct {
	*Manager
	node        *felix.Node
	family      inspect.Family
	runs        bool
	own         int // the number of the node's VTEP; -1 for none
	vteps       *felix.VTEPs
	ofNode      []int
	device      string
	parent      string
	proto       int // of direct routes and blackholes
	deviceProto int // of the routes on the tunnel device
	mtu         felix.MTU
}

// Runs implements felix.Way.
func (w *way) Runs() bool { return w.runs }

// Omits implements felix.Way.
func (w *way) Omits(p felix.Part) string {
	switch {
	case p != felix.Routes:
		return ""
	case w.node.Settings.RouteSyncDisabled:
		return felix.NoRouteSync
	case w.node.Settings.RouteSource == felix.RouteSourceWorkloads:
		return felix.WorkloadRoutes
	case w.vteps.Len() > 0 && !w.blocks.Get(w.family) && w.cluster.Lacks(inspect.FactBlocks, "") == "":
		return felix.HostLocalIPAM
	default:
		return ""
	}
}

// host is the node's own address.
func (w *way) host() netip.Addr { return w.node.Facts().Address.Get(w.family).Addr() }
