package vxlan_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/vxlan"
)

func notOK(s *inspect.Snapshot, f inspect.Family) []vxlan.Device {
	return it.NotOK(vxlan.Analyze(s, vxlan.Options{Filter: felix.Filter{Family: f}}))
}

func TestAnalyzeHealthy(t *testing.T) {
	for _, tt := range it.Healthy() {
		t.Run(tt.Name, func(t *testing.T) {
			if rows := notOK(tt.Snapshot, 0); len(rows) > 0 {
				t.Errorf("rows that are not ok: %+v", rows)
			}
		})
	}
}

func TestAnalyzeLab(t *testing.T) {
	got := vxlan.Analyze(it.Lab(), vxlan.Options{}).Items
	var want []vxlan.Device
	for _, node := range []string{it.ControlPlane, it.Worker, it.Worker2} {
		for _, f := range inspect.Families() {
			want = append(want, device(node, f, inspect.StatusOK))
		}
	}
	if diff := it.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// device is the row for the right device of a node.
func device(node string, f inspect.Family, status inspect.Status, problems ...string) vxlan.Device {
	h := it.HostOf(node, f)
	mtu := 1450
	if f == inspect.IPv6 {
		mtu = 1430
	}
	return vxlan.Device{Node: node, Family: f, Device: it.Device(f), VNI: 4096, VTEP: h.Address.Addr(), Parent: "eth1",
		Port: 4789, MTU: mtu, MAC: h.MAC,
		Judgement: inspect.Judgement{Status: status, Problems: problems}}
}

func TestAnalyzeFaults(t *testing.T) {
	for _, f := range inspect.Families() {
		h := it.HostOf(it.Worker, f)
		other := netip.PrefixFrom(it.HostOf(it.Worker2, f).Address.Addr().Next(), h.Address.Bits())
		tunnel := netip.PrefixFrom(h.Tunnel, f.Bits()).String()
		right := device(it.Worker, f, inspect.StatusOK)
		wrong := func(edit func(*vxlan.Device), problems ...string) []vxlan.Device {
			d := device(it.Worker, f, inspect.StatusWrong, problems...)
			edit(&d)
			return []vxlan.Device{d}
		}
		changed := func(edit func(*inspect.Link)) it.Change { return it.DeviceChanged(it.Worker, f, edit) }
		same := func(*vxlan.Device) {}
		down := []string{"down, expected up"}
		if f == inspect.IPv6 {
			down = append(down, "address "+tunnel+" is missing")
		}
		mtu := map[inspect.Family]string{inspect.IPv4: "1450", inspect.IPv6: "1430"}[f]
		tests := []struct {
			name   string
			change it.Change
			want   []vxlan.Device
		}{
			{"down", it.DeviceDown(it.Worker, f), wrong(same, down...)},
			{"MTU changed", changed(func(l *inspect.Link) { l.MTU = 1400 }),
				wrong(func(d *vxlan.Device) { d.MTU = 1400 }, "mtu 1400, expected "+mtu)},
			{"MAC changed", changed(func(l *inspect.Link) { l.MAC = it.MAC("02:00:00:00:00:01") }),
				wrong(func(d *vxlan.Device) { d.MAC = it.MAC("02:00:00:00:00:01") },
					"MAC 02:00:00:00:00:01, expected "+h.MAC.String())},
			{"port, parent and learning changed", changed(func(l *inspect.Link) {
				l.VXLAN.Port, l.VXLAN.Learning, l.Parent = 8472, true, "eth0"
			}), wrong(func(d *vxlan.Device) { d.Port, d.Parent = 8472, "eth0" },
				"port 8472, expected 4789", "parent eth0, expected eth1", "learning is on, expected off")},
			{"not a VXLAN device", changed(func(l *inspect.Link) { l.Kind, l.VXLAN = "dummy", nil }),
				wrong(func(d *vxlan.Device) { d.VNI, d.Port, d.VTEP = 0, 0, netip.Addr{} },
					`it is of kind "dummy", expected vxlan`)},
			{"flow-based", changed(func(l *inspect.Link) { l.VXLAN.FlowBased = true }),
				wrong(same, "flow-based (external), expected with eBPF only")},
			{"deleted", it.DeviceDeleted(it.Worker, f), []vxlan.Device{
				device(it.Worker, f, inspect.StatusMissing, "no such device")}},
			{"another address on it", it.Table(it.Worker, func(t *inspect.NodeTable) {
				t.Addresses = append(t.Addresses, inspect.LinkAddress{Link: it.Device(f), Prefix: other})
			}), wrong(same, "address "+other.String()+" is not expected")},
			{"tunnel address annotation removed", it.TunnelAddressRemoved(it.Worker, f), wrong(same,
				"pool "+map[inspect.Family]string{inspect.IPv4: it.Pool4, inspect.IPv6: it.Pool6}[f]+
					" selects the node, but it has no tunnel address (annotation projectcalico.org/"+f.String()+
					"VXLANTunnelAddr): restart its calico-node to have one allocated")},
			{"address annotation changed", it.AddressChanged(it.Worker, other), wrong(same,
				"VTEP "+right.VTEP.String()+", expected "+other.Addr().String(),
				"no interface of the node holds its address "+other.Addr().String())},
			{"no longer selected by a pool", it.All(it.TunnelAddressRemoved(it.Worker, f),
				it.Pools(f, func(p *inspect.IPPool) { p.Disabled = true })), []vxlan.Device{
				device(it.Worker, f, inspect.StatusUnexpected, "no pool gives the node a tunnel address")}},
			{"tables not read", it.Unread(it.Worker, "exec refused"), []vxlan.Device{{Node: it.Worker, Family: f,
				Device: it.Device(f), Judgement: inspect.Judgement{Status: inspect.StatusUnknown,
					Problems: []string{"node tables: exec refused"}}}}},
		}
		for _, tt := range tests {
			t.Run(f.String()+"/"+tt.name, func(t *testing.T) {
				if diff := it.Diff(tt.want, notOK(it.With(tt.change), f)); diff != "" {
					t.Errorf("rows (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestAnalyzeVNIChanged(t *testing.T) {
	rows := notOK(it.With(it.VNIChanged(4097)), 0)
	if len(rows) != 6 {
		t.Fatalf("%d rows, want 6", len(rows))
	}
	for _, r := range rows {
		if len(r.Problems) != 1 || r.Problems[0] != "VNI 4096, expected 4097" || r.Status != inspect.StatusWrong {
			t.Errorf("row %+v, want a wrong VNI", r)
		}
	}
}

func TestAnalyzeFamilyNotEnabled(t *testing.T) {
	rows := notOK(it.With(it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.VXLANMode = inspect.EncapNever })), 0)
	if len(rows) != 3 {
		t.Fatalf("%d rows, want 3", len(rows))
	}
	for _, r := range rows {
		if r.Status != inspect.StatusUnexpected || r.Family != inspect.IPv6 {
			t.Errorf("row %+v, want an unexpected one of IPv6", r)
		}
	}
}

func TestAnalyzeNodeWithoutAddress(t *testing.T) {
	s := it.With(it.DeviceDeleted(it.Worker, inspect.IPv6), it.Annotate(it.Worker, func(n *inspect.Node) {
		n.Address.V6 = netip.Prefix{}
	}))
	rows := notOK(s, inspect.IPv6)
	want := []vxlan.Device{{Node: it.Worker, Family: inspect.IPv6, Device: it.Device6,
		Judgement: inspect.Judgement{Status: inspect.StatusMissing, Problems: []string{"pool default-ipv6-ippool selects the node, but it has no IPv6 address (annotation " +
			"projectcalico.org/IPv6Address): see calico-node's address autodetection"}}}}
	if diff := it.Diff(want, rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// TestAnalyzeOwnTunnelAddress: autodetection took the tunnel device's address for the node's. The row names the cause, and
// does not expect the device to send from its own address.
func TestAnalyzeOwnTunnelAddress(t *testing.T) {
	for _, f := range inspect.Families() {
		h := it.HostOf(it.Worker, f)
		taken := it.AddressChanged(it.Worker, netip.PrefixFrom(h.Tunnel, f.Bits()))
		problem := "the address that Calico has for the node, " + h.Tunnel.String() + " (annotation projectcalico.org/" +
			f.String() + "Address), is that of Calico's own device " + it.Device(f) + ": see calico-node's address autodetection"
		gone := device(it.Worker, f, inspect.StatusMissing, "no such device", problem)
		gone.VTEP, gone.Parent = netip.Addr{}, ""
		for name, tt := range map[string]struct {
			change it.Change
			want   vxlan.Device
		}{
			"there":   {taken, device(it.Worker, f, inspect.StatusWrong, problem)},
			"missing": {it.All(taken, it.DeviceDeleted(it.Worker, f)), gone},
		} {
			if diff := it.Diff([]vxlan.Device{tt.want}, notOK(it.With(tt.change), f)); diff != "" {
				t.Errorf("%s, %s: rows (-want +got):\n%s", f, name, diff)
			}
		}
	}
	other := it.AddressChanged(it.Worker, netip.PrefixFrom(it.HostOf(it.Worker, inspect.IPv6).Tunnel.Next(), 128))
	wireguard := it.Table(it.Worker, func(t *inspect.NodeTable) {
		t.Addresses = append(t.Addresses, inspect.LinkAddress{Link: "wg-v6.cali",
			Prefix: netip.PrefixFrom(it.HostOf(it.Worker, inspect.IPv6).Tunnel.Next(), 128)})
	})
	rows := notOK(it.With(other, wireguard), inspect.IPv6)
	if len(rows) != 1 || len(rows[0].Problems) != 1 || !strings.Contains(rows[0].Problems[0], "own device wg-v6.cali") {
		t.Errorf("rows %+v, want one that names WireGuard's device", rows)
	}
}
