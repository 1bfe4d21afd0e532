package clusterroutes_test

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
)

const (
	cp, w1, w2 = "bgp-control-plane", "bgp-worker", "bgp-worker2"
	cpAddr4    = "10.10.10.10"
)

// The blocks of the recorded lab.
var blocks = map[string][2]string{
	cp: {"192.168.137.0/26", "fd00:10:244:9293:595e:a651:18d9:d9c0/122"},
	w1: {"192.168.246.128/26", "fd00:10:244:72e7:47da:b074:8d64:f680/122"},
	w2: {"192.168.12.192/26", "fd00:10:244:69aa:2a80:a3ee:398d:a6c0/122"},
}

// lab returns the recorded lab: Calico v3.28.5 with BIRD, both pools without encapsulation. The files hold the routes of
// its nodes as ip printed them.
func lab(t *testing.T, recording string) *inspect.Snapshot {
	t.Helper()
	s := &inspect.Snapshot{
		Calico: inspect.Calico{Version: "v3.28.5"},
		Pools: []inspect.IPPool{
			{Name: "v4", CIDR: netip.MustParsePrefix("192.168.0.0/16"), BlockSize: 26, VXLANMode: inspect.EncapNever},
			{Name: "v6", CIDR: netip.MustParsePrefix("fd00:10:244::/48"), BlockSize: 122, IPIPMode: inspect.EncapNever},
		},
		Tables: map[string]inspect.NodeTable{},
	}
	for i, node := range []string{cp, w1, w2} {
		a4, a6 := fmt.Sprintf("10.10.10.1%d/24", i), fmt.Sprintf("fd00:10:10::1%d/64", i)
		s.Nodes = append(s.Nodes, inspect.Node{Name: node, Ready: true, OS: "linux",
			Address: inspect.ByFamily[netip.Prefix]{V4: netip.MustParsePrefix(a4), V6: netip.MustParsePrefix(a6)}})
		for _, block := range blocks[node] {
			s.Blocks = append(s.Blocks, inspect.IPAMBlock{CIDR: netip.MustParsePrefix(block), Node: node})
		}
	}
	for node, lines := range sections(t, recording) {
		table := inspect.NodeTable{}
		for _, n := range s.Nodes {
			if n.Name == node {
				table.Addresses = []inspect.LinkAddress{{Link: "eth1", Prefix: n.Address.V4}, {Link: "eth1", Prefix: n.Address.V6}}
			}
		}
		for _, line := range lines {
			table.Routes = append(table.Routes, route(t, line))
		}
		s.Tables[node] = table
	}
	return s
}

// sections reads a recording: "## NODE", and its routes.
func sections(t *testing.T, recording string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", recording+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	all, node := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "## "); ok {
			node = name
		} else {
			all[node] = append(all[node], line)
		}
	}
	return all
}

// route reads a line of "ip route show".
func route(t *testing.T, line string) inspect.Route {
	t.Helper()
	words := strings.Fields(line)
	r := inspect.Route{Protocol: "boot"}
	if words[0] == "blackhole" || words[0] == "unreachable" {
		r.Type, words = words[0], words[1:]
	}
	dst := words[0]
	for words = words[1:]; len(words) >= 2; words = words[2:] {
		switch words[0] {
		case "via":
			r.Gateway = netip.MustParseAddr(words[1])
		case "dev":
			r.Dev = words[1]
		case "proto":
			r.Protocol = words[1]
		case "metric":
			r.Metric, _ = strconv.Atoi(words[1])
		case "mtu":
			r.MTU, _ = strconv.Atoi(words[1])
		default:
			t.Fatalf("route %q: %s is not known", line, words[0])
		}
	}
	if dst == "default" {
		dst = "0.0.0.0/0"
		if r.Gateway.Is6() {
			dst = "::/0"
		}
	}
	if !strings.Contains(dst, "/") {
		r.Dst = netip.PrefixFrom(netip.MustParseAddr(dst), netip.MustParseAddr(dst).BitLen())
		return r
	}
	r.Dst = netip.MustParsePrefix(dst)
	return r
}

// notOK tells the rows that are not ok as "NODE FAMILY STATUS REMOTE", sorted and counted.
func notOK(s *inspect.Snapshot, nodes ...string) map[string]int {
	got := map[string]int{}
	for _, r := range it.NotOK(routes.Analyze(s, routes.Options{Filter: felix.Filter{Nodes: nodes}})) {
		got[fmt.Sprintf("%s %s %s %s", r.Node, r.Family, r.Status, cmp.Or(r.RemoteNode, string(r.Kind)))]++
	}
	return got
}

