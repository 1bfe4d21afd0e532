package cmd

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// recordings are what the pages show beside the demo: a lab with one fault each, in IPv6 where it is the fault of a family.
// They are named as in test/e2e, which breaks a real lab in the same ways.
func recordings() map[string]*inspect.Snapshot {
	const node, remote, f = it.Worker2, it.Worker, inspect.IPv6
	third := it.HostOf(it.ControlPlane, f)
	strange := it.MAC("02:00:00:00:00:01")
	faults := map[string]it.Change{
		"FDBDeleted":           it.FDBDeleted(node, remote, f),
		"FDBMoved":             it.FDBMoved(node, remote, f, third.Address.Addr()),
		"FDBAdded":             it.FDBAdded(node, f, strange, third.Address.Addr()),
		"NeighborDeleted":      it.NeighborDeleted(node, remote, f),
		"NeighborChanged":      it.NeighborChanged(node, remote, f, strange),
		"RouteDeleted":         it.RouteDeleted(node, remote, f),
		"RouteMoved":           it.RouteMoved(node, remote, f, third.Tunnel, it.Device(f)),
		"DeviceDown":           it.DeviceDown(node, f),
		"DeviceMTUChanged":     it.DeviceChanged(node, f, func(l *inspect.Link) { l.MTU = 1400 }),
		"DeviceDeleted":        it.DeviceDeleted(node, f),
		"TunnelAddressRemoved": it.TunnelAddressRemoved(node, f),
		"AddressChanged":       it.AddressChanged(node, netip.MustParsePrefix("fd00:10:10::99/64")),
		"VNIChanged":           it.VNIChanged(4097),
		"Unread":               it.Unread(node, "exec: permission denied"),
	}
	all := map[string]*inspect.Snapshot{}
	for name, fault := range faults {
		all[name] = it.With(fault)
	}
	return all
}
