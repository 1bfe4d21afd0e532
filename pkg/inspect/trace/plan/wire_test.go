package plan_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
)

// ethernet gives a node's device an address of its own, and the other nodes an entry for it.
func ethernet(s *inspect.Snapshot) {
	for i, node := range []string{it.ControlPlane, it.Worker, it.Worker2} {
		mac := it.MAC(fmt.Sprintf("02:00:00:00:00:0%d", i+1))
		it.Tables(func(name string, t *inspect.NodeTable) {
			for _, f := range inspect.Families() {
				if name != node {
					t.Neighbors = append(t.Neighbors, inspect.Neighbor{Dev: "eth1", IP: it.HostOf(node, f).Address.Addr(), MAC: mac, State: "REACHABLE"})
				}
			}
			for j := range t.Links {
				if l := &t.Links[j]; name == node && l.Name == "eth1" {
					l.MAC = mac
				}
			}
			for j := range t.Links { // pods' devices hold the gateway's address
				if l := &t.Links[j]; name == node && strings.HasPrefix(l.Name, calico.InterfacePrefix) {
					t.Links = append(t.Links, inspect.Link{Index: 70, Name: "cali00000000001", Kind: "veth", Up: true, LowerUp: true, MTU: 1430})
					for _, dev := range []string{l.Name, "cali00000000001"} {
						t.Addresses = append(t.Addresses, inspect.LinkAddress{Link: dev, Prefix: netip.PrefixFrom(calico.PodGateway(true), 64), Scope: "link"})
					}
					break
				}
			}
		})(s)
	}
}

// known changes the entry of a node's link for an address.
func known(node string, ip netip.Addr, mac, state string) it.Change {
	return it.Table(node, func(t *inspect.NodeTable) {
		for i := range t.Neighbors {
			if n := &t.Neighbors[i]; n.Dev == "eth1" && n.IP == ip {
				n.MAC, n.State = it.MAC(mac), state
			}
		}
	})
}

// podDevice is the device of a node's pod.
func podDevice(s *inspect.Snapshot, node string) string {
	for _, l := range s.Tables[node].Links {
		if strings.HasPrefix(l.Name, calico.InterfacePrefix) {
			return l.Name
		}
	}
	panic("no pod on " + node)
}

