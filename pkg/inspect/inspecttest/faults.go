package inspecttest

import (
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// FDBDeleted deletes a node's forwarding entry for another.
func FDBDeleted(node, remote string, f inspect.Family) Change {
	mac := HostOf(remote, f).MAC
	return Table(node, func(t *inspect.NodeTable) {
		t.FDB = slices.DeleteFunc(t.FDB, func(e inspect.FDBEntry) bool { return e.MAC == mac })
	})
}

// FDBMoved sends the frames for another node to a wrong one.
func FDBMoved(node, remote string, f inspect.Family, vtep netip.Addr) Change {
	mac := HostOf(remote, f).MAC
	return Table(node, func(t *inspect.NodeTable) {
		for i := range t.FDB {
			if t.FDB[i].MAC == mac {
				t.FDB[i].VTEP = vtep
			}
		}
	})
}

// FDBAdded adds a permanent forwarding entry.
func FDBAdded(node string, f inspect.Family, mac inspect.MAC, vtep netip.Addr) Change {
	return Table(node, func(t *inspect.NodeTable) {
		t.FDB = append(t.FDB, inspect.FDBEntry{Dev: Device(f), MAC: mac, VTEP: vtep, Permanent: true})
	})
}

// NeighborDeleted deletes a node's neighbour entry for another.
func NeighborDeleted(node, remote string, f inspect.Family) Change {
	ip := HostOf(remote, f).Tunnel
	return Table(node, func(t *inspect.NodeTable) {
		t.Neighbors = slices.DeleteFunc(t.Neighbors, func(n inspect.Neighbor) bool { return n.IP == ip })
	})
}

// NeighborChanged gives a node's neighbour entry for another a wrong MAC.
func NeighborChanged(node, remote string, f inspect.Family, mac inspect.MAC) Change {
	ip := HostOf(remote, f).Tunnel
	return Table(node, func(t *inspect.NodeTable) {
		for i := range t.Neighbors {
			if t.Neighbors[i].IP == ip {
				t.Neighbors[i].MAC = mac
			}
		}
	})
}

// NeighborAdded adds a permanent neighbour entry.
func NeighborAdded(node string, f inspect.Family, ip netip.Addr, mac inspect.MAC) Change {
	return Table(node, func(t *inspect.NodeTable) {
		t.Neighbors = append(t.Neighbors, inspect.Neighbor{Dev: Device(f), IP: ip, MAC: mac, State: "PERMANENT"})
	})
}

// RouteDeleted deletes a node's route to the block of another.
func RouteDeleted(node, remote string, f inspect.Family) Change {
	block := HostOf(remote, f).Block
	return Table(node, func(t *inspect.NodeTable) {
		t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Dst == block })
	})
}

// RouteMoved gives a node's route to the block of another a wrong next hop, as `ip route replace` does.
func RouteMoved(node, remote string, f inspect.Family, gateway netip.Addr, dev string) Change {
	block := HostOf(remote, f).Block
	return Table(node, func(t *inspect.NodeTable) {
		for i := range t.Routes {
			if r := &t.Routes[i]; r.Dst == block {
				r.Gateway, r.Dev, r.Protocol = gateway, dev, "boot"
			}
		}
	})
}

// RouteAdded adds a route.
func RouteAdded(node string, r inspect.Route) Change {
	return Table(node, func(t *inspect.NodeTable) { t.Routes = append(t.Routes, r) })
}

// DeviceDown sets the tunnel device of a node down.
func DeviceDown(node string, f inspect.Family) Change {
	return Table(node, func(t *inspect.NodeTable) {
		editLink(t, Device(f), func(l *inspect.Link) { l.Up, l.LowerUp = false, false })
		downDevice(t, f)
	})
}

// DeviceDeleted deletes the tunnel device of a node.
func DeviceDeleted(node string, f inspect.Family) Change {
	return Table(node, func(t *inspect.NodeTable) { removeDevice(t, f) })
}

// DeviceChanged changes the tunnel device of a node.
func DeviceChanged(node string, f inspect.Family, edit func(*inspect.Link)) Change {
	return Table(node, func(t *inspect.NodeTable) { editLink(t, Device(f), edit) })
}

func editLink(t *inspect.NodeTable, name string, edit func(*inspect.Link)) {
	i := slices.IndexFunc(t.Links, func(l inspect.Link) bool { return l.Name == name })
	t.Links = slices.Clone(t.Links)
	edit(&t.Links[i])
}

// TunnelAddressRemoved removes the annotation with a node's tunnel address, while no Felix runs.
func TunnelAddressRemoved(node string, f inspect.Family) Change {
	return Annotate(node, func(n *inspect.Node) { n.Tunnel.Set(f, netip.Addr{}) })
}

// AddressChanged changes the annotation with a node's address, while no Felix runs.
func AddressChanged(node string, address netip.Prefix) Change {
	return Annotate(node, func(n *inspect.Node) { n.Address.Set(inspect.FamilyOf(address.Addr()), address) })
}

// VNIChanged changes the VNI in FelixConfiguration, while no Felix runs.
func VNIChanged(vni int) Change {
	return Felix(func(s *inspect.FelixSettings) { s.VXLANVNI = &vni })
}
