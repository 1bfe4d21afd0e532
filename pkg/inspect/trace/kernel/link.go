package kernel

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// IsVXLAN reports whether a device encapsulates packets in VXLAN.
func (n *Node) IsVXLAN(device string) bool {
	l := n.links[device]
	return l != nil && (l.Kind == "vxlan" || l.VXLAN != nil)
}

// Neighbor is the Ethernet address of a next hop.
type Neighbor struct {
	Entry inspect.Neighbor
	Found bool // there is an entry with a usable address
}

// Neighbor looks an address up among the neighbours of a device.
func (n *Node) Neighbor(device string, ip netip.Addr) Neighbor {
	var found Neighbor
	for _, e := range n.table.Neighbors {
		if e.Dev != device || e.IP != ip {
			continue
		}
		found.Entry = e
		switch e.State {
		case "FAILED", "INCOMPLETE", "NONE":
		default:
			found.Found = !e.MAC.IsZero()
		}
	}
	return found
}

// Ethernet returns the Ethernet addresses of a family's neighbours on the node's links, but for tunnels, by their addresses. An address
// that two devices have neighbours of, with different addresses, is left out.
func (n *Node) Ethernet(f inspect.Family) map[netip.Addr]inspect.MAC { return n.ethernet.Get(f) }

func (n *Node) readEthernet() {
	for _, f := range inspect.Families() {
		n.ethernet.Set(f, map[netip.Addr]inspect.MAC{})
	}
	twice := map[netip.Addr]bool{}
	for _, e := range n.table.Neighbors {
		if e.MAC.IsZero() || n.IsVXLAN(e.Dev) || e.State == "FAILED" || e.State == "INCOMPLETE" {
			continue
		}
		known := n.ethernet.Get(inspect.FamilyOf(e.IP))
		if mac, ok := known[e.IP]; ok && mac != e.MAC {
			twice[e.IP] = true
		}
		known[e.IP] = e.MAC
	}
	for ip := range twice {
		delete(n.ethernet.Get(inspect.FamilyOf(ip)), ip)
	}
}

// Forward is where a VXLAN device sends a frame.
type Forward struct {
	VTEPs []netip.Addr // none: it is dropped; several: each gets a copy
	// Flooded is set if no entry has the frame's address, and the default entry applies.
	Flooded bool
}

// Forward looks an Ethernet address up in the forwarding table of a VXLAN device (drivers/net/vxlan, vxlan_xmit): the
// entry for the address, else the one for 00:00:00:00:00:00, else none.
func (n *Node) Forward(device string, mac inspect.MAC) Forward {
	if vteps := n.remotes(device, mac); len(vteps) > 0 {
		return Forward{VTEPs: vteps}
	}
	vteps := n.remotes(device, inspect.MAC{})
	return Forward{VTEPs: vteps, Flooded: len(vteps) > 0}
}

func (n *Node) remotes(device string, mac inspect.MAC) []netip.Addr {
	var vteps []netip.Addr
	for _, e := range n.table.FDB {
		if e.Dev == device && e.MAC == mac && e.VTEP.IsValid() {
			vteps = append(vteps, e.VTEP)
		}
	}
	return vteps
}
