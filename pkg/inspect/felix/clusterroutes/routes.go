// Package clusterroutes says which routes lead to pools without VXLAN: those without encapsulation, and those of IPIP. BIRD makes them
// as it learns other nodes' blocks by BGP (confd/etc/calico/confd/templates); Felix does where programClusterRoutes says so
// (felix/dataplane/linux/noencap_mgr.go and ipip_mgr.go). Without encapsulation a packet goes to the node itself, or to a router; by IPIP
// it goes to the node's own address, through a tunnel device that needs no entry for it.
//
// It does not read BGP's configuration, so it accepts any next hop that may be a router's.
package clusterroutes

import (
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// Manager is the felix.Manager of one class of these pools.
type Manager struct {
	felix.NoOverlay
	cluster *felix.Cluster
	ipip    bool                   // the class: pools of IPIP, or else those without encapsulation
	pools   inspect.ByFamily[bool] // whether there are any
	blocks  bool                   // whether there are any, of either family
	// bird and felix tell whether any node has their routes to these pools.
	bird, felix bool
	read        bool // whether any node's tables were read
}

// Plain is the felix.Maker for pools without encapsulation.
func Plain(c *felix.Cluster) felix.Manager { return newManager(c, false) }

// IPIP is the felix.Maker for pools of IPIP, which are IPv4's alone.
func IPIP(c *felix.Cluster) felix.Manager { return newManager(c, true) }

func newManager(c *felix.Cluster, ipip bool) *Manager {
	s := c.Snapshot()
	m := &Manager{cluster: c, ipip: ipip, blocks: len(s.Blocks) > 0, read: len(s.Tables) > 0}
	for i := range s.Pools {
		if p := &s.Pools[i]; m.takes(p) {
			m.pools.Set(p.Family(), true)
		}
	}
	if m.pools.V4 || m.pools.V6 {
		for _, n := range c.Nodes() {
			m.look(n.Name)
		}
	}
	return m
}

// takes reports whether a pool is of the manager's class, and has blocks on nodes.
func (m *Manager) takes(p *inspect.IPPool) bool {
	return p.IPIPMode.None() != m.ipip && p.VXLANMode.None() && !felix.ForLoadBalancers(p)
}

// look notes whose routes to blocks of the pools a node has. The blackholes of its own blocks count: they are there even
// where BGP has no session.
func (m *Manager) look(node string) {
	t := m.cluster.Snapshot().Tables[node]
	for i := range t.Routes {
		if m.bird && m.felix {
			return
		}
		r := &t.Routes[i]
		if protocol := felix.ProtocolOf(r); protocol == felix.ProtocolBIRD && m.toBlock(r) {
			m.bird = true
		} else if protocol == felix.ProtocolFelix && m.toBlock(r) {
			m.felix = true
		}
	}
}

// toBlock reports whether a route of table main leads to a block of one of the pools, or to a part of one. A route to
// more than a block is somebody's aggregate.
func (m *Manager) toBlock(r *inspect.Route) bool {
	if r.Table != "" && r.Table != "main" {
		return false
	}
	pool := inspect.PoolOf(m.cluster.Snapshot().Pools, r.Dst.Addr())
	return pool != nil && m.takes(pool) && r.Dst.Bits() >= pool.BlockSize
}

// Applies implements felix.Manager.
func (m *Manager) Applies(p *inspect.IPPool) bool { return m.takes(p) && m.inUse() }

// inUse reports whether the routes are known to be BIRD's or Felix's. If neither makes routes to pools without encapsulation, the network
// does, and we know nothing of them. To those of IPIP it cannot lead.
func (m *Manager) inUse() bool { return m.bird || m.felix || !m.read || m.ipip }

// On implements felix.Manager.
func (m *Manager) On(n *felix.Node, f inspect.Family) felix.Way {
	w := &way{Manager: m, node: n, family: f, parent: n.Parent(f)}
	w.runs = m.pools.Get(f) && m.inUse() && (f == inspect.IPv4 || n.Settings.IPv6Support)
	if w.runs {
		w.aggregates = w.findAggregates()
	}
	return w
}

// way is what leads from one node to the pools of one family.
type way struct {
	*Manager
	node       *felix.Node
	family     inspect.Family
	runs       bool
	parent     string
	aggregates []netip.Prefix
}

// findAggregates returns the destinations larger than a block that the node learns by BGP: a router may announce a
// default route, or one for all of a pool, instead of the blocks.
func (w *way) findAggregates() []netip.Prefix {
	var all []netip.Prefix
	for i := range w.node.Table().Routes {
		r := &w.node.Table().Routes[i]
		if felix.ProtocolOf(r) == felix.ProtocolBIRD && felix.TypeOf(r) == felix.TypeUnicast && !w.toBlock(r) && !r.Dst.IsSingleIP() {
			all = append(all, r.Dst)
		}
	}
	return all
}

// Runs implements felix.Way.
func (w *way) Runs() bool { return w.runs }

// Omits implements felix.Way. What stops Felix from making routes does not stop BIRD.
func (w *way) Omits(p felix.Part) string {
	switch {
	case p != felix.Routes || !w.runs:
		return ""
	case !w.blocks && w.cluster.Lacks(inspect.FactBlocks, "") == "":
		return felix.HostLocalIPAM
	case w.bird || !w.felix:
		return ""
	case w.node.Settings.RouteSyncDisabled:
		return felix.NoRouteSync
	case w.node.Settings.RouteSource == felix.RouteSourceWorkloads:
		return felix.WorkloadRoutes
	default:
		return ""
	}
}

// Reasons for a route's kind.
const (
	reasonOnLink   = "the pool is not encapsulated, and the node is in the same subnet"
	reasonRouter   = "the pool is not encapsulated, and a router leads to the node"
	reasonAlways   = "the pool is always encapsulated, by IPIP"
	reasonOtherNet = "CrossSubnet, and the node is in another subnet: encapsulated by IPIP"
)

// Route implements felix.Way.
func (w *way) Route(d *felix.Destination) (felix.Route, bool) {
	switch {
	case !w.runs || d.Number < 0: // BGP forgets a node that is gone
		return felix.Route{}, false
	case d.Node == w.node.Name:
		return w.drop(d)
	case w.ipip && (d.Pool.IPIPMode == inspect.EncapAlways || !w.node.OnLink(w.family, d.Host)):
		return w.toTunnel(d), true
	case w.node.OnLink(w.family, d.Host):
		return w.toLink(d), true
	case w.felix && !w.bird: // Felix makes no routes to other subnets
		return felix.Route{}, false
	default:
		return w.toRouter(d), true
	}
}

// drop drops packets to unused addresses of the node's own blocks. A block of one address may have its pod's route
// instead.
func (w *way) drop(d *felix.Destination) (felix.Route, bool) {
	if d.Of != felix.Block || d.CIDR.IsSingleIP() {
		return felix.Route{}, false
	}
	h := felix.Hop{Type: felix.TypeBlackhole, Protocol: felix.AnyProtocol, AnyMetric: true, MTU: felix.MTU{Any: true}}
	r := felix.Route{Dst: d.CIDR, Kind: felix.Blackhole, Reason: felix.ReasonOwnBlock, Hops: [2]felix.Hop{h, h}}
	r.Hops[1].Type = felix.TypeUnreachable
	return r, true
}

// toLink leads to another node in the same subnet: directly, or by a router where BGP says so (a top-of-rack switch).
func (w *way) toLink(d *felix.Destination) felix.Route {
	reason := reasonOnLink
	if w.ipip {
		reason = felix.ReasonSameSubnet
	}
	r := w.remote(d, reason, w.nodeOrRouter(d))
	r.Via, r.Dev = d.Host, w.parent
	r.Hops[0].Via, r.Hops[0].Dev = r.Via, r.Dev
	return r
}

// nodeOrRouter accepts the node itself as a next hop, and what is no node.
func (w *way) nodeOrRouter(d *felix.Destination) func(netip.Addr) bool {
	return func(a netip.Addr) bool { return a == d.Host || a.IsValid() && w.cluster.NodeOf(w.family, a) == "" }
}

// toTunnel leads to another node through the IPIP device, which sends to the next hop itself: the node's own address (ipip_mgr.go,
// tunnelRoute; krt_tunnel in confd's templates), or a router's where BGP names one.
func (w *way) toTunnel(d *felix.Destination) felix.Route {
	reason := reasonAlways
	if d.Pool.IPIPMode == inspect.EncapCrossSubnet {
		reason = reasonOtherNet
	}
	r := w.remote(d, reason, w.nodeOrRouter(d))
	if r.Kind == felix.Direct {
		r.Kind = felix.Tunnel
	}
	r.Via, r.Dev = d.Host, calico.IPIPDevice
	r.Hops[0].Via, r.Hops[0].Dev, r.Hops[0].NotOnLink = r.Via, r.Dev, false
	return r
}

// toRouter leads to a node in another subnet, by any next hop.
func (w *way) toRouter(d *felix.Destination) felix.Route {
	return w.remote(d, reasonRouter, func(netip.Addr) bool { return true })
}

// remote leads to another node's block by the next hops that lead accepts.
func (w *way) remote(d *felix.Destination, reason string, lead func(netip.Addr) bool) felix.Route {
	r := felix.Route{Dst: d.CIDR, Kind: felix.Direct, Node: d.Node, Reason: reason, Multipath: true,
		Problem: w.problem(d), Optional: w.optional(d)}
	r.Hops[0] = felix.Hop{Type: felix.TypeUnicast, Protocol: felix.AnyProtocol, AnyMetric: true, NotOnLink: true,
		MTU: felix.MTU{Any: true}, Router: lead}
	if d.Of == felix.Address {
		r.Kind = felix.Borrowed
	}
	return r
}

// optional reports whether no route is needed: to tunnel addresses, to nodes that are down (BGP forgets them) or run
// Windows (with another BGP), and to destinations that a larger route covers.
func (w *way) optional(d *felix.Destination) bool {
	remote := w.cluster.Nodes()[d.Number]
	return d.Of == felix.TunnelAddress || !remote.Ready || remote.OS == "windows" ||
		slices.ContainsFunc(w.aggregates, func(p netip.Prefix) bool { return p.Contains(d.CIDR.Addr()) })
}

// problem says why a route may be absent, if the API tells.
func (w *way) problem(d *felix.Destination) string {
	switch {
	case !w.node.Facts().Address.Get(w.family).IsValid():
		return felix.WithoutAddress(w.node.Name, w.family)
	case !d.Host.IsValid():
		return felix.WithoutAddress(d.Node, w.family)
	default:
		return felix.NotExported(d.Pool)
	}
}

// Owns implements felix.Way: a route of BIRD's or Felix's to a block of the pools, or to a part of one. A blackhole of one
// address may belong to a block of one address.
func (w *way) Owns(r *inspect.Route) bool {
	protocol := felix.ProtocolOf(r)
	return w.runs && (protocol == felix.ProtocolBIRD || protocol == felix.ProtocolFelix) && w.toBlock(r) &&
		(felix.TypeOf(r) == felix.TypeUnicast || !r.Dst.IsSingleIP())
}
