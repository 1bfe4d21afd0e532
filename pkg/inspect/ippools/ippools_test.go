package ippools_test

import (
	"net/netip"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/ippools"
)

func ptr[T any](v T) *T { return &v }

func TestAnalyze(t *testing.T) {
	v4 := ippools.Pool{Name: it.Pool4, CIDR: netip.MustParsePrefix("192.168.0.0/16"), Family: inspect.IPv4, BlockSize: 26,
		IPIPMode: "Never", VXLANMode: "CrossSubnet", NATOutgoing: true, AllowedUses: []string{"Workload", "Tunnel"}, NodeSelector: "all()", Capacity: "65536",
		Allocated: ptr(6)}
	v6 := ippools.Pool{Name: it.Pool6, CIDR: netip.MustParsePrefix("fd00:10:244::/48"), Family: inspect.IPv6,
		BlockSize: 122, IPIPMode: "Never", VXLANMode: "Always", NATOutgoing: true, AllowedUses: []string{"Workload", "Tunnel"}, NodeSelector: "all()",
		Capacity: "1208925819614629174706176", Allocated: ptr(6)}
	unread := func(p ippools.Pool) ippools.Pool { p.Allocated = nil; return p }
	tests := []struct {
		name     string
		snapshot *inspect.Snapshot
		family   inspect.Family
		want     []ippools.Pool
	}{
		{"lab", it.Lab(), 0, []ippools.Pool{v4, v6}},
		{"one family", it.Lab(), inspect.IPv6, []ippools.Pool{v6}},
		{"blocks not read", it.With(it.Lacking(inspect.FactBlocks, "forbidden")), 0, []ippools.Pool{unread(v4), unread(v6)}},
		{"no pools", &inspect.Snapshot{}, 0, nil},
		{"modes that the API leaves empty", &inspect.Snapshot{Pools: []inspect.IPPool{{Name: "p",
			CIDR: netip.MustParsePrefix("10.0.0.0/32"), Disabled: true}}}, 0,
			[]ippools.Pool{{Name: "p", CIDR: netip.MustParsePrefix("10.0.0.0/32"), Family: inspect.IPv4, IPIPMode: "Never",
				VXLANMode: "Never", Disabled: true, Capacity: "1", Allocated: ptr(0)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := ippools.Analyze(tt.snapshot, ippools.Options{Family: tt.family}).Items
			if diff := it.Diff(tt.want, got); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNested: an address is from the longest of the pools that contain it.
func TestNested(t *testing.T) {
	inner := netip.MustParsePrefix("192.168.0.0/24")
	s := &inspect.Snapshot{
		Pools:  []inspect.IPPool{{Name: "a", CIDR: netip.MustParsePrefix("192.168.0.0/16")}, {Name: "b", CIDR: inner}},
		Blocks: []inspect.IPAMBlock{{CIDR: netip.MustParsePrefix("192.168.0.64/26"), Allocations: make([]inspect.Allocation, 3)}},
	}
	for _, p := range ippools.Analyze(s, ippools.Options{}).Items {
		if want := map[string]int{"a": 0, "b": 3}[p.Name]; *p.Allocated != want {
			t.Errorf("pool %s: %d allocated, want %d", p.Name, *p.Allocated, want)
		}
	}
}

func TestCapacity(t *testing.T) {
	for cidr, want := range map[string]string{"0.0.0.0/0": "4294967296", "::/0": "340282366920938463463374607431768211456",
		"fd00::1/128": "1"} {
		if got := ippools.Capacity(netip.MustParsePrefix(cidr)).String(); got != want {
			t.Errorf("Capacity(%s) = %s, want %s", cidr, got, want)
		}
	}
	if got := ippools.Capacity(netip.Prefix{}).Sign(); got != 0 {
		t.Errorf("Capacity of no prefix = %d, want 0", got)
	}
}
