package inspecttest

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// labTable holds the kernel tables of a lab node under Calico v3.28, with entries that are not verified: the
// management network, the pods' own routes, multicast and dynamic entries.
func labTable(h4, h6 Host) inspect.NodeTable {
	pod := workloadInterface("default", podName(h4.Name))
	t := inspect.NodeTable{
		Links: []inspect.Link{
			{Index: 1, Name: "lo", Up: true, LowerUp: true, MTU: 65536},
			{Index: 2, Name: "eth0", Kind: "veth", Up: true, LowerUp: true, MTU: 1500, MAC: MAC("02:42:ac:12:00:02")},
			{Index: 3, Name: "eth1", Kind: "veth", Up: true, LowerUp: true, MTU: 1500, MAC: MAC("aa:c1:ab:10:10:10")},
			{Index: 4, Name: "eth2", Kind: "veth", MTU: 1280, MAC: MAC("aa:c1:ab:10:10:11")}, // down: does not count
			tunnelLink(5, h4, 1450), tunnelLink(6, h6, 1430),
			{Index: 7, Name: pod, Kind: "veth", Up: true, LowerUp: true, MTU: 1430, MAC: MAC("ee:ee:ee:ee:ee:ee")},
		},
		Addresses: []inspect.LinkAddress{
			{Link: "lo", Prefix: netip.MustParsePrefix("127.0.0.1/8"), Scope: "host"},
			{Link: "eth0", Prefix: netip.MustParsePrefix("172.18.0.2/16"), Scope: "global"},
			{Link: "eth1", Prefix: h4.Address, Scope: "global"},
			{Link: "eth1", Prefix: h6.Address, Scope: "global"},
			{Link: "eth1", Prefix: netip.MustParsePrefix("fe80::a8c1:abff:fe10:1010/64"), Scope: "link"},
			{Link: Device4, Prefix: netip.PrefixFrom(h4.Tunnel, 32), Scope: "global"},
			{Link: Device6, Prefix: netip.PrefixFrom(h6.Tunnel, 128), Scope: "global"},
			{Link: Device6, Prefix: netip.MustParsePrefix("fe80::64a7:8eff:fede:57b9/64"), Scope: "link"},
		},
		Sysctls: map[string]string{"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1"},
	}
	t.Routes = append(commonRoutes(h4, h6, pod), calicoRoutes(h4, h6)...)
	t.Neighbors, t.FDB = commonNeighbors(), commonFDB()
	addPeers(&t, h4, h6)
	return t
}

func tunnelLink(index int, h Host, mtu int) inspect.Link {
	return inspect.Link{Index: index, Name: Device(inspect.FamilyOf(h.Tunnel)), Kind: "vxlan", Parent: "eth1",
		Up: true, LowerUp: true, MTU: mtu, MAC: h.MAC,
		VXLAN: &inspect.VXLAN{VNI: 4096, Port: 4789, Local: h.Address.Addr()}}
}

// commonRoutes are the routes unrelated to Calico's VXLAN.
func commonRoutes(h4, h6 Host, pod string) []inspect.Route {
	return []inspect.Route{
		{Dst: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("172.18.0.1"), Dev: "eth0", Protocol: "boot"},
		{Dst: netip.MustParsePrefix("1.1.1.1/32"), Gateway: netip.MustParseAddr("10.10.10.1"), Dev: "eth1", Protocol: "boot"},
		{Dst: h4.Address.Masked(), Dev: "eth1", Protocol: "kernel", Scope: "link", Source: h4.Address.Addr()},
		{Dst: netip.MustParsePrefix("172.18.0.0/16"), Dev: "eth0", Protocol: "kernel", Scope: "link"},
		{Dst: netip.PrefixFrom(h4.Pod, 32), Dev: pod, Protocol: "boot", Scope: "link"},
		{Dst: netip.MustParsePrefix("2001:db8::/32"), Gateway: netip.MustParseAddr("fd00:10:10::1"), Dev: "eth1",
			Protocol: "boot", Metric: 1024},
		{Dst: h6.Address.Masked(), Dev: "eth1", Protocol: "kernel", Metric: 256},
		{Dst: netip.PrefixFrom(h6.Pod, 128), Dev: pod, Protocol: "boot", Metric: 1024},
		{Dst: netip.PrefixFrom(h6.Tunnel, 128), Dev: Device6, Protocol: "kernel", Metric: 256},
		{Dst: netip.MustParsePrefix("fe80::/64"), Dev: Device6, Protocol: "kernel", Metric: 256},
		{Dst: netip.MustParsePrefix("::/0"), Gateway: netip.MustParseAddr("fc00:f853:ccd:e793::1"), Dev: "eth0", Protocol: "boot",
			Metric: 1024},
		{Table: "local", Type: "multicast", Dst: netip.MustParsePrefix("ff00::/8"), Dev: Device6, Protocol: "kernel",
			Metric: 256},
	}
}

