// Package inspecttest builds snapshots for the tests of the inspectors: a healthy lab of three nodes with their kernel
// tables, a cluster of any size, and faults to put into them.
//
// The tables were observed on such nodes and are written here with literal addresses. They use nothing of package felix,
// since tests compare them with its results.
package inspecttest

import (
	"net/netip"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The nodes of the lab.
const (
	ControlPlane = "dual-stack-control-plane"
	Worker       = "dual-stack-worker"
	Worker2      = "dual-stack-worker2"
)

// The tunnel devices.
const (
	Device4 = "vxlan.calico"
	Device6 = "vxlan-v6.calico"
)

// The pools of the lab.
const (
	Pool4 = "default-ipv4-ippool"
	Pool6 = "default-ipv6-ippool"
)

// Host holds a lab node's addresses in one family.
type Host struct {
	Name    string
	Address netip.Prefix // with the length of the subnet, as annotated
	Block   netip.Prefix
	Tunnel  netip.Addr
	MAC     inspect.MAC // of the tunnel device
	Pod     netip.Addr  // of the node's multitool pod
}

// Device returns the name of the tunnel device of a family.
func Device(f inspect.Family) string {
	if f == inspect.IPv4 {
		return Device4
	}
	return Device6
}

// Hosts returns the hosts of the lab in a family, in order of their names.
func Hosts(f inspect.Family) []Host {
	if f == inspect.IPv4 {
		return []Host{
			host(ControlPlane, "10.10.10.10/24", "192.168.219.64/26", "192.168.219.64", "66:24:4b:f3:cd:ec", "192.168.219.70"),
			host(Worker, "10.10.10.11/24", "192.168.23.128/26", "192.168.23.128", "66:9f:32:6d:7b:c8", "192.168.23.130"),
			host(Worker2, "10.10.10.12/24", "192.168.116.0/26", "192.168.116.0", "66:a7:cb:3a:13:53", "192.168.116.2"),
		}
	}
	return []Host{
		host(ControlPlane, "fd00:10:10::10/64", "fd00:10:244:eda7:6a5f:5bd2:bb1c:1940/122",
			"fd00:10:244:eda7:6a5f:5bd2:bb1c:1940", "66:ea:8e:de:57:b9", "fd00:10:244:eda7:6a5f:5bd2:bb1c:1946"),
		host(Worker, "fd00:10:10::11/64", "fd00:10:244:1b38:1133:7e2c:be1e:4d00/122",
			"fd00:10:244:1b38:1133:7e2c:be1e:4d00", "66:ee:a7:ef:78:65", "fd00:10:244:1b38:1133:7e2c:be1e:4d02"),
		host(Worker2, "fd00:10:10::12/64", "fd00:10:244:b742:2d01:58:8f51:b000/122",
			"fd00:10:244:b742:2d01:58:8f51:b000", "66:52:6a:03:c1:3b", "fd00:10:244:b742:2d01:58:8f51:b002"),
	}
}

// HostOf returns the host of one lab node in a family.
func HostOf(node string, f inspect.Family) Host {
	for _, h := range Hosts(f) {
		if h.Name == node {
			return h
		}
	}
	panic("no such node in the lab: " + node)
}

func host(name, address, block, tunnel, mac, pod string) Host {
	return Host{Name: name, Address: netip.MustParsePrefix(address), Block: netip.MustParsePrefix(block),
		Tunnel: netip.MustParseAddr(tunnel), MAC: MAC(mac), Pod: netip.MustParseAddr(pod)}
}

// MAC parses a well-formed address.
func MAC(s string) inspect.MAC {
	mac, err := inspect.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return mac
}

// Lab returns the healthy lab with all facts: Calico v3.28.5, IPv4 unencapsulated within the subnet, IPv6 by VXLAN.
func Lab() *inspect.Snapshot {
	s := &inspect.Snapshot{
		Taken:    time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Gathered: inspect.Facts(),
		Calico: inspect.Calico{Version: "v3.28.5", APIGroup: "crd.projectcalico.org/v1",
			Felix:    map[string]inspect.FelixSettings{"default": {}},
			FelixEnv: inspect.FelixSettings{VXLANMTU: new(int), IPv6Support: ptr(true)}},
		Pools:  labPools(),
		Lab:    labRecord(),
		Tables: map[string]inspect.NodeTable{},
	}
	for i, name := range []string{ControlPlane, Worker, Worker2} {
		h4, h6 := HostOf(name, inspect.IPv4), HostOf(name, inspect.IPv6)
		s.Nodes = append(s.Nodes, labNode(i, h4, h6))
		s.Blocks = append(s.Blocks, labBlock(h4), labBlock(h6))
		s.Tables[name] = labTable(h4, h6)
	}
	addPods(s)
	addServices(s)
	addSystem(s)
	return s
}

func labPools() []inspect.IPPool {
	return []inspect.IPPool{
		{Name: Pool4, CIDR: netip.MustParsePrefix("192.168.0.0/16"), BlockSize: 26, IPIPMode: inspect.EncapNever,
			VXLANMode: inspect.EncapCrossSubnet, NATOutgoing: true, NodeSelector: "all()",
			AllowedUses: []string{"Workload", "Tunnel"}},
		{Name: Pool6, CIDR: netip.MustParsePrefix("fd00:10:244::/48"), BlockSize: 122, IPIPMode: inspect.EncapNever,
			VXLANMode: inspect.EncapAlways, NATOutgoing: true, NodeSelector: "all()",
			AllowedUses: []string{"Workload", "Tunnel"}},
	}
}

func labRecord() inspect.Lab {
	return inspect.Lab{
		Name:     "dual-stack",
		External: inspect.ByFamily[netip.Addr]{V4: netip.MustParseAddr("1.1.1.1"), V6: netip.MustParseAddr("2001:db8::1")},
		Gateway: inspect.ByFamily[netip.Addr]{V4: netip.MustParseAddr("10.10.10.1"),
			V6: netip.MustParseAddr("fd00:10:10::1")},
		Fabric: inspect.ByFamily[netip.Prefix]{V4: netip.MustParsePrefix("10.10.10.0/24"),
			V6: netip.MustParsePrefix("fd00:10:10::/64")},
	}
}

func labNode(i int, h4, h6 Host) inspect.Node {
	n := inspect.Node{
		Name:        h4.Name,
		Labels:      map[string]string{"kubernetes.io/hostname": h4.Name, "kubernetes.io/os": "linux"},
		Ready:       true,
		InternalIPs: []netip.Addr{h4.Address.Addr(), h6.Address.Addr()},
		OS:          "linux",
		Address:     inspect.ByFamily[netip.Prefix]{V4: h4.Address, V6: h6.Address},
		Tunnel:      inspect.ByFamily[netip.Addr]{V4: h4.Tunnel, V6: h6.Tunnel},
	}
	if i == 0 {
		n.Roles = []string{"control-plane"}
		n.Labels["node-role.kubernetes.io/control-plane"] = ""
	}
	return n
}

func labBlock(h Host) inspect.IPAMBlock {
	f := inspect.FamilyOf(h.Tunnel)
	tunnel := inspect.Allocation{IP: h.Tunnel, Node: h.Name, Handle: "vxlan-tunnel-addr-" + h.Name,
		Type: "vxlanTunnelAddress"}
	if f == inspect.IPv6 {
		tunnel.Handle, tunnel.Type = "vxlan-v6-tunnel-addr-"+h.Name, "vxlanV6TunnelAddress"
	}
	return inspect.IPAMBlock{CIDR: h.Block, Node: h.Name, Allocations: []inspect.Allocation{tunnel,
		{IP: h.Pod, Node: h.Name, Handle: "k8s-pod-network." + podName(h.Name), Namespace: "default", Pod: podName(h.Name)}}}
}

func ptr[T any](v T) *T { return &v }
