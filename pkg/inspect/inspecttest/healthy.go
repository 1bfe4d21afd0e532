package inspecttest

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Case is a snapshot with a name.
type Case struct {
	Name     string
	Snapshot *inspect.Snapshot
}

// Healthy returns healthy clusters: every inspector must find only rows that are ok.
func Healthy() []Case {
	return []Case{
		{"lab", Lab()},
		{"v3.30", With(Release("v3.30.7"))},
		{"v3.31", With(Release("v3.31.7"))},
		{"v3.32", With(Release("v3.32.1"))},
		{"unknown release with mtu", With(Release("v3.31.7"), release(""))},
		{"unknown release without mtu", With(release(""))},
		{"IPv4 only", With(Only(inspect.IPv4))},
		{"IPv6 only", With(Only(inspect.IPv6))},
		{"IPv6 switched off, with a pool", With(Only(inspect.IPv4), func(s *inspect.Snapshot) {
			s.Pools = append(s.Pools, labPools()[1])
		})},
		{"node in another subnet", With(OtherSubnet(Worker2))},
		{"pool on part of the nodes", With(WithoutTunnel(ControlPlane), Pools(0, func(p *inspect.IPPool) {
			p.NodeSelector = "!has(node-role.kubernetes.io/control-plane)"
		}))},
		{"blocks of one address", With(SingleAddressBlocks)},
		{"borrowed addresses", With(Borrowed(Worker, Worker2))},
		{"borrowed tunnel address", With(BorrowedTunnel(Worker, Worker2))},
		{"borrowed address of a WireGuard device", With(func(s *inspect.Snapshot) {
			allocate(s, HostOf(Worker, inspect.IPv4).Block, inspect.Allocation{IP: BorrowedAddr(Worker, inspect.IPv4),
				Node: Worker2, Type: "wireguardTunnelAddress"})
		})},
		{"disabled pools", With(Pools(0, func(p *inspect.IPPool) { p.Disabled = true }), WithoutTunnel(ControlPlane))},
		{"eBPF", With(BPF)},
		{"WireGuard", With(Felix(func(s *inspect.FelixSettings) { s.WireGuardEnabled = ptr(true) }))},
		{"own MTU and VNI", With(OwnSettings)},
		{"own route protocol", With(RouteProtocol(4, "static"))},
		{"no route sync", With(NoRoutes, Felix(func(s *inspect.FelixSettings) { s.RouteSyncDisabled = ptr(true) }))},
		{"routes from workloads", With(NoRoutes, Felix(func(s *inspect.FelixSettings) { s.RouteSource = "WorkloadIPs" }))},
		{"host-local IPAM", With(NoRoutes, func(s *inspect.Snapshot) { s.Blocks = nil })},
		{"BGP pools", With(Unencapsulated)},
		{"BGP by a router", With(Unencapsulated, ByRouter)},
		{"IPIP", With(IPIPPool(inspect.EncapAlways))},
		{"IPIP between subnets", With(OtherSubnet(Worker2), IPIPPool(inspect.EncapCrossSubnet))},
		{"Windows node", With(WindowsNode)},
		{"annotated MAC", With(OwnMAC(Worker, MAC("02:aa:bb:cc:dd:ee")))},
		{"block of a node that is gone", With(func(s *inspect.Snapshot) {
			s.Blocks = append(s.Blocks, inspect.IPAMBlock{CIDR: netip.MustParsePrefix("192.168.77.0/26"), Node: "gone"})
		})},
	}
}

// release sets only the version.
func release(version string) Change {
	return func(s *inspect.Snapshot) { s.Calico.Version = version }
}

// Release makes the lab one of Calico v3.30, v3.31 or v3.32, whose routes differ.
func Release(version string) Change {
	minor := strings.Split(version, ".")[1]
	return All(release(version), Tables(func(node string, t *inspect.NodeTable) {
		if minor == "30" || minor == "31" {
			addHostRoutes(t, node)
		}
		for i := range t.Routes {
			r := &t.Routes[i]
			switch {
			case minor != "30" && r.Dev == Device6 && r.Protocol == "boot":
				r.MTU = 1430
			case minor == "32" && r.Family() == inspect.IPv4 && strings.HasPrefix(r.Dev, "cali"):
				r.Metric = 1024
			}
		}
	}))
}

// addHostRoutes adds routes to the tunnel address of each other node.
func addHostRoutes(t *inspect.NodeTable, node string) {
	for _, peer := range Hosts(inspect.IPv4) {
		if peer.Name != node {
			t.Routes = append(t.Routes, DirectRoute(netip.PrefixFrom(peer.Tunnel, 32), peer))
		}
	}
	for _, peer := range Hosts(inspect.IPv6) {
		if peer.Name != node {
			t.Routes = append(t.Routes, inspect.Route{Dst: netip.PrefixFrom(peer.Tunnel, 128), Dev: Device6,
				Protocol: "boot", Metric: 1024})
		}
	}
}

// OtherSubnet moves a node of the lab into an IPv4 subnet of its own, so that CrossSubnet tunnels to and from it.
func OtherSubnet(node string) Change {
	h := HostOf(node, inspect.IPv4)
	address := netip.MustParsePrefix("10.20.20.12/24")
	return All(AddressChanged(node, address), Tables(func(name string, t *inspect.NodeTable) {
		for i := range t.FDB {
			if t.FDB[i].MAC == h.MAC {
				t.FDB[i].VTEP = address.Addr()
			}
		}
		for i := range t.Routes {
			r := &t.Routes[i]
			if peer := ownerOf(r.Dst); r.Gateway.IsValid() && peer.Name != "" && (peer.Name == node || name == node) {
				*r = TunnelRoute(r.Dst, peer)
			}
		}
		if name != node {
			return
		}
		for i := range t.Addresses {
			if t.Addresses[i].Prefix == h.Address {
				t.Addresses[i].Prefix = address
			}
		}
		editLink(t, Device4, func(l *inspect.Link) { l.VXLAN.Local = address.Addr() })
	}))
}