func rows(lines ...string) map[string]int {
	all := map[string]int{}
	for _, l := range lines {
		all[l]++
	}
	return all
}

// TestRecordings: healthy clusters have no row that is not ok, and of broken ones the rows that are lost.
func TestRecordings(t *testing.T) {
	missing := func(family string, pairs ...[2]string) map[string]int {
		all := map[string]int{}
		for _, p := range pairs {
			all[fmt.Sprintf("%s %s missing %s", p[0], family, p[1])]++
		}
		return all
	}
	everyPair := [][2]string{{cp, w1}, {cp, w2}, {w1, cp}, {w1, w2}, {w2, cp}, {w2, w1}}
	all := missing("IPv6", everyPair...)
	both := missing("IPv6", everyPair...)
	for row := range missing("IPv4", everyPair...) {
		both[row]++
	}
	worker2Moved := func(s *inspect.Snapshot) { s.Nodes[2].Address.V6 = netip.MustParsePrefix("fd00:10:20::12/64") }
	tests := []struct {
		recording string
		nodes     []string // those that were recorded
		change    it.Change
		want      map[string]int
		problem   string // of each row
	}{
		{recording: "mesh", want: rows()},
		{recording: "tor", nodes: []string{w1}, want: rows()},
		{recording: "third-party-next-hop", nodes: []string{w1}, want: rows()},
		{recording: "two-subnets", change: worker2Moved, want: rows()},
		{recording: "bird6-down", want: missing("IPv6", [2]string{cp, w2}, [2]string{w1, w2})},
		{recording: "drop179", want: missing("IPv6", [2]string{cp, w1}, [2]string{w1, cp}, [2]string{w1, w2}, [2]string{w2, w1})},
		{recording: "mesh-off", want: both},
		{recording: "tor-wrong-as-v6", want: all},
		{recording: "tor-filter-v6", want: all},
		{recording: "disable-bgp-export-v6", change: func(s *inspect.Snapshot) { s.Pools[1].DisableBGPExport = true },
			want: all, problem: "pool v6 has disableBGPExport"},
		{recording: "no-ipv6-annotation", change: func(s *inspect.Snapshot) { s.Nodes[2].Address.V6 = netip.Prefix{} },
			want:    missing("IPv6", [2]string{cp, w2}, [2]string{w1, w2}, [2]string{w2, cp}, [2]string{w2, w1}),
			problem: "node bgp-worker2 has no IPv6 address"},
		{recording: "address-removed", nodes: []string{w1}, problem: "device is eth0, expected eth1",
			want: rows("bgp-worker IPv6 wrong bgp-control-plane", "bgp-worker IPv6 wrong bgp-worker2")},
		{recording: "mesh-not-reloaded", nodes: []string{w1}, want: map[string]int{
			"bgp-worker IPv4 missing blackhole": 1, "bgp-worker IPv6 missing blackhole": 1,
			"bgp-worker IPv4 missing bgp-control-plane": 1, "bgp-worker IPv6 missing bgp-control-plane": 1,
			"bgp-worker IPv4 missing bgp-worker2": 1, "bgp-worker IPv6 missing bgp-worker2": 1,
			"bgp-worker IPv4 unexpected bgp-control-plane": 4, "bgp-worker IPv6 unexpected bgp-control-plane": 4,
			"bgp-worker IPv4 unexpected bgp-worker2": 1, "bgp-worker IPv6 unexpected bgp-worker2": 1,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.recording, func(t *testing.T) {
			s := lab(t, tt.recording)
			if tt.change != nil {
				tt.change(s)
			}
			if diff := gocmp.Diff(tt.want, notOK(s, tt.nodes...)); diff != "" {
				t.Errorf("rows that are not ok (-want +got):\n%s", diff)
			}
			list := routes.Analyze(s, routes.Options{Filter: felix.Filter{Nodes: tt.nodes}})
			if len(list.Omitted) > 0 {
				t.Errorf("omitted: %v, want nothing", list.Omitted)
			}
			for _, r := range it.NotOK(list) {
				if tt.problem != "" && !strings.Contains(r.Details(), tt.problem) {
					t.Errorf("row %+v: problems %q, want %q", r, r.Problems, tt.problem)
				}
			}
		})
	}
}

// edit changes the routes of the recorded mesh on the worker.
func edit(change func([]inspect.Route) []inspect.Route) it.Change {
	return func(s *inspect.Snapshot) {
		table := s.Tables[w1]
		table.Routes = change(table.Routes)
		s.Tables[w1] = table
	}
}

func add(lines ...string) func(*testing.T) it.Change {
	return func(t *testing.T) it.Change {
		return edit(func(all []inspect.Route) []inspect.Route {
			for _, line := range lines {
				all = append(all, route(t, line))
			}
			return all
		})
	}
}

// replace gives the worker another route to the IPv4 block of the control plane.
func replace(lines ...string) func(*testing.T) it.Change {
	return func(t *testing.T) it.Change {
		remove := edit(func(all []inspect.Route) []inspect.Route {
			return slices.DeleteFunc(all, func(r inspect.Route) bool { return r.Dst.String() == blocks[cp][0] })
		})
		return it.All(remove, add(lines...)(t))
	}
}

func pool4(change func(*inspect.IPPool)) func(*testing.T) it.Change {
	return func(*testing.T) it.Change { return func(s *inspect.Snapshot) { change(&s.Pools[0]) } }
}

func borrow(s *inspect.Snapshot) {
	for i := range s.Blocks {
		if b := &s.Blocks[i]; b.Node == cp {
			b.Allocations = append(b.Allocations, inspect.Allocation{IP: b.CIDR.Addr().Next(), Node: w2})
		}
	}
}

// TestVariants changes the routes of a node of the recorded mesh.
func TestVariants(t *testing.T) {
	toCP := "192.168.137.0/26 via " + cpAddr4 + " dev eth1"
	lostCP := rows("bgp-worker IPv4 missing bgp-control-plane")
	wrongCP := rows("bgp-worker IPv4 wrong bgp-control-plane")
	tests := []struct {
		name   string
		change func(*testing.T) it.Change
		want   map[string]int
	}{
		{"Felix's route", replace(toCP + " proto 80"), rows()},
		{"with metric", replace(toCP + " proto bird metric 1024"), rows()},
		{"static", replace(toCP + " proto static"), rows()},
		{"two routers", replace("192.168.137.0/26 via 10.10.10.1 dev eth1 proto bird", "192.168.137.0/26 via 10.10.10.2 dev eth1 proto bird"), rows()},
		{"by a third node", replace("192.168.137.0/26 via 10.10.10.12 dev eth1 proto bird"), wrongCP},
		{"by another interface", replace("192.168.137.0/26 via 172.18.0.1 dev eth0 proto bird"), wrongCP},
		{"dropped", replace("blackhole 192.168.137.0/26 proto bird"), wrongCP},
		{"none", replace(), lostCP},
		{"none, but all of the pool", replace("192.168.0.0/16 via 10.10.10.1 dev eth1 proto bird"), rows()},
		{"none, but BGP's default", replace("default via 10.10.10.1 dev eth1 proto bird"), rows()},
		{"none, but somebody's default", replace("default via 10.10.10.1 dev eth1"), lostCP},
		{"block of nobody", add("192.168.99.0/26 via 10.10.10.12 dev eth1 proto bird"),
			rows("bgp-worker IPv4 unexpected bgp-worker2")},
		{"route to elsewhere", add("203.0.113.0/24 via 10.10.10.1 dev eth1 proto bird"), rows()},
		{"node that is down", func(t *testing.T) it.Change {
			return it.All(replace()(t), func(s *inspect.Snapshot) { s.Nodes[0].Ready = false })
		}, rows()},
		{"node that is gone", func(*testing.T) it.Change {
			return func(s *inspect.Snapshot) {
				s.Blocks = append(s.Blocks, inspect.IPAMBlock{CIDR: netip.MustParsePrefix("192.168.77.0/26"), Node: "gone"})
			}
		}, rows()},
		{"borrowed, no route", func(*testing.T) it.Change { return borrow },
			rows("bgp-worker IPv4 missing bgp-worker2", "bgp-worker IPv6 missing bgp-worker2")},
		{"borrowed", func(t *testing.T) it.Change {
			return it.All(borrow, add("192.168.137.1 via 10.10.10.12 dev eth1 proto bird",
				"fd00:10:244:9293:595e:a651:18d9:d9c1 via fd00:10:10::12 dev eth1 proto bird metric 1024")(t))
		}, rows()},
		{"own block unreachable", func(t *testing.T) it.Change {
			return it.All(edit(func(all []inspect.Route) []inspect.Route {
				return slices.DeleteFunc(all, func(r inspect.Route) bool { return r.Dst.String() == blocks[w1][0] })
			}), add("unreachable 192.168.246.128/26 proto bird")(t))
		}, rows()},
		{"IPIP, and routes of a pool without encapsulation", pool4(func(p *inspect.IPPool) { p.IPIPMode = inspect.EncapAlways }),
			rows("bgp-worker IPv4 wrong bgp-control-plane", "bgp-worker IPv4 wrong bgp-worker2")},
		{"load balancers only", pool4(func(p *inspect.IPPool) { p.AllowedUses = []string{"LoadBalancer"} }), rows()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := lab(t, "mesh")
			tt.change(t)(s)
			if diff := gocmp.Diff(tt.want, notOK(s, w1)); diff != "" {
				t.Errorf("rows that are not ok (-want +got):\n%s", diff)
			}
		})
	}
}

