package nodes

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func TestAnalyze(t *testing.T) {
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	mac := func(s string) inspect.MAC {
		m, err := inspect.ParseMAC(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	// The Ethernet addresses are those of a lab, where Felix programmed them.
	worker := inspect.Node{
		Name: "dual-stack-worker", Ready: true, Roles: []string{"worker"},
		InternalIPs: []netip.Addr{addr("fd00:10:10::11"), addr("10.10.10.11"), addr("10.10.10.99")},
		Address:     inspect.ByFamily[netip.Prefix]{V4: prefix("10.10.10.11/24"), V6: prefix("fd00:10:10::11/64")},
		Tunnel:      inspect.ByFamily[netip.Addr]{V4: addr("192.168.59.192"), V6: addr("fd00:10:244:1b38:1133:7e2c:be1e:4d00")},
	}
	workerRow := Row{
		Name: "dual-stack-worker", Ready: true, Roles: []string{"worker"},
		InternalIPv4: addr("10.10.10.11"), InternalIPv6: addr("fd00:10:10::11"),
		CalicoIPv4: prefix("10.10.10.11/24"), CalicoIPv6: prefix("fd00:10:10::11/64"),
		TunnelIPv4: addr("192.168.59.192"), TunnelIPv6: addr("fd00:10:244:1b38:1133:7e2c:be1e:4d00"),
		TunnelMACv4: mac("66:9f:32:6d:7b:c8"), TunnelMACv6: mac("66:ee:a7:ef:78:65"),
	}
	overridden := inspect.Node{
		Name:      "annotated",
		Tunnel:    inspect.ByFamily[netip.Addr]{V4: addr("192.168.0.1")},
		TunnelMAC: inspect.ByFamily[inspect.MAC]{V4: mac("02:00:00:00:00:01"), V6: mac("02:00:00:00:00:02")},
	}
	bare := inspect.Node{Name: "windows", InternalIPs: []netip.Addr{addr("10.0.0.1")}}

	for name, test := range map[string]struct {
		nodes  []inspect.Node
		family inspect.Family
		want   []Row
	}{
		"both families": {nodes: []inspect.Node{worker}, want: []Row{workerRow}},
		"an annotation overrides the Ethernet address, but there is none without a tunnel": {
			nodes: []inspect.Node{overridden},
			want:  []Row{{Name: "annotated", TunnelIPv4: addr("192.168.0.1"), TunnelMACv4: mac("02:00:00:00:00:01")}},
		},
		"no Calico": {nodes: []inspect.Node{bare}, want: []Row{{Name: "windows", InternalIPv4: addr("10.0.0.1")}}},
		"sorted by name, and a node without any address is there": {
			nodes: []inspect.Node{bare, {Name: "a"}, worker},
			want:  []Row{{Name: "a"}, workerRow, {Name: "windows", InternalIPv4: addr("10.0.0.1")}},
		},
		"IPv4 only": {
			nodes: []inspect.Node{worker, {Name: "a"}}, family: inspect.IPv4,
			want: []Row{{Name: "a"}, {
				Name: "dual-stack-worker", Ready: true, Roles: []string{"worker"}, InternalIPv4: addr("10.10.10.11"),
				CalicoIPv4: prefix("10.10.10.11/24"), TunnelIPv4: addr("192.168.59.192"), TunnelMACv4: mac("66:9f:32:6d:7b:c8"),
			}},
		},
		"IPv6 only, and there is none": {
			nodes: []inspect.Node{bare, overridden}, family: inspect.IPv6, want: []Row{{Name: "annotated"}, {Name: "windows"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Analyze(&inspect.Snapshot{Nodes: test.nodes}, Options{Family: test.family})
			if diff := cmp.Diff(test.want, got.Items,
				cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
				cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.Kind != "NodeList" {
				t.Errorf("the kind is %s", got.Kind)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	address := func(link, prefix, scope string) inspect.LinkAddress {
		return inspect.LinkAddress{Link: link, Prefix: netip.MustParsePrefix(prefix), Scope: scope}
	}
	snap := &inspect.Snapshot{
		Nodes: []inspect.Node{{Name: "a"}, {Name: "b"}, {Name: "c"}},
		Tables: map[string]inspect.NodeTable{"a": {Addresses: []inspect.LinkAddress{
			address("lo", "127.0.0.1/8", "host"), address("lo", "::1/128", "host"), address("eth1", "10.10.10.10/24", "global"),
			address("eth1", "fd00:10:10::10/64", "global"), address("eth1", "fe80::1/64", "link"),
			address("cali1", "fe80::ecee:eeff:feee:eeee/64", "link"),
		}}},
		Missing: []inspect.Missing{{Fact: inspect.FactTables, Node: "b", Reason: "no way in"}},
	}
	for family, want := range map[inspect.Family]string{
		0:            "eth1 10.10.10.10/24 global, eth1 fd00:10:10::10/64 global, eth1 fe80::1/64 link, ",
		inspect.IPv4: "eth1 10.10.10.10/24 global, ",
		inspect.IPv6: "eth1 fd00:10:10::10/64 global, eth1 fe80::1/64 link, ",
	} {
		row := Row{Name: "a"}
		row.readTable(snap, family)
		got := ""
		for _, a := range row.Addresses {
			got += a.Interface + " " + a.Prefix.String() + " " + a.Scope + ", "
		}
		if got != want || row.Problems != nil {
			t.Errorf("%v: got %q and problems %q, want %q", family, got, row.Problems, want)
		}
	}
	rows := Analyze(snap, Options{Addresses: true}).Items
	if len(rows) != 3 || len(rows[1].Problems) != 1 || rows[1].Problems[0] != "no way in" || len(rows[2].Problems) != 1 {
		t.Errorf("nodes that could not be read: got %+v", rows)
	}
	if rows := Analyze(snap, Options{}).Items; rows[0].Addresses != nil || rows[1].Problems != nil {
		t.Errorf("addresses that nobody asked for: got %+v", rows)
	}
}
