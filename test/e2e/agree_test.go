//go:build e2e

package e2e

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// tableRow is a row of any of the inspectors that verify a node's tables.
type tableRow struct {
	Node, RemoteNode, Device, Status, Expected string
	Family                                     inspect.Family
	Problems                                   []string

	MAC, VTEP, IP                  string // fdb, neighbors, vxlan
	Destination, Via, Kind, Reason string // routes
	Parent                         string // vxlan
	VNI, Port, MTU                 int
}

// TestTablesAgreeWithTheKernel compares every row of the inspectors with what bridge and ip print on the nodes, both ways.
func TestTablesAgreeWithTheKernel(t *testing.T) {
	l := shared(t)
	for _, tt := range []struct {
		command string
		kernel  func(testing.TB, string) []string
		line    func(tableRow) string
	}{
		{"fdb", kernelFDB, func(r tableRow) string {
			return fmt.Sprintf("%s %s %s %s", r.Node, r.Device, r.MAC, r.VTEP)
		}},
		{"neighbors", kernelNeighbors, func(r tableRow) string {
			return fmt.Sprintf("%s %s %s %s", r.Node, r.Device, r.IP, r.MAC)
		}},
		{"routes", kernelRoutes, func(r tableRow) string {
			return fmt.Sprintf("%s %s via %q dev %q blackhole=%t", r.Node, r.Destination, r.Via, r.Device, r.Kind == "blackhole")
		}},
		{"vxlan", kernelDevices, func(r tableRow) string {
			return fmt.Sprintf("%s %s %d %s %s %d %d %s", r.Node, r.Device, r.VNI, r.VTEP, r.Parent, r.Port, r.MTU, r.MAC)
		}},
	} {
		t.Run(tt.command, func(t *testing.T) {
			var got, want []string
			for _, r := range items[tableRow](t, l.mustPlugin(t, tt.command, "-o", "json")) {
				got = append(got, tt.line(r))
			}
			for _, node := range l.nodes() {
				want = append(want, tt.kernel(t, node)...)
			}
			if len(want) < 2*len(l.nodes()) {
				t.Errorf("the kernels hold no more than %q", want)
			}
			slices.Sort(got)
			slices.Sort(want)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("the kernels (-), the plugin (+)\n%s", d)
			}
		})
	}
}

// TestCrossSubnetIsDirect holds what surprises most in this lab: IPv4 goes between the nodes as it is, and its forwarding
// entries are there all the same.
func TestCrossSubnetIsDirect(t *testing.T) {
	l := shared(t)
	const reason = "CrossSubnet, and the node is in the same subnet: not encapsulated"
	want := map[string]int{ // per node: two others, and the own block
		"IPv4 direct " + reason:                       2,
		"IPv4 blackhole the node's own block":         1,
		"IPv6 tunnel the pool is always encapsulated": 2,
		"IPv6 blackhole the node's own block":         1,
	}
	got := map[string]map[string]int{}
	for _, r := range items[tableRow](t, l.mustPlugin(t, "routes", "-o", "json")) {
		if got[r.Node] == nil {
			got[r.Node] = map[string]int{}
		}
		got[r.Node][fmt.Sprintf("%s %s %s", r.Family, r.Kind, r.Reason)]++
	}
	for _, node := range l.nodes() {
		if d := cmp.Diff(want, got[node]); d != "" {
			t.Errorf("routes of %s (-want +got)\n%s", node, d)
		}
	}
	if wide := l.mustPlugin(t, "routes", "-o", "wide", "--family", "ipv4"); strings.Count(wide, reason) != 6 {
		t.Errorf("the wide table does not give the reason of each of 6 routes:\n%s", wide)
	}
	if rows := items[tableRow](t, l.mustPlugin(t, "fdb", "--family", "ipv4", "-o", "json")); len(rows) != 6 {
		t.Errorf("forwarding entries of IPv4: %+v, want 6", rows)
	}
}

func TestIPPoolsAgreeWithCalicoctl(t *testing.T) {
	l := shared(t)
	got := [][]string{}
	for _, p := range items[struct {
		Name, CIDR, IPIPMode, VXLANMode, NodeSelector string
		NATOutgoing, Disabled                         bool
	}](t, l.mustPlugin(t, "ippools", "-o", "json")) {
		got = append(got, []string{p.Name, p.CIDR, fmt.Sprint(p.NATOutgoing), p.IPIPMode, p.VXLANMode, fmt.Sprint(p.Disabled), p.NodeSelector})
	}
	var want [][]string
	for i, line := range strings.Split(strings.TrimSpace(l.calicoctl(t, "get", "ippools", "-o", "wide")), "\n") {
		cells := strings.Fields(line)
		if i == 0 {
			if d := cmp.Diff([]string{"NAME", "CIDR", "NAT", "IPIPMODE", "VXLANMODE", "DISABLED", "DISABLEBGPEXPORT", "SELECTOR"}, cells); d != "" {
				t.Fatalf("calicoctl's columns (-want +got)\n%s", d)
			}
			continue
		}
		want = append(want, slices.Delete(cells, 6, 7)) // the JSON has no DISABLEBGPEXPORT
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("calicoctl (-), the plugin (+)\n%s", d)
	}
}

// TestBlocksAgreeWithCalicoctl compares the use of pools and blocks with the table of "calicoctl ipam show --show-blocks".
func TestBlocksAgreeWithCalicoctl(t *testing.T) {
	l := shared(t)
	var got, want []string
	for _, p := range items[struct {
		CIDR, Capacity string
		Allocated      int
	}](t, l.mustPlugin(t, "ippools", "-o", "json")) {
		n, ok := new(big.Float).SetString(p.Capacity)
		if !ok {
			t.Errorf("capacity %q of %s", p.Capacity, p.CIDR)
			continue
		}
		got = append(got, fmt.Sprintf("IP Pool %s %s %d", p.CIDR, n.Text('g', 5), p.Allocated))
	}
	for _, b := range items[struct {
		CIDR                string
		Capacity, Allocated int
	}](t, l.mustPlugin(t, "blocks", "-o", "json")) {
		got = append(got, fmt.Sprintf("Block %s %d %d", b.CIDR, b.Capacity, b.Allocated))
	}
	for _, line := range strings.Split(l.calicoctl(t, "ipam", "show", "--show-blocks"), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 7 || strings.TrimSpace(cells[1]) == "GROUPING" {
			continue
		}
		total, ok := new(big.Float).SetString(strings.TrimSpace(cells[3]))
		inUse, _, percent := strings.Cut(strings.TrimSpace(cells[4]), " ")
		if !ok || !percent {
			t.Fatalf("calicoctl's line %q", line)
		}
		want = append(want, fmt.Sprintf("%s %s %s %s", strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2]), total.Text('g', 5), inUse))
	}
	if len(want) < 2+2*len(l.nodes()) {
		t.Errorf("calicoctl knows no more than %q", want)
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("calicoctl (-), the plugin (+)\n%s", d)
	}
}
