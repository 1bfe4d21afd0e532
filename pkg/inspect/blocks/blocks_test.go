package blocks_test

import (
	"net/netip"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/blocks"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

func TestAnalyze(t *testing.T) {
	row := func(node string, f inspect.Family) blocks.Block {
		pool, tunnel := it.Pool4, "vxlan-tunnel-addr-"
		if f == inspect.IPv6 {
			pool, tunnel = it.Pool6, "vxlan-v6-tunnel-addr-"
		}
		pod := "k8s-pod-network.multitool-" + node[len("dual-stack-"):]
		return blocks.Block{CIDR: it.HostOf(node, f).Block, Family: f, Pool: pool, Node: node, Capacity: "64", Allocated: 2,
			Handles: []string{pod, tunnel + node}}
	}
	lent := row(it.Worker, inspect.IPv6)
	lent.Allocated, lent.Handles = 3, append([]string{"k8s-pod-network.borrower"}, lent.Handles...)
	lent.Borrowed = []blocks.Borrowed{{IP: it.BorrowedAddr(it.Worker, inspect.IPv6), Node: it.Worker2}}
	load := inspect.IPAMBlock{CIDR: netip.MustParsePrefix("10.9.0.0/30"), Affinity: "virtual:load-balancer",
		Allocations: []inspect.Allocation{{IP: netip.MustParseAddr("10.9.0.1"), Node: "somewhere", Handle: "lb"}}}
	tests := []struct {
		name     string
		snapshot *inspect.Snapshot
		options  blocks.Options
		want     []blocks.Block
	}{
		{"a family", it.Lab(), blocks.Options{Family: inspect.IPv6}, []blocks.Block{row(it.ControlPlane, inspect.IPv6),
			row(it.Worker, inspect.IPv6), row(it.Worker2, inspect.IPv6)}},
		{"a node", it.Lab(), blocks.Options{Nodes: []string{it.Worker}}, []blocks.Block{row(it.Worker, inspect.IPv4),
			row(it.Worker, inspect.IPv6)}},
		{"a node that has borrowed", it.With(it.Borrowed(it.Worker, it.Worker2)),
			blocks.Options{Family: inspect.IPv6, Nodes: []string{it.Worker2}},
			[]blocks.Block{lent, row(it.Worker2, inspect.IPv6)}},
		{"no node's, in no pool", &inspect.Snapshot{Blocks: []inspect.IPAMBlock{load}}, blocks.Options{},
			[]blocks.Block{{CIDR: load.CIDR, Family: inspect.IPv4, Affinity: load.Affinity, Capacity: "4", Allocated: 1,
				Handles: []string{"lb"}}}},
		{"none", &inspect.Snapshot{}, blocks.Options{}, nil},
		{"blockSize 64", &inspect.Snapshot{Blocks: []inspect.IPAMBlock{{CIDR: netip.MustParsePrefix("fd00::/64")}}},
			blocks.Options{}, []blocks.Block{{CIDR: netip.MustParsePrefix("fd00::/64"), Family: inspect.IPv6,
				Capacity: "18446744073709551616"}}},
		{"not valid", &inspect.Snapshot{Blocks: []inspect.IPAMBlock{{}}}, blocks.Options{}, []blocks.Block{{Capacity: "0"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := it.Diff(tt.want, blocks.Analyze(tt.snapshot, tt.options).Items); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}