// TestIPIP compares the routes of a pool of IPIP, by the rows of the worker that are not ok.
func TestIPIP(t *testing.T) {
	const toCP, toW2 = "192.168.137.0/26", "192.168.12.192/26"
	tests := []struct {
		name   string
		mode   inspect.EncapMode
		node   string   // address of the other worker; empty: in the same subnet
		routes []string // of the worker, to the others' blocks
		want   map[string]int
	}{
		{"BIRD's", inspect.EncapAlways, "",
			[]string{toCP + " via 10.10.10.10 dev tunl0 proto bird onlink ", toW2 + " via 10.10.10.12 dev tunl0 proto bird onlink "}, rows()},
		{"BIRD's, since v3.32", inspect.EncapAlways, "",
			[]string{toCP + " via 10.10.10.10 dev tunl0 proto bird metric 1024 onlink ", toW2 + " via 10.10.10.12 dev tunl0 proto bird metric 1024 onlink "}, rows()},
		{"Felix's", inspect.EncapAlways, "",
			[]string{toCP + " via 10.10.10.10 dev tunl0 proto 80 mtu 1480 onlink ", toW2 + " via 10.10.10.12 dev tunl0 proto 80 mtu 1480 onlink "}, rows()},
		{"by a router", inspect.EncapAlways, "",
			[]string{toCP + " via 10.10.10.1 dev tunl0 proto bird onlink ", toW2 + " via 10.10.10.12 dev tunl0 proto bird onlink "}, rows()},
		{"one missing", inspect.EncapAlways, "", []string{toCP + " via 10.10.10.10 dev tunl0 proto bird onlink "}, rows("bgp-worker IPv4 missing bgp-worker2")},
		{"all missing", inspect.EncapAlways, "", nil,
			rows("bgp-worker IPv4 missing bgp-control-plane", "bgp-worker IPv4 missing bgp-worker2")},
		{"to a third node", inspect.EncapAlways, "",
			[]string{toCP + " via 10.10.10.12 dev tunl0 proto bird onlink ", toW2 + " via 10.10.10.12 dev tunl0 proto bird onlink "},
			rows("bgp-worker IPv4 wrong bgp-control-plane")},
		{"not encapsulated", inspect.EncapAlways, "",
			[]string{toCP + " via 10.10.10.10 dev eth1 proto bird", toW2 + " via 10.10.10.12 dev tunl0 proto bird onlink "},
			rows("bgp-worker IPv4 wrong bgp-control-plane")},
		{"between subnets", inspect.EncapCrossSubnet, "10.20.20.12/24",
			[]string{toCP + " via 10.10.10.10 dev eth1 proto bird", toW2 + " via 10.20.20.12 dev tunl0 proto bird onlink "}, rows()},
		{"between subnets, not encapsulated", inspect.EncapCrossSubnet, "10.20.20.12/24",
			[]string{toCP + " via 10.10.10.10 dev eth1 proto bird", toW2 + " via 10.10.10.1 dev eth1 proto bird"},
			rows("bgp-worker IPv4 wrong bgp-worker2")},
		{"in one subnet, encapsulated", inspect.EncapCrossSubnet, "",
			[]string{toCP + " via 10.10.10.10 dev tunl0 proto bird onlink ", toW2 + " via 10.10.10.12 dev eth1 proto bird"},
			rows("bgp-worker IPv4 wrong bgp-control-plane")},
		{"left from another node", inspect.EncapAlways, "",
			[]string{toCP + " via 10.10.10.10 dev tunl0 proto bird onlink ", toW2 + " via 10.10.10.12 dev tunl0 proto bird onlink ",
				"192.168.99.0/26 via 10.10.10.99 dev tunl0 proto bird onlink "}, rows("bgp-worker IPv4 unexpected tunnel")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := lab(t, "mesh")
			s.Pools[0].IPIPMode = tt.mode
			if tt.node != "" {
				s.Nodes[2].Address.V4 = netip.MustParsePrefix(tt.node)
			}
			table := s.Tables[w1]
			table.Routes = slices.DeleteFunc(table.Routes, func(r inspect.Route) bool { return r.Dst.Addr().Is4() && r.Gateway.IsValid() && r.Protocol == "bird" })
			for _, line := range tt.routes {
				r := route(t, strings.TrimSuffix(line, " onlink "))
				r.OnLink = strings.HasSuffix(line, " onlink ")
				table.Routes = append(table.Routes, r)
			}
			s.Tables[w1] = table
			if diff := gocmp.Diff(tt.want, notOK(s, w1)); diff != "" {
				t.Errorf("rows that are not ok (-want +got):\n%s", diff)
			}
		})
	}
}

