package inspecttest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Synthetic returns a healthy cluster of n nodes (at most 4,096), both families always by VXLAN, one block a node and
// family, with the tables of every node: n*(n-1) forwarding entries, neighbours and tunnel routes in each family.
func Synthetic(n int) *inspect.Snapshot {
	s := &inspect.Snapshot{
		Gathered: []inspect.Fact{inspect.FactNodes, inspect.FactPools, inspect.FactBlocks, inspect.FactFelix,
			inspect.FactVersion, inspect.FactTables},
		Calico: inspect.Calico{Version: "v3.28.5"},
		Pools: []inspect.IPPool{
			{Name: Pool4, CIDR: netip.MustParsePrefix("10.128.0.0/12"), BlockSize: 26, VXLANMode: inspect.EncapAlways},
			{Name: Pool6, CIDR: netip.MustParsePrefix("fd00:10:244::/48"), BlockSize: 122, VXLANMode: inspect.EncapAlways},
		},
		Tables: make(map[string]inspect.NodeTable, n),
	}
	hosts := inspect.ByFamily[[]Host]{V4: make([]Host, n), V6: make([]Host, n)}
	for i := range n {
		h4, h6 := syntheticHost(i, inspect.IPv4), syntheticHost(i, inspect.IPv6)
		hosts.V4[i], hosts.V6[i] = h4, h6
		s.Nodes = append(s.Nodes, inspect.Node{Name: h4.Name, OS: "linux", Ready: true, InternalIPs: []netip.Addr{h4.Address.Addr(), h6.Address.Addr()},
			Address: inspect.ByFamily[netip.Prefix]{V4: h4.Address, V6: h6.Address},
			Tunnel:  inspect.ByFamily[netip.Addr]{V4: h4.Tunnel, V6: h6.Tunnel}})
		s.Blocks = append(s.Blocks, inspect.IPAMBlock{CIDR: h4.Block, Node: h4.Name},
			inspect.IPAMBlock{CIDR: h6.Block, Node: h6.Name})
	}
	for i := range n {
		s.Tables[hosts.V4[i].Name] = syntheticTable(hosts, i)
	}
	return s
}

func syntheticHost(i int, f inspect.Family) Host {
	h := Host{Name: fmt.Sprintf("node-%04d", i)}
	h.MAC = inspect.MAC(calico.VTEPMAC(h.Name, f.Is6()))
	if f == inspect.IPv4 {
		h.Address = netip.PrefixFrom(numbered("172.16.0.1", i), 16)
		h.Tunnel = numbered("10.128.0.0", i*64)
		h.Block = netip.PrefixFrom(h.Tunnel, 26)
		return h
	}
	h.Address = netip.PrefixFrom(numbered("fd00:172:16::1", i), 64)
	h.Tunnel = numbered("fd00:10:244::", i*64)
	h.Block = netip.PrefixFrom(h.Tunnel, 122)
	return h
}

// numbered adds to the last four bytes of an address.
func numbered(base string, n int) netip.Addr {
	a := netip.MustParseAddr(base)
	b := a.AsSlice()
	tail := b[len(b)-4:]
	binary.BigEndian.PutUint32(tail, binary.BigEndian.Uint32(tail)+uint32(n))
	a, _ = netip.AddrFromSlice(b)
	return a
}

func syntheticTable(hosts inspect.ByFamily[[]Host], own int) inspect.NodeTable {
	peers := len(hosts.V4) - 1
	t := inspect.NodeTable{
		Links: []inspect.Link{{Index: 2, Name: "eth1", Up: true, LowerUp: true, MTU: 1500},
			tunnelLink(3, hosts.V4[own], 1450), tunnelLink(4, hosts.V6[own], 1430)},
		FDB:       make([]inspect.FDBEntry, 0, 2*peers),
		Neighbors: make([]inspect.Neighbor, 0, 2*peers),
		Routes:    make([]inspect.Route, 0, 2*peers+2),
	}
	for _, f := range inspect.Families() {
		h := hosts.Get(f)[own]
		t.Addresses = append(t.Addresses, inspect.LinkAddress{Link: "eth1", Prefix: h.Address, Scope: "global"},
			inspect.LinkAddress{Link: Device(f), Prefix: netip.PrefixFrom(h.Tunnel, f.Bits()), Scope: "global"})
		for _, peer := range hosts.Get(f) {
			if peer.Name == h.Name {
				t.Routes = append(t.Routes, blackhole(h.Block))
				continue
			}
			addPeer(&t, f, peer)
			t.Routes = append(t.Routes, TunnelRoute(peer.Block, peer))
		}
	}
	// The kernel keeps entries in the order of its hash tables.
	shuffle := rand.New(rand.NewPCG(1, uint64(own)))
	shuffle.Shuffle(len(t.FDB), func(i, j int) { t.FDB[i], t.FDB[j] = t.FDB[j], t.FDB[i] })
	shuffle.Shuffle(len(t.Neighbors), func(i, j int) { t.Neighbors[i], t.Neighbors[j] = t.Neighbors[j], t.Neighbors[i] })
	return t
}

func blackhole(block netip.Prefix) inspect.Route {
	r := inspect.Route{Type: "blackhole", Dst: block, Protocol: "80"}
	if r.Family() == inspect.IPv6 {
		r.Dev, r.Metric = "lo", 1024
	}
	return r
}
