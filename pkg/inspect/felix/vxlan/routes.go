package vxlan

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// Reasons for a route's kind. They are constants so that millions of rows can share them.
const (
	reasonAlways    = "the pool is always encapsulated"
	reasonOtherNet  = "CrossSubnet, and the node is in another subnet"
	reasonNoParent  = "CrossSubnet, but no interface holds this node's address"
	reasonHostRoute = "the tunnel address of the node: some Calico releases route to it"
)

// Route implements felix.Way.
func (w *way) Route(d *felix.Destination) (felix.Route, bool) {
	switch {
	case !w.runs:
		return felix.Route{}, false
	case d.Node == w.node.Name:
		return w.drop(d)
	case d.Of == felix.TunnelAddress:
		return w.toTunnelAddress(d), true
	default:
		return w.remote(d)
	}
}

// drop drops packets to unused addresses of the node's own blocks. A block of one address has none (vxlan_mgr.go,
// routeIsLocalVXLANBlock).
func (w *way) drop(d *felix.Destination) (felix.Route, bool) {
	if d.Of != felix.Block || d.CIDR.IsSingleIP() {
		return felix.Route{}, false
	}
	return felix.Route{Dst: d.CIDR, Kind: felix.Blackhole, Reason: felix.ReasonOwnBlock,
		Hops: [2]felix.Hop{{Type: felix.TypeBlackhole, Protocol: w.proto}}}, true
}

// remote leads directly to a node in the same subnet if the pool says so, or else through the tunnel (route_mgr.go,
// updateRoutes). Only the tunnel needs a VTEP at the other end.
func (w *way) remote(d *felix.Destination) (felix.Route, bool) {
	r := felix.Route{Dst: d.CIDR, Kind: felix.Tunnel, Node: d.Node, Reason: reasonAlways, Optional: w.own < 0}
	direct, same := w.directHop(d)
	tunnel, reachable := w.tunnelHop(d)
	switch {
	case same && w.parent != "":
		r.Kind, r.Reason = felix.Direct, felix.ReasonSameSubnet
		r.Hops[0] = direct
		if w.own < 0 {
			r.Hops[1] = tunnel
		}
	case same && reachable:
		// Felix falls back to the tunnel, but keeps the direct route as long as it remembers an interface.
		r.Reason = reasonNoParent
		r.Hops = [2]felix.Hop{tunnel, direct}
	case reachable:
		r.Hops[0] = tunnel
		if crossSubnet(d) {
			r.Reason = reasonOtherNet
		}
	default:
		return felix.Route{}, false
	}
	if d.Of == felix.Address {
		r.Kind = felix.Borrowed
	}
	r.Via, r.Dev = r.Hops[0].Via, r.Hops[0].Dev
	return r, true
}

func crossSubnet(d *felix.Destination) bool { return d.Pool.VXLANMode == inspect.EncapCrossSubnet }

func (w *way) directHop(d *felix.Destination) (h felix.Hop, ok bool) {
	if !crossSubnet(d) || !w.node.OnLink(w.family, d.Host) {
		return felix.Hop{}, false
	}
	return felix.Hop{Type: felix.TypeUnicast, Via: d.Host, Dev: w.parent, Protocol: w.proto}, true
}

func (w *way) tunnelHop(d *felix.Destination) (h felix.Hop, ok bool) {
	if d.Number < 0 || w.ofNode[d.Number] < 0 {
		return felix.Hop{}, false
	}
	via := w.vteps.At(w.ofNode[d.Number]).Tunnel
	return felix.Hop{Type: felix.TypeUnicast, Via: via, Dev: w.device, Protocol: w.deviceProto, MTU: w.mtu}, true
}

// toTunnelAddress is the host route to the tunnel address of another node. Which of them exist depends on the release
// (felix.BorrowedTunnelRoute, felix.TunnelAddressRoutes); all are optional.
func (w *way) toTunnelAddress(d *felix.Destination) felix.Route {
	r := felix.Route{Dst: d.CIDR, Kind: felix.Tunnel, Dev: w.device, Node: d.Node, Reason: reasonHostRoute, Optional: true}
	r.Hops[0] = felix.Hop{Type: felix.TypeUnicast, Dev: w.device, Protocol: w.deviceProto,
		MTU: felix.MTU{Value: w.mtu.Value, Optional: true, Any: w.mtu.Value == 0}}
	r.Hops[1], _ = w.directHop(d)
	return r
}

// Owns implements felix.Way: Felix removes any route on the tunnel device but the kernel's, and those with its own
// protocol to the addresses that it routes by VXLAN, unless it wants them.
func (w *way) Owns(r *inspect.Route) bool {
	if r.Dev == w.device {
		return r.Protocol != "kernel" && !r.Dst.Addr().IsMulticast() && !r.Dst.Addr().IsLinkLocalUnicast()
	}
	if !w.runs || felix.ProtocolOf(r) != w.proto || r.Type != felix.TypeBlackhole && r.Dev != w.parent {
		return false
	}
	m, pool := w.cluster.ManagerOf(r.Dst.Addr())
	if pool == nil {
		return w.proto == felix.ProtocolFelix // no other program uses it; another protocol may be shared
	}
	return m == felix.Manager(w.Manager)
}
