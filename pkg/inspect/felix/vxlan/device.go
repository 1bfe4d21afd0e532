package vxlan

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico/selector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// Overlay implements felix.Way (vxlan_mgr.go, device).
func (w *way) Overlay() (felix.Overlay, bool) {
	o := felix.Overlay{Name: w.device, Runs: w.runs, VTEPs: w.vteps, Own: w.own, Problem: w.problem()}
	if w.own < 0 || !w.runs {
		return o, true
	}
	vtep := w.vteps.At(w.own)
	device := felix.Device{
		Name:    w.device,
		VNI:     w.node.Settings.VNI,
		Port:    w.node.Settings.Port,
		Local:   vtep.Host,
		Parent:  w.parent,
		MTU:     w.deviceMTU(),
		MAC:     vtep.MAC,
		Address: netip.PrefixFrom(vtep.Tunnel, w.family.Bits()),
	}
	if holder := w.tunnelHolder(); holder != "" {
		device.Local, device.Parent = netip.Addr{}, ""
		o.Problem = fmt.Sprintf("the address that Calico has for the node, %s (annotation projectcalico.org/%sAddress), is that of "+
			"Calico's own device %s: see calico-node's address autodetection", vtep.Host, w.family, holder)
	}
	o.Expected = &device
	return o, true
}

// tunnelHolder names the tunnel device whose address autodetection chose as the node's own, or is empty. Felix cannot
// build a tunnel on itself.
func (w *way) tunnelHolder() string {
	switch {
	case calico.IsTunnelDevice(w.parent):
		return w.parent
	case w.host() == w.node.Facts().Tunnel.Get(w.family):
		return w.device
	default:
		return ""
	}
}

func (w *way) deviceMTU() int {
	if mtu := w.node.Settings.MTU.Get(w.family); mtu != 0 {
		return mtu
	}
	if host := w.node.HostMTU(); host != 0 {
		return host - calico.VXLANOverhead(w.family == inspect.IPv6)
	}
	return 0
}

// problem says why a node that should have a part in the tunnels has none, or nothing if that is as expected.
// calico-node gives a tunnel address to each node that an enabled VXLAN pool selects (node/pkg/allocateip).
func (w *way) problem() string {
	if w.own >= 0 || !w.runs {
		return ""
	}
	pool := w.tunnelPool()
	switch {
	case pool == "":
		return ""
	case !w.host().IsValid():
		return fmt.Sprintf("pool %s selects the node, but it has no %s address (annotation projectcalico.org/%sAddress): "+
			"see calico-node's address autodetection", pool, w.family, w.family)
	default:
		return fmt.Sprintf("pool %s selects the node, but it has no tunnel address (annotation "+
			"projectcalico.org/%sVXLANTunnelAddr): restart its calico-node to have one allocated", pool, w.family)
	}
}

// tunnelPool returns the name of a pool that gives the node a tunnel address, or the empty string.
func (w *way) tunnelPool() string {
	pools := w.cluster.Snapshot().Pools
	for i := range pools {
		p := &pools[i]
		if p.Family() != w.family || !w.Applies(p) || p.Disabled || !givesTunnelAddresses(p) {
			continue
		}
		// An unreadable selector counts as not selecting: better no row than a false one.
		if ok, err := selector.Selects(p.NodeSelector, w.node.Facts().Labels); err == nil && ok {
			return p.Name
		}
	}
	return ""
}

func givesTunnelAddresses(p *inspect.IPPool) bool {
	return len(p.AllowedUses) == 0 || slices.Contains(p.AllowedUses, "Tunnel")
}
