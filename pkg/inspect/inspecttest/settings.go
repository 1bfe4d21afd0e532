package inspecttest

import (
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// BPF switches the lab to the eBPF data plane of v3.31: one flow-based device for both families, no forwarding entries.
func BPF(s *inspect.Snapshot) {
	Felix(func(f *inspect.FelixSettings) { f.BPFEnabled = ptr(true) })(s)
	s.Calico.Version = "v3.31.7"
	Tables(func(_ string, t *inspect.NodeTable) {
		removeDevice(t, inspect.IPv6)
		t.FDB = nil
		editLink(t, Device4, func(l *inspect.Link) {
			l.Parent, l.MTU, l.VXLAN = "", 1500, &inspect.VXLAN{VNI: 4096, Port: 4789, FlowBased: true}
		})
	})(s)
}

// OwnSettings sets another VNI, port and MTU. The MTU comes from the environment, which wins.
func OwnSettings(s *inspect.Snapshot) {
	Felix(func(f *inspect.FelixSettings) {
		f.VXLANVNI, f.VXLANPort, f.VXLANMTU, f.VXLANMTUV6 = ptr(5000), ptr(8472), ptr(1300), ptr(1300)
	})(s)
	s.Calico.Felix["node."+Worker] = inspect.FelixSettings{VXLANVNI: ptr(5000)}
	s.Calico.FelixEnv.VXLANMTU, s.Calico.FelixEnv.VXLANMTUV6 = ptr(1400), ptr(1380)
	Tables(func(_ string, t *inspect.NodeTable) {
		for _, f := range inspect.Families() {
			editLink(t, Device(f), func(l *inspect.Link) {
				l.VXLAN.VNI, l.VXLAN.Port, l.MTU = 5000, 8472, 1400
				if f == inspect.IPv6 {
					l.MTU = 1380
				}
			})
		}
	})(s)
}

// RouteProtocol sets deviceRouteProtocol, which all of Felix's routes then have.
func RouteProtocol(number int, name string) Change {
	return All(Felix(func(f *inspect.FelixSettings) { f.DeviceRouteProtocol = &number }),
		Tables(func(_ string, t *inspect.NodeTable) {
			for i := range t.Routes {
				r := &t.Routes[i]
				if r.Protocol == "80" || r.Protocol == "boot" && r.OnLink {
					r.Protocol = name
				}
			}
		}))
}

// NoRoutes removes all routes to blocks.
func NoRoutes(s *inspect.Snapshot) {
	Tables(func(_ string, t *inspect.NodeTable) {
		t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.OnLink || r.Type == "blackhole" })
	})(s)
}

// Unencapsulated turns off encapsulation in the lab's pools: BIRD makes their routes, without tunnels.
func Unencapsulated(s *inspect.Snapshot) {
	Pools(0, func(p *inspect.IPPool) { p.VXLANMode = inspect.EncapNever })(s)
	for _, f := range inspect.Families() {
		for _, h := range Hosts(f) {
			TunnelAddressRemoved(h.Name, f)(s)
			DeviceDeleted(h.Name, f)(s)
		}
	}
	Tables(func(node string, t *inspect.NodeTable) {
		for _, peer := range Hosts(inspect.IPv6) {
			if peer.Name != node {
				t.Routes = append(t.Routes, DirectRoute(peer.Block, peer))
			}
		}
		for i := range t.Routes {
			if r := &t.Routes[i]; r.Protocol == "80" {
				r.Protocol, r.OnLink = "bird", false
			}
		}
	})(s)
	Meshed(s)
}

// IPIPPool makes the lab's IPv4 pool one of IPIP. BIRD makes its routes as before v3.33, and Felix those of IPv6, by VXLAN.
func IPIPPool(mode inspect.EncapMode) Change {
	return func(s *inspect.Snapshot) {
		Pools(0, func(p *inspect.IPPool) {
			if p.Family() == inspect.IPv4 {
				p.VXLANMode, p.IPIPMode = inspect.EncapNever, mode
			}
		})(s)
		Meshed(s)
		subnets := map[string]netip.Prefix{}
		for i := range s.Nodes {
			subnets[s.Nodes[i].Name] = s.Nodes[i].Address.V4
		}
		for _, h := range Hosts(inspect.IPv4) {
			TunnelAddressRemoved(h.Name, inspect.IPv4)(s)
			DeviceDeleted(h.Name, inspect.IPv4)(s)
		}
		Tables(func(node string, t *inspect.NodeTable) {
			t.Links = append(t.Links, inspect.Link{Index: 90, Name: calico.IPIPDevice, Kind: "ipip", Up: true, LowerUp: true, MTU: 1480})
			t.Addresses = append(t.Addresses, inspect.LinkAddress{Link: calico.IPIPDevice,
				Prefix: netip.PrefixFrom(HostOf(node, inspect.IPv4).Tunnel, 32)})
			t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool {
				return r.Family() == inspect.IPv4 && r.Gateway.IsValid() && r.Protocol != "boot"
			})
			for i := range t.Routes {
				if r := &t.Routes[i]; r.Family() == inspect.IPv4 && r.Protocol == "80" {
					r.Protocol = "bird"
				}
			}
			for _, peer := range Hosts(inspect.IPv4) {
				if peer.Name == node {
					continue
				}
				r := inspect.Route{Dst: peer.Block, Gateway: subnets[peer.Name].Addr(), Dev: "eth1", Protocol: "bird"}
				if mode == inspect.EncapAlways || !subnets[node].Contains(r.Gateway) {
					r.Dev, r.OnLink = calico.IPIPDevice, true
				}
				t.Routes = append(t.Routes, r)
			}
		})(s)
	}
}

// WindowsNode adds a Windows node: the others know its VTEP by the MAC that it announces. Its own tables are not
// verified.
func WindowsNode(s *inspect.Snapshot) {
	mac, tunnel := MAC("00:15:5d:00:00:01"), netip.MustParseAddr("192.168.9.0")
	address := netip.MustParsePrefix("10.10.10.20/24")
	s.Nodes = append(s.Nodes, inspect.Node{Name: "windows", Ready: true, OS: "windows",
		Address:   inspect.ByFamily[netip.Prefix]{V4: address},
		Tunnel:    inspect.ByFamily[netip.Addr]{V4: tunnel},
		TunnelMAC: inspect.ByFamily[inspect.MAC]{V4: mac}})
	s.Missing = append(s.Missing, inspect.Missing{Fact: inspect.FactTables, Node: "windows", Reason: "no calico-node pod"})
	for _, h := range Hosts(inspect.IPv4) {
		FDBAdded(h.Name, inspect.IPv4, mac, address.Addr())(s)
		NeighborAdded(h.Name, inspect.IPv4, tunnel, mac)(s)
	}
}

// OwnMAC annotates a node with an IPv4 tunnel MAC of its own.
func OwnMAC(node string, mac inspect.MAC) Change {
	old := HostOf(node, inspect.IPv4).MAC
	return All(Annotate(node, func(n *inspect.Node) { n.TunnelMAC.V4 = mac }),
		Tables(func(name string, t *inspect.NodeTable) {
			for i := range t.FDB {
				if t.FDB[i].MAC == old {
					t.FDB[i].MAC = mac
				}
			}
			for i := range t.Neighbors {
				if t.Neighbors[i].MAC == old {
					t.Neighbors[i].MAC = mac
				}
			}
			if name == node {
				editLink(t, Device4, func(l *inspect.Link) { l.MAC = mac })
			}
		}))
}
