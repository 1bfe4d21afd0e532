package felix

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// RoutePlan is what one node must do with each of the destinations of a family. They are numbered by address, the same
// for all nodes.
type RoutePlan struct {
	dests    *destinations
	vteps    *VTEPs
	node     string
	subnet   netip.Prefix // of the node's own address: who is in it needs no tunnel
	enabled  bool
	local    bool
	parent   string
	device   string
	proto    int // of direct routes and blackholes
	devProto int // of the routes on the tunnel device
	mtu      mtuRule
}

// RoutePlan returns what the node must do with the destinations of a family.
func (n *Node) RoutePlan(f inspect.Family) *RoutePlan {
	return &RoutePlan{
		dests: n.cluster.dests.Get(f), vteps: n.cluster.VTEPs(f),
		node: n.Name, subnet: n.facts.Address.Get(f).Masked(),
		enabled: n.Settings.VXLAN.Get(f), local: n.Local(f),
		parent: n.parent.Get(f), device: calico.VXLANDevice(f.Is6()),
		proto: n.Settings.routeProtocol(), devProto: n.Settings.RouteProtocol,
		mtu: n.cluster.release.tunnelMTU(n.deviceMTU(f)),
	}
}

// tunnelMTU is the mtu metric of tunnel routes: from v3.31 on that of the device, none before.
func (r release) tunnelMTU(device int) mtuRule {
	switch {
	case !r.known():
		return mtuRule{value: device, optional: true, any: device == 0}
	case r.atLeast(3, 31):
		return mtuRule{value: device, any: device == 0}
	default:
		return mtuRule{}
	}
}

// Len is the number of destinations.
func (p *RoutePlan) Len() int { return len(p.dests.list) }

// Find returns the number of a destination.
func (p *RoutePlan) Find(dst netip.Prefix) (int, bool) { return found(p.dests.index, dst) }

// Route returns the route that the node must or may have to destination i, if any. Routes to the node's own pods are
// not among them.
func (p *RoutePlan) Route(i int) (Route, bool) {
	d := &p.dests.list[i]
	switch {
	case !p.enabled:
		return Route{}, false
	case d.node == p.node:
		return p.own(d)
	case d.kind == tunnelAddress:
		return p.toTunnelAddress(d)
	default:
		return p.remote(d)
	}
}

// own drops what is for unused addresses of the node's own blocks. A block of one address has no such (vxlan_mgr.go,
// routeIsLocalVXLANBlock).
func (p *RoutePlan) own(d *destination) (Route, bool) {
	if d.kind != block || d.cidr.IsSingleIP() {
		return Route{}, false
	}
	return Route{Dst: d.cidr, Kind: Blackhole, Reason: reasonOwnBlock,
		hops: [2]hop{{typ: typeBlackhole, protocol: p.proto}}}, true
}

// remote goes straight to a node in the same subnet if the pool says so, and else through the tunnel (route_mgr.go,
// updateRoutes). Only the tunnel takes a VTEP at the other end.
func (p *RoutePlan) remote(d *destination) (Route, bool) {
	r := Route{Dst: d.cidr, Kind: Tunnel, Node: d.node, Reason: reasonAlways, Optional: !p.local}
	direct, same := p.directHop(d)
	tunnel, reachable := p.tunnelHop(d)
	switch {
	case same && p.parent != "":
		r.Kind, r.Reason = Direct, reasonSameSubnet
		r.hops[0] = direct
		if !p.local {
			r.hops[1] = tunnel
		}
	case same && reachable:
		// Felix falls back to the tunnel, but keeps the direct route as long as it remembers an interface.
		r.Reason = reasonNoParent
		r.hops = [2]hop{tunnel, direct}
	case reachable:
		r.hops[0] = tunnel
		if d.crossSubnet {
			r.Reason = reasonOtherNet
		}
	default:
		return Route{}, false
	}
	if d.kind == borrowed {
		r.Kind = Borrowed
	}
	r.Via, r.Dev = r.hops[0].via, r.hops[0].dev
	return r, true
}

func (p *RoutePlan) directHop(d *destination) (h hop, ok bool) {
	if !d.crossSubnet || !d.host.IsValid() || !p.subnet.IsValid() || !p.subnet.Contains(d.host) {
		return hop{}, false
	}
	return hop{typ: typeUnicast, via: d.host, dev: p.parent, protocol: p.proto}, true
}

func (p *RoutePlan) tunnelHop(d *destination) (h hop, ok bool) {
	if d.vtep < 0 {
		return hop{}, false
	}
	via := p.vteps.At(d.vtep).Tunnel
	return hop{typ: typeUnicast, via: via, dev: p.device, protocol: p.devProto, mtu: p.mtu}, true
}

// toTunnelAddress is the host route to the tunnel address of another node. Which of them there are depends on the
// release (v3.29: borrowed ones; v3.30 and v3.31: all; v3.32: borrowed ones and blocks of one address) and none is
// needed where the block's route covers the address, so all are optional.
func (p *RoutePlan) toTunnelAddress(d *destination) (Route, bool) {
	r := Route{Dst: d.cidr, Kind: Tunnel, Dev: p.device, Node: d.node, Reason: reasonHostRoute, Optional: true}
	r.hops[0] = hop{typ: typeUnicast, dev: p.device, protocol: p.devProto, mtu: mtuRule{value: p.mtu.value, optional: true,
		any: p.mtu.value == 0}}
	r.hops[1], _ = p.directHop(d)
	return r, true
}

// Owns reports whether Felix takes a route for one of its own, so that it removes it unless it wants it: all on the
// tunnel device but the kernel's, and those with its own protocol to the addresses that it routes by VXLAN.
func (p *RoutePlan) Owns(r *inspect.Route) bool {
	if r.Dev == p.device {
		return r.Protocol != "kernel" && !r.Dst.Addr().IsMulticast() && !r.Dst.Addr().IsLinkLocalUnicast()
	}
	if !p.enabled || protocolNumber(r.Protocol) != p.proto || r.Type != typeBlackhole && r.Dev != p.parent {
		return false
	}
	pool := inspect.PoolOf(p.dests.pools, r.Dst.Addr())
	if pool == nil {
		return p.proto == protocolFelix // nobody else uses it; another protocol may be shared
	}
	return routesByVXLAN(*pool)
}

// NodeBehind returns the node that a gateway belongs to, or the empty string.
func (p *RoutePlan) NodeBehind(gateway netip.Addr) string {
	if i, ok := p.vteps.WithTunnel(gateway); ok {
		return p.vteps.At(i).Node
	}
	return p.vteps.nodeOfHost[gateway]
}