// calicoRoutes are a node's routes to the blocks: IPv4 directly to the others, IPv6 through the tunnel.
func calicoRoutes(h4, h6 Host) []inspect.Route {
	routes := []inspect.Route{
		{Type: "blackhole", Dst: h4.Block, Protocol: "80"},
		{Type: "blackhole", Dst: h6.Block, Dev: "lo", Protocol: "80", Metric: 1024},
	}
	for _, peer := range Hosts(inspect.IPv4) {
		if peer.Name != h4.Name {
			routes = append(routes, DirectRoute(peer.Block, peer))
		}
	}
	for _, peer := range Hosts(inspect.IPv6) {
		if peer.Name != h6.Name {
			routes = append(routes, TunnelRoute(peer.Block, peer))
		}
	}
	return routes
}

// DirectRoute is a route to a node in the same subnet.
func DirectRoute(dst netip.Prefix, peer Host) inspect.Route {
	r := inspect.Route{Dst: dst, Gateway: peer.Address.Addr(), Dev: "eth1", Protocol: "80", OnLink: true}
	if r.Family() == inspect.IPv6 {
		r.Metric = 1024
	}
	return r
}

// TunnelRoute is a route through the tunnel, as v3.28 makes it.
func TunnelRoute(dst netip.Prefix, peer Host) inspect.Route {
	r := inspect.Route{Dst: dst, Gateway: peer.Tunnel, Dev: Device4, Protocol: "boot", OnLink: true}
	if r.Family() == inspect.IPv6 {
		r.Dev, r.Metric = Device6, 1024
	}
	return r
}

func commonNeighbors() []inspect.Neighbor {
	return []inspect.Neighbor{
		{Dev: "eth1", IP: netip.MustParseAddr("10.10.10.1"), MAC: MAC("00:1c:73:00:00:01"), State: "REACHABLE"},
		{Dev: "eth1", IP: netip.MustParseAddr("fd00:10:10::1"), MAC: MAC("00:1c:73:00:00:01"), State: "STALE"},
		{Dev: Device6, IP: netip.MustParseAddr("ff02::16"), MAC: MAC("33:33:00:00:00:16"), State: "NOARP"},
		{Dev: Device6, IP: netip.MustParseAddr("fe80::1"), State: "FAILED"},
		{Dev: Device4, IP: netip.MustParseAddr("192.168.99.99"), MAC: MAC("02:00:00:00:00:99"), State: "STALE"},
	}
}

func commonFDB() []inspect.FDBEntry {
	return []inspect.FDBEntry{
		{Dev: Device6, MAC: MAC("33:33:00:00:00:01"), Permanent: true},
		{Dev: Device4, MAC: MAC("02:00:00:00:00:99"), VTEP: netip.MustParseAddr("10.10.10.99")},
		{Dev: Device4, VTEP: netip.MustParseAddr("10.10.10.98"), Permanent: true},
		{Dev: "flannel.1", MAC: MAC("02:00:00:00:00:98"), VTEP: netip.MustParseAddr("10.10.10.98"), Permanent: true},
	}
}

// addPeers adds a node's entries on its tunnel devices for each other node.
func addPeers(t *inspect.NodeTable, h4, h6 Host) {
	for _, own := range []Host{h4, h6} {
		f := inspect.FamilyOf(own.Tunnel)
		for _, peer := range Hosts(f) {
			if peer.Name == own.Name {
				continue
			}
			addPeer(t, f, peer)
		}
	}
}

func addPeer(t *inspect.NodeTable, f inspect.Family, peer Host) {
	t.Neighbors = append(t.Neighbors,
		inspect.Neighbor{Dev: Device(f), IP: peer.Tunnel, MAC: peer.MAC, State: "PERMANENT"})
	t.FDB = append(t.FDB,
		inspect.FDBEntry{Dev: Device(f), MAC: peer.MAC, VTEP: peer.Address.Addr(), Permanent: true})
}
