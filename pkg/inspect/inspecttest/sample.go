package inspecttest

import (
	"net/netip"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Sample is a small Snapshot with data in each of its parts.
func Sample() *inspect.Snapshot {
	port, yes := 4789, true
	mac := inspect.MAC(calico.VTEPMAC("worker", false))
	tunnel := inspect.ByFamily[netip.Addr]{V4: netip.MustParseAddr("192.168.92.0"), V6: netip.MustParseAddr("fd00:10:244::4d00")}
	return &inspect.Snapshot{
		Tool:     "v0.1.0",
		Taken:    time.Date(2026, 8, 20, 10, 0, 0, 0, time.UTC),
		Gathered: []inspect.Fact{inspect.FactNodes, inspect.FactPods, inspect.FactTables},
		Missing:  []inspect.Missing{{Fact: inspect.FactTables, Node: "worker2", Reason: "exec: cannot create pods/exec in acme"}},
		Nodes: []inspect.Node{{
			Name: "worker", Labels: map[string]string{"kubernetes.io/hostname": "worker", "acme.com/rack": "r1"},
			Roles: []string{"worker"}, Ready: true, OS: "linux", ProviderID: "kind://docker/lab/worker",
			InternalIPs: []netip.Addr{netip.MustParseAddr("10.10.10.11"), netip.MustParseAddr("fd00:10:10::11")},
			Address: inspect.ByFamily[netip.Prefix]{
				V4: netip.MustParsePrefix("10.10.10.11/24"), V6: netip.MustParsePrefix("fd00:10:10::11/64"),
			},
			Tunnel: tunnel,
		}},
		Pods: []inspect.Pod{{
			Namespace: "shop", Name: "web-1", UID: "6a8f", Node: "worker", Phase: "Running", Ready: true,
			IPs: []netip.Addr{netip.MustParseAddr("192.168.92.5")}, Labels: map[string]string{"app": "web"}, Containers: []string{"web"},
		}},
		Services: []inspect.Service{{
			Namespace: "shop", Name: "web", Type: "ClusterIP", IPFamilies: []inspect.Family{inspect.IPv4, inspect.IPv6},
			ClusterIPs: []netip.Addr{netip.MustParseAddr("10.96.0.7")}, Selector: map[string]string{"app": "web"},
			Ports: []inspect.ServicePort{{Name: "http", Protocol: "TCP", Port: 80, TargetPort: "http"}},
		}},
		EndpointSlices: []inspect.EndpointSlice{{
			Namespace: "shop", Name: "web-abc", Service: "web", Family: inspect.IPv4,
			Ports:     []inspect.EndpointPort{{Name: "http", Protocol: "TCP", Port: 8080}},
			Endpoints: []inspect.Endpoint{{Addresses: []netip.Addr{netip.MustParseAddr("192.168.92.5")}, Ready: true, Node: "worker", Pod: "web-1"}},
		}},
		Pools: []inspect.IPPool{{
			Name: "acme-pool", CIDR: netip.MustParsePrefix("192.168.0.0/16"), BlockSize: 26, VXLANMode: inspect.EncapCrossSubnet,
			NodeSelector: `acme.com/rack == "r1" && has(kubernetes.io/hostname)`,
		}},
		Blocks: []inspect.IPAMBlock{{
			CIDR: netip.MustParsePrefix("192.168.92.0/26"), Node: "worker",
			Allocations: []inspect.Allocation{
				{IP: netip.MustParseAddr("192.168.92.0"), Node: "worker", Handle: "vxlan-tunnel-addr-worker", Type: "vxlanTunnelAddress"},
				{IP: netip.MustParseAddr("192.168.92.5"), Node: "worker", Handle: "k8s-pod-network.0123abcd", Namespace: "shop", Pod: "web-1"},
			},
		}},
		Calico: inspect.Calico{
			Version: "v3.28.5", APIGroup: "crd.projectcalico.org/v1",
			Felix:    map[string]inspect.FelixSettings{"default": {VXLANPort: &port}, "node.worker": {IPv6Support: &yes}},
			FelixEnv: inspect.FelixSettings{IPv6Support: &yes},
		},
		Lab:    inspect.Lab{Name: "lab", External: inspect.ByFamily[netip.Addr]{V4: netip.MustParseAddr("1.1.1.1")}},
		Tables: map[string]inspect.NodeTable{"worker3": {}, "worker": sampleTable(mac, tunnel.V4)},
	}
}

// sampleTable holds the kernel tables of the sample's worker.
func sampleTable(mac inspect.MAC, tunnel netip.Addr) inspect.NodeTable {
	return inspect.NodeTable{
		Links: []inspect.Link{
			{Index: 2, Name: "eth1", Kind: "veth", Up: true, LowerUp: true, MTU: 1500, MAC: inspect.MAC{2, 0x42, 0xac, 0x12, 0, 3}},
			{
				Index: 3, Name: "vxlan.calico", Kind: "vxlan", Parent: "eth1", Up: true, MTU: 1450, MAC: mac,
				VXLAN: &inspect.VXLAN{VNI: 4096, Port: 4789, Local: netip.MustParseAddr("10.10.10.11")},
			},
		},
		Addresses: []inspect.LinkAddress{{Link: "vxlan.calico", Prefix: netip.PrefixFrom(tunnel, 32), Scope: "global"}},
		Rules:     []inspect.Rule{{Family: inspect.IPv4, Priority: 32766, Table: "main"}},
		Sysctls:   map[string]string{"net.ipv4.ip_forward": "1"},
		Routes: []inspect.Route{
			{Dst: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("10.10.10.1"), Dev: "eth1", Protocol: "boot"},
			{Dst: netip.MustParsePrefix("192.168.92.0/26"), Type: "blackhole", Protocol: "80"},
			{
				Dst: netip.MustParsePrefix("192.168.215.0/26"), Gateway: netip.MustParseAddr("192.168.215.0"),
				Dev: "vxlan.calico", Protocol: "boot", MTU: 1450, OnLink: true,
			},
		},
		Neighbors: []inspect.Neighbor{
			{Dev: "vxlan.calico", IP: netip.MustParseAddr("192.168.215.0"), MAC: inspect.MAC(calico.VTEPMAC("worker2", false)), State: "PERMANENT"},
			{Dev: "eth1", IP: netip.MustParseAddr("fe80::1"), State: "FAILED"},
		},
		FDB: []inspect.FDBEntry{
			{Dev: "vxlan.calico", MAC: inspect.MAC(calico.VTEPMAC("worker2", false)), VTEP: netip.MustParseAddr("10.10.10.12"), Permanent: true},
			{Dev: "vxlan.calico"},
		},
	}
}