// ownerOf returns the host of the lab that owns an IPv4 block.
func ownerOf(block netip.Prefix) Host {
	for _, h := range Hosts(inspect.IPv4) {
		if h.Block == block {
			return h
		}
	}
	return Host{}
}

// WithoutTunnel leaves a node out of the tunnels, as if no enabled VXLAN pool selects it.
func WithoutTunnel(node string) Change {
	changes := []Change{func(s *inspect.Snapshot) {
		s.Blocks = slices.DeleteFunc(s.Blocks, func(b inspect.IPAMBlock) bool { return b.Node == node })
	}}
	for _, f := range inspect.Families() {
		h := HostOf(node, f)
		changes = append(changes, TunnelAddressRemoved(node, f), DeviceDeleted(node, f),
			Tables(func(name string, t *inspect.NodeTable) {
				t.FDB = slices.DeleteFunc(t.FDB, func(e inspect.FDBEntry) bool { return e.MAC == h.MAC })
				t.Neighbors = slices.DeleteFunc(t.Neighbors, func(n inspect.Neighbor) bool { return n.MAC == h.MAC })
				t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool {
					return r.Dst == h.Block || name == node && (r.Protocol == "80" || r.Dev == Device(f))
				})
			}))
	}
	return All(changes...)
}

// SingleAddressBlocks gives each node of the lab blocks of one address: one for its tunnel address, one for its pod.
func SingleAddressBlocks(s *inspect.Snapshot) {
	s.Blocks = nil
	for _, f := range inspect.Families() {
		for _, h := range Hosts(f) {
			for _, a := range []netip.Addr{h.Tunnel, h.Pod} {
				s.Blocks = append(s.Blocks, inspect.IPAMBlock{CIDR: netip.PrefixFrom(a, f.Bits()), Node: h.Name,
					Allocations: []inspect.Allocation{{IP: a, Node: h.Name}}})
			}
		}
	}
	Tables(func(_ string, t *inspect.NodeTable) {
		t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Type == "blackhole" })
		for _, f := range inspect.Families() {
			for _, h := range Hosts(f) {
				for i := range t.Routes {
					if t.Routes[i].Dst == h.Block {
						t.Routes[i].Dst = netip.PrefixFrom(h.Pod, f.Bits())
					}
				}
			}
		}
	})(s)
}

// Borrowed lets a node use an address of another node's block in each family.
func Borrowed(owner, user string) Change {
	return func(s *inspect.Snapshot) {
		for _, f := range inspect.Families() {
			ip := BorrowedAddr(owner, f)
			peer := HostOf(user, f)
			allocate(s, HostOf(owner, f).Block, inspect.Allocation{IP: ip, Node: user, Namespace: "default", Pod: "borrower",
				Handle: "k8s-pod-network.borrower"})
			Tables(func(node string, t *inspect.NodeTable) {
				dst := netip.PrefixFrom(ip, f.Bits())
				switch {
				case node == user:
					t.Routes = append(t.Routes, inspect.Route{Dst: dst, Dev: workloadInterface("default", "borrower"),
						Protocol: "boot", Scope: "link"})
				case f == inspect.IPv4:
					t.Routes = append(t.Routes, DirectRoute(dst, peer))
				default:
					t.Routes = append(t.Routes, TunnelRoute(dst, peer))
				}
			})(s)
		}
	}
}

// BorrowedAddr is the address that Borrowed takes from a node's block.
func BorrowedAddr(owner string, f inspect.Family) netip.Addr {
	return HostOf(owner, f).Pod.Next().Next()
}

// BorrowedTunnel takes a node's IPv6 tunnel address from another node's block; v3.28 has no route to it.
func BorrowedTunnel(owner, user string) Change {
	return func(s *inspect.Snapshot) {
		h := HostOf(user, inspect.IPv6)
		ip := BorrowedAddr(owner, inspect.IPv6)
		allocate(s, HostOf(owner, inspect.IPv6).Block, inspect.Allocation{IP: ip, Node: user, Type: "vxlanV6TunnelAddress"})
		Annotate(user, func(n *inspect.Node) { n.Tunnel.V6 = ip })(s)
		Tables(func(_ string, t *inspect.NodeTable) {
			for i := range t.Neighbors {
				if t.Neighbors[i].IP == h.Tunnel {
					t.Neighbors[i].IP = ip
				}
			}
			for i := range t.Routes {
				if t.Routes[i].Gateway == h.Tunnel {
					t.Routes[i].Gateway = ip
				}
			}
			for i := range t.Addresses {
				if t.Addresses[i].Prefix.Addr() == h.Tunnel {
					t.Addresses[i].Prefix = netip.PrefixFrom(ip, 128)
				}
			}
		})(s)
	}
}

func allocate(s *inspect.Snapshot, block netip.Prefix, a inspect.Allocation) {
	i := slices.IndexFunc(s.Blocks, func(b inspect.IPAMBlock) bool { return b.CIDR == block })
	s.Blocks[i].Allocations = append(s.Blocks[i].Allocations, a)
}