// TestWireFaults: what is wrong on the links, and with a pod's own gateway, is the cause of exactly the paths that it breaks.
func TestWireFaults(t *testing.T) {
	a, b := it.Worker, it.Worker2
	const stranger = "02:00:00:00:00:99"
	gateway := it.Lab().Lab.Gateway
	device := podDevice(it.Lab(), a)
	crossing := func(f inspect.Family) func(*trace.Planned) bool { // what node a sends to b, with the answers of what b sends to it
		return func(p *trace.Planned) bool {
			ends := []string{p.Target.Node}
			for _, e := range p.Expect.Endpoints {
				ends = append(ends, e.Node)
			}
			if p.Class == trace.Name && f != inspect.IPv4 || p.Class != trace.Name && p.Family != f {
				return false
			}
			for _, end := range ends {
				if p.Source.Node == a && end == b || p.Source.Node == b && end == a {
					return true
				}
			}
			return false
		}
	}
	toNode := func(node string, f inspect.Family) func(*trace.Planned) bool { // something is sent to it, or it answers
		return func(p *trace.Planned) bool {
			ends := []string{p.Target.Node}
			for _, e := range p.Expect.Endpoints {
				ends = append(ends, e.Node)
			}
			if p.Class == trace.Name { // DNS is on the control plane, and asked over IPv4
				return f == inspect.IPv4 && p.Source.Node == node
			}
			if p.Family != f {
				return false
			}
			for _, end := range ends {
				if end != "" && end != p.Source.Node && (end == node || p.Source.Node == node) {
					return true
				}
			}
			return false
		}
	}
	setting := func(key, value string) it.Change {
		return it.Table(a, func(t *inspect.NodeTable) {
			t.Sysctls = map[string]string{"net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1", key: value}
		})
	}
	ofPod := func(f inspect.Family) func(*trace.Planned) bool { // the pod of a sends or answers
		return func(p *trace.Planned) bool {
			answers := p.Target.Kind == trace.Pod && p.Target.Node == a
			for _, e := range p.Expect.Endpoints {
				answers = answers || e.Interface == device
			}
			if p.Class == trace.Name {
				return f == inspect.IPv4 && p.Source.Node == a
			}
			return p.Family == f && (p.Source.Node == a || answers)
		}
	}
	for _, f := range inspect.Families() {
		other := it.HostOf(b, f).Address.Addr()
		for _, tt := range []struct {
			name   string
			change it.Change
			breaks func(*trace.Planned) bool
			code   inspect.Code
			says   string
			only   inspect.Family
		}{
			{"healthy", it.All(), none, "", "", 0},
			{"another node's address", known(a, other, stranger, "PERMANENT"), crossing(f), trace.NeighborWrong, "expected 02:00:00:00:00:03, of node " + b, 0},
			{"another node's address, that will be asked for", known(a, other, stranger, "STALE"), none, "", "", 0},
			{"a network that answers for all", it.All(known(a, other, stranger, "REACHABLE"), it.Tables(func(_ string, t *inspect.NodeTable) {
				for i := range t.Neighbors {
					if t.Neighbors[i].Dev == "eth1" {
						t.Neighbors[i].MAC = it.MAC(stranger)
					}
				}
			})), none, "", "", 0},
			{"the gateway's address", known(a, gateway.Get(f), stranger, "PERMANENT"), and(class(trace.External), from(a, f)), trace.NeighborWrong, "the other nodes have 00:1c:73:00:00:01", 0},
			{"an address of two nodes", it.Table(a, func(t *inspect.NodeTable) {
				t.Addresses = append(t.Addresses, inspect.LinkAddress{Link: "eth1", Prefix: it.HostOf(b, f).Address, Scope: "global"})
			}), toNode(b, f), trace.AddressLost, "holds the address " + other.String() + " of node " + b + ", too", 0},
			{"the gateway's address, on all nodes", it.All(known(a, gateway.Get(f), stranger, "PERMANENT"), known(b, gateway.Get(f), stranger, "PERMANENT"),
				known(it.ControlPlane, gateway.Get(f), stranger, "PERMANENT")), none, "", "", 0},
			{"proxy ARP off", setting("net.ipv4.conf."+device+".proxy_arp", "0"), ofPod(f), trace.PodGateway, "proxy_arp is 0", inspect.IPv4},
			{"IPv6 off on the pod's device", setting("net.ipv6.conf."+device+".disable_ipv6", "1"), ofPod(f), trace.PodGateway, "disable_ipv6 is 1", inspect.IPv6},
			{"the gateway's address is gone", it.Table(a, func(t *inspect.NodeTable) {
				for i := range t.Addresses {
					if t.Addresses[i].Link == device {
						t.Addresses[i].Prefix = netip.MustParsePrefix("fe80::1/64")
					}
				}
			}), ofPod(f), trace.PodGateway, device + " does not have the address", inspect.IPv6},
			{"no forwarding from the pod's device", setting("net.ipv4.conf."+device+".forwarding", "0"), ofPod(f), trace.Forwarding, device + ".forwarding is 0", inspect.IPv4},
		} {
			if tt.only != 0 && tt.only != f {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", f, tt.name), func(t *testing.T) {
				broken := 0
				for _, p := range build(t, lab(ethernet, tt.change), plan.Request{}) {
					cause := causeOf(t, &p, tt.breaks)
					if cause == nil {
						continue
					}
					broken++
					if cause.Code != tt.code || cause.Node != a || !strings.Contains(cause.Summary, tt.says) || cause.Command == "" {
						t.Errorf("%s: %s on %s: %s", p.Name, cause.Code, cause.Node, cause.Summary)
					}
				}
				if (broken > 0) != (tt.code != "") {
					t.Errorf("%d paths are broken", broken)
				}
			})
		}
	}
}
