package felix

import (
	"fmt"
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico/selector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// What the outer headers of VXLAN take from the MTU, in bytes (felix/dataplane/linux/int_dataplane.go).
const (
	overheadIPv4 = 50
	overheadIPv6 = 70
)

// Device is a tunnel device as it must be.
type Device struct {
	Name    string
	VNI     int
	Port    int          // UDP
	Local   netip.Addr   // the node's address, the source of the outer header
	Parent  string       // the interface that holds Local; empty when none does, or the node's tables were not read
	MTU     int          // bytes; 0 when the node's interfaces were not read
	MAC     inspect.MAC  // the VTEP's
	Address netip.Prefix // the tunnel address alone: /32 or /128
}

// Device returns the tunnel device that the node must have in a family, if it must have one (vxlan_mgr.go, device).
func (n *Node) Device(f inspect.Family) (Device, bool) {
	i, ok := n.cluster.VTEPs(f).OfNode(n.Name)
	if !ok || !n.Settings.VXLAN.Get(f) {
		return Device{}, false
	}
	vtep := n.cluster.VTEPs(f).At(i)
	return Device{
		Name:    calico.VXLANDevice(f.Is6()),
		VNI:     n.Settings.VNI,
		Port:    n.Settings.Port,
		Local:   vtep.Host,
		Parent:  n.parent.Get(f),
		MTU:     n.deviceMTU(f),
		MAC:     vtep.MAC,
		Address: netip.PrefixFrom(vtep.Tunnel, f.Bits()),
	}, true
}

func (n *Node) deviceMTU(f inspect.Family) int {
	if mtu := n.Settings.MTU.Get(f); mtu != 0 {
		return mtu
	}
	if n.hostMTU == 0 {
		return 0
	}
	if f == inspect.IPv4 {
		return n.hostMTU - overheadIPv4
	}
	return n.hostMTU - overheadIPv6
}

// NoVTEP says why a node that should be part of the tunnels of a family is not, or nothing where that is as it must be.
// calico-node gives a tunnel address to each node that an enabled VXLAN pool selects (node/pkg/allocateip).
func (n *Node) NoVTEP(f inspect.Family) string {
	if n.Local(f) || !n.Settings.VXLAN.Get(f) {
		return ""
	}
	pool := n.tunnelPool(f)
	switch {
	case pool == "":
		return ""
	case !n.facts.Address.Get(f).IsValid():
		return fmt.Sprintf("pool %s selects the node, but it has no %s address (annotation projectcalico.org/%sAddress): "+
			"see calico-node's address autodetection", pool, f, f)
	default:
		return fmt.Sprintf("pool %s selects the node, but it has no tunnel address (annotation "+
			"projectcalico.org/%sVXLANTunnelAddr): restart its calico-node to have one allocated", pool, f)
	}
}

// tunnelPool returns the name of a pool that gives the node a tunnel address of the family, or the empty string.
func (n *Node) tunnelPool(f inspect.Family) string {
	for _, p := range n.cluster.snapshot.Pools {
		if p.Family() != f || !usesVXLAN(p) || p.Disabled || !givesTunnelAddresses(p) {
			continue
		}
		// A selector that we cannot read is taken as not selecting: better no row than a false one.
		if ok, err := selector.Selects(p.NodeSelector, n.facts.Labels); err == nil && ok {
			return p.Name
		}
	}
	return ""
}

func givesTunnelAddresses(p inspect.IPPool) bool {
	for _, use := range p.AllowedUses {
		if use == "Tunnel" {
			return true
		}
	}
	return len(p.AllowedUses) == 0
}