// TestFelixAlone: Felix makes no routes to other subnets.
func TestFelixAlone(t *testing.T) {
	s := lab(t, "mesh")
	for node, table := range s.Tables {
		table.Routes = slices.DeleteFunc(table.Routes, func(r inspect.Route) bool { return r.Gateway == s.Nodes[2].Address.V4.Addr() })
		for i := range table.Routes {
			if r := &table.Routes[i]; r.Protocol == "bird" {
				r.Protocol = "80"
			}
		}
		s.Tables[node] = table
	}
	if got, want := notOK(s, w1), rows("bgp-worker IPv4 missing bgp-worker2"); gocmp.Diff(want, got) != "" {
		t.Errorf("same subnet: rows %v, want %v", got, want)
	}
	s.Nodes[2].Address.V4 = netip.MustParsePrefix("10.20.20.12/24")
	if got := notOK(s, w1); len(got) > 0 {
		t.Errorf("another subnet: rows %v, want none", got)
	}
}

// TestOmitted: what cannot be said is omitted, with a reason.
func TestOmitted(t *testing.T) {
	disabled := true
	tests := []struct {
		name   string
		change it.Change
		want   string // reasons
	}{
		{"mesh", func(*inspect.Snapshot) {}, ""},
		{"nobody makes routes", func(s *inspect.Snapshot) { s.Tables = map[string]inspect.NodeTable{cp: {}, w1: {}, w2: {}} },
			"pool without encapsulation"},
		{"host-local IPAM", func(s *inspect.Snapshot) { s.Blocks = nil }, "host-local IPAM"},
		{"IPIP", func(s *inspect.Snapshot) { s.Pools[0].IPIPMode = inspect.EncapCrossSubnet }, ""},
		{"load balancers only", func(s *inspect.Snapshot) { s.Pools[0].AllowedUses = []string{"LoadBalancer"} }, ""},
		{"BIRD needs no Felix", func(s *inspect.Snapshot) {
			s.Calico.FelixEnv = inspect.FelixSettings{RouteSyncDisabled: &disabled, RouteSource: "WorkloadIPs"}
		}, ""},
		{"eBPF", func(s *inspect.Snapshot) { s.Calico.FelixEnv.BPFEnabled = &disabled }, "eBPF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := lab(t, "mesh")
			tt.change(s)
			var reasons []string
			for _, o := range routes.Analyze(s, routes.Options{}).Omitted {
				reasons = append(reasons, o.Reason)
			}
			slices.Sort(reasons)
			if got := strings.Join(slices.Compact(reasons), ", "); got != tt.want {
				t.Errorf("omitted because of %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("tables not read", func(t *testing.T) {
		s := lab(t, "mesh")
		s.Tables = nil
		list := routes.Analyze(s, routes.Options{})
		if len(list.Omitted) > 0 || len(list.Items) != 6 || list.Items[0].Status != inspect.StatusUnknown {
			t.Errorf("omitted %v and rows %+v, want six unknown rows", list.Omitted, list.Items)
		}
	})
}
