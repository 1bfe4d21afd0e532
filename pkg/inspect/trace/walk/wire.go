package walk

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
)

// nextHop is the next hop of a decision: its gateway, or the destination itself.
func nextHop(d *kernel.Decision, to netip.Addr) netip.Addr {
	if d.Route.Gateway.IsValid() {
		return d.Route.Gateway
	}
	return to
}

// wireTo compares the Ethernet address that a node has of a next hop with that of the machine itself, if it is a node, or else with
// what the other nodes have. A network that answers for its machines with an address of its own, as clouds do, proves nothing: then
// no node has another's true address.
func (w *Walker) wireTo(n *Node, device string, to netip.Addr) Wire {
	found := n.Kernel.Neighbor(device, to)
	wire := Wire{Next: to, Device: device, Entry: found.Entry, Twice: w.twice(to)}
	if !found.Found || n.Kernel.IsVXLAN(device) {
		return wire
	}
	if owner := w.Hosts[to]; owner != "" {
		if l := w.Link(owner, w.deviceOn(owner, to)); l != nil && !l.MAC.IsZero() && w.truthful(n.Name, to) {
			wire.MAC, wire.Of = l.MAC, "node "+owner
		}
		return wire
	}
	wire.MAC, wire.Of = w.asOthersHave(n.Name, to)
	return wire
}

// twice returns a node that holds the address of another node, too: the other nodes reach the one or the other.
func (w *Walker) twice(a netip.Addr) string {
	owner := w.Hosts[a]
	if owner == "" {
		return ""
	}
	return w.holder(a, owner)
}

// holder returns a node other than one that holds an address, or none.
func (w *Walker) holder(a netip.Addr, other string) string {
	for name, n := range w.Nodes {
		if name != other && n.Kernel != nil && n.Kernel.DeviceOf(a) != "" {
			return name
		}
	}
	return ""
}

// truthful reports whether a node has the true Ethernet address of another one, for an address other than to on n.
func (w *Walker) truthful(n string, to netip.Addr) bool {
	const enough = 8 // nodes to look at
	seen := 0
	for name, other := range w.Nodes {
		if other.Kernel == nil {
			continue
		}
		for ip, mac := range other.Kernel.Ethernet(w.Family) {
			owner := w.Hosts[ip]
			if owner == "" || owner == name || name == n && ip == to {
				continue
			}
			if l := w.Link(owner, w.deviceOn(owner, ip)); l != nil && l.MAC == mac {
				return true
			}
		}
		if seen++; seen == enough {
			return false
		}
	}
	return false
}

// asOthersHave is the Ethernet address that the other nodes have of a router, if those that have any agree.
func (w *Walker) asOthersHave(n string, to netip.Addr) (inspect.MAC, string) {
	var mac inspect.MAC
	for name, other := range w.Nodes {
		if name == n || other.Kernel == nil {
			continue
		}
		theirs, ok := other.Kernel.Ethernet(w.Family)[to]
		if !ok {
			continue
		}
		if !mac.IsZero() && mac != theirs {
			return inspect.MAC{}, ""
		}
		mac = theirs
	}
	return mac, "the other nodes"
}
