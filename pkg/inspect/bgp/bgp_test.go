package bgp_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// TestHealthy: no healthy cluster has a row that is not ok.
func TestHealthy(t *testing.T) {
	for _, c := range it.Healthy() {
		report := bgp.Analyze(c.Snapshot, felix.Filter{})
		for _, s := range report.Items {
			if s.Status != inspect.StatusOK {
				t.Errorf("%s: %s %s %s: %s", c.Name, s.Node, s.Family, s.Peer, s.Details())
			}
		}
	}
}

// rows says of each row that is not ok: NODE FAMILY PEER STATUS (fault).
func rows(s *inspect.Snapshot) []string {
	var all []string
	for _, r := range bgp.Analyze(s, felix.Filter{}).Items {
		if r.Status == inspect.StatusOK {
			continue
		}
		peer := r.PeerNode
		if peer == "" && r.Peer.IsValid() {
			peer = r.Peer.String()
		}
		all = append(all, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s %s (%s)", r.Node, r.Family, peer, r.Status, r.Fault)), " "))
	}
	return all
}

func down(state, err string) func(*inspect.Session) {
	return func(s *inspect.Session) {
		*s = inspect.Session{Kind: s.Kind, Peer: s.Peer, ASN: s.ASN, State: state, LastError: err, Since: "12:30:00"}
	}
}

func peers(all ...inspect.BGPPeer) it.Change {
	return func(s *inspect.Snapshot) { s.Calico.Peers = append(s.Calico.Peers, all...) }
}

func meshOff(s *inspect.Snapshot) {
	off := false
	s.Calico.BGP.NodeMesh = &off
}

func noSessions(s *inspect.Snapshot) {
	for node := range s.BIRD {
		s.BIRD[node] = inspect.ByFamily[inspect.BIRD]{}
	}
}

// TestFaults holds which rows a fault changes, and what the first of them says. No other family's row changes.
func TestFaults(t *testing.T) {
	const f = inspect.IPv6
	w, w2, cp := it.Worker, it.Worker2, it.ControlPlane
	router := inspect.IPv4
	half := []string{w + " IPv6 " + w2 + " wrong (not established)", w2 + " IPv6 " + w + " wrong (dying)"} // the other end does not know yet
	for _, tt := range []struct {
		name   string
		change it.Change
		want   []string
		says   string
	}{
		{"TCP dropped, and all ends say Established", it.All(it.Session(w, w2, f, func(s *inspect.Session) { s.HoldLeft = 60 })),
			[]string{w + " IPv6 " + w2 + " wrong (dying)"}, "nothing has come from the peer for at least 120 s: the session ends in 60 s"},
		{"a timer that BIRD shortened", it.Session(w, w2, f, func(s *inspect.Session) { s.HoldLeft = 110 }), nil, ""},
		{"a short hold time on a busy node", it.Session(w, w2, f, func(s *inspect.Session) { s.HoldLeft, s.HoldTime = 2, 9 }), nil, ""},
		{"TCP dropped, later", it.All(it.Session(w, w2, f, down("Connect", "BGP Error: Hold timer expired")), it.Session(w2, w, f, down("Passive", "BGP Error: Hold timer expired"))),
			[]string{w + " IPv6 " + w2 + " wrong (not established)", w2 + " IPv6 " + w + " wrong (not established)"},
			"Connect, BGP Error: Hold timer expired: nothing came from node " + w2 + " for the hold time: TCP port 179 is blocked in IPv6"},
		{"the other end has no such session", it.All(it.Session(w, w2, f, down("Active", "Socket: Connection closed")), it.BIRD(w2, f, func(b *inspect.BIRD) {
			b.Sessions = slices.DeleteFunc(b.Sessions, func(s inspect.Session) bool { return s.Peer == it.HostOf(w, f).Address.Addr() })
		})), []string{w + " IPv6 " + w2 + " wrong (not established)", w2 + " IPv6 " + w + " missing (stale)"}, "node " + w2 + " has no session with node " + w},
		{"a router that has no such session", it.All(it.ByRouter, it.BIRD(w, f, func(b *inspect.BIRD) { down("Active", "Socket: Connection closed")(&b.Sessions[0]) })),
			[]string{w + " IPv6 fd00:10:10::1 wrong (not established)"}, "the peer ends each connection"},
		{"both wait", it.All(it.Session(w, w2, f, down("Passive", "")), it.Session(w2, w, f, down("Passive", ""))),
			[]string{w + " IPv6 " + w2 + " wrong (not established)", w2 + " IPv6 " + w + " wrong (not established)"}, "both ends wait for the other to connect"},
		{"one waits", it.Session(w, w2, f, down("Passive", "")), []string{w + " IPv6 " + w2 + " wrong (not established)", w2 + " IPv6 " + w + " wrong (dying)"},
			"established, and not at the other end: there it is Passive"},
		{"another AS number there", it.Session(w, w2, f, down("Idle", "BGP Error: Bad peer AS")), half,
			"node " + w2 + " has another AS number than 64512"},
		{"another AS number here", it.Session(w, w2, f, down("Idle", "Received: Bad peer AS")), half,
			"node " + w2 + " expects another AS number than 64512"},
		{"a node that is down", it.All(it.Session(w, w2, f, down("Active", "Socket: No route to host")), it.Annotate(w2, func(n *inspect.Node) { n.Ready = false })),
			half, "node " + w2 + " is not ready"},
		{"bird6 stopped", it.All(it.BIRD(w2, f, func(b *inspect.BIRD) { *b = inspect.BIRD{Silent: "Unable to connect"} }),
			it.Session(w, w2, f, down("Passive", "Received: Administrative shutdown")), it.Session(cp, w2, f, down("Passive", "Received: Administrative shutdown"))),
			[]string{cp + " IPv6 " + w2 + " wrong (not established)", w + " IPv6 " + w2 + " wrong (not established)",
				w2 + " IPv6 " + cp + " missing (silent)", w2 + " IPv6 " + w + " missing (silent)"},
			"bird6 of node " + w2 + " does not answer"},
		{"mesh off without peers", it.All(meshOff, noSessions), []string{
			cp + " IPv4 missing (none)", cp + " IPv6 missing (none)", w + " IPv4 missing (none)", w + " IPv6 missing (none)",
			w2 + " IPv4 missing (none)", w2 + " IPv6 missing (none)"}, "the mesh of nodes is off (nodeToNodeMeshEnabled), and no BGPPeer gives node"},
		{"mesh off, and BIRD goes on with it", meshOff, []string{
			cp + " IPv4 " + w + " unexpected (stale)", cp + " IPv4 " + w2 + " unexpected (stale)", cp + " IPv6 " + w + " unexpected (stale)", cp + " IPv6 " + w2 + " unexpected (stale)",
			w + " IPv4 " + cp + " unexpected (stale)", w + " IPv4 " + w2 + " unexpected (stale)", w + " IPv6 " + cp + " unexpected (stale)", w + " IPv6 " + w2 + " unexpected (stale)",
			w2 + " IPv4 " + cp + " unexpected (stale)", w2 + " IPv4 " + w + " unexpected (stale)", w2 + " IPv6 " + cp + " unexpected (stale)", w2 + " IPv6 " + w + " unexpected (stale)",
		}, "has an old configuration"},
		{"no IPv6 address in the datastore", it.All(it.Annotate(w2, func(n *inspect.Node) { n.Address.V6 = netip.Prefix{} }),
			it.BIRD(w2, f, func(b *inspect.BIRD) { b.Sessions = nil }), it.BIRD(w, f, func(b *inspect.BIRD) { b.Sessions = b.Sessions[:1] }),
			it.BIRD(cp, f, func(b *inspect.BIRD) { b.Sessions = b.Sessions[:1] })),
			[]string{w2 + " IPv6 missing (none)"}, "node " + w2 + " has no IPv6 address (annotation projectcalico.org/IPv6Address)"},
		{"a peer that never comes holds all routes", it.All(peers(inspect.BGPPeer{Name: "dead", Node: w, PeerIP: netip.MustParseAddr("fd00:10:10::77"), ASN: 64512}),
			it.BIRD(w, f, func(b *inspect.BIRD) {
				b.Recovery = "236/240"
				for i := range b.Sessions {
					b.Sessions[i].Held, b.Sessions[i].Imported = true, 0
				}
				b.Sessions = append(b.Sessions, inspect.Session{Kind: inspect.SessionNode, Peer: netip.MustParseAddr("fd00:10:10::77"), State: "Connect"})
			})), []string{w + " IPv6 " + cp + " wrong (held)", w + " IPv6 " + w2 + " wrong (held)", w + " IPv6 fd00:10:10::77 wrong (not established)"},
			"gives the kernel no route for up to 236 s of 240 more, since it waits for fd00:10:10::77"},
		{"a filter rejects", it.All(it.Session(w, w2, f, func(s *inspect.Session) { s.Imported = 0 }), it.Session(w2, w, f, func(s *inspect.Session) { s.Exported = 0 })),
			[]string{w + " IPv6 " + w2 + " wrong (no routes)", w2 + " IPv6 " + w + " wrong (no routes)"}, "brings no route, though node " + w2 + " has blocks"},
		{"a pool that is not exported", it.All(it.Pools(f, func(p *inspect.IPPool) { p.DisableBGPExport = true }), it.BIRD(w, f, func(b *inspect.BIRD) {
			for i := range b.Sessions {
				b.Sessions[i].Imported, b.Sessions[i].Exported = 0, 0
			}
		})), nil, ""},
		{"a router that brings nothing", it.All(it.ByRouter, it.BIRD(w, router, func(b *inspect.BIRD) { b.Sessions[0].Imported = 0 })),
			[]string{w + " IPv4 10.10.10.1 wrong (no routes)"}, "brings no route, though other nodes have blocks"},
		{"a router that is sent nothing, by a filter", it.All(it.ByRouter, func(s *inspect.Snapshot) { s.Calico.Peers[1].Filters = []string{"no-v6"} },
			it.BIRD(w, f, func(b *inspect.BIRD) { b.Sessions[0].Exported = 0 })),
			[]string{w + " IPv6 fd00:10:10::1 wrong (no routes)"}, "(BGPPeer router-v6 has BGPFilter no-v6)"},
		{"a second router that gets nothing by intent", it.All(it.ByRouter, peers(inspect.BGPPeer{Name: "other", PeerIP: netip.MustParseAddr("fd00:10:10::2")}),
			func(s *inspect.Snapshot) {
				for node := range s.BIRD {
					it.BIRD(node, f, func(b *inspect.BIRD) {
						second := it.Established(inspect.SessionGlobal, netip.MustParseAddr("fd00:10:10::2"), 0)
						second.Imported, second.Exported = 0, 0
						b.Sessions = append(b.Sessions, second)
					})(s)
				}
			}), nil, ""},
		{"the configuration says another AS", it.All(it.ByRouter, func(s *inspect.Snapshot) { s.Calico.Peers[1].ASN = 65001 }), []string{
			cp + " IPv6 fd00:10:10::1 wrong (stale)", w + " IPv6 fd00:10:10::1 wrong (stale)", w2 + " IPv6 fd00:10:10::1 wrong (stale)"},
			"bird6 expects AS 65000 of the peer, and the configuration says AS 65001"},
		{"a node that could not be asked", func(s *inspect.Snapshot) {
			delete(s.BIRD, w)
			s.Missing = append(s.Missing, inspect.Missing{Fact: inspect.FactBIRD, Node: w, Reason: "exec: refused"})
		}, []string{w + " IPv4 unknown (unread)", w + " IPv6 unknown (unread)"}, "exec: refused"},
		{"peers that may not be read", it.Lacking(inspect.FactBGPPeers, "forbidden"), []string{
			cp + " IPv4 " + w + " unknown (unread)", cp + " IPv4 " + w2 + " unknown (unread)", cp + " IPv6 " + w + " unknown (unread)", cp + " IPv6 " + w2 + " unknown (unread)",
			w + " IPv4 " + cp + " unknown (unread)", w + " IPv4 " + w2 + " unknown (unread)", w + " IPv6 " + cp + " unknown (unread)", w + " IPv6 " + w2 + " unknown (unread)",
			w2 + " IPv4 " + cp + " unknown (unread)", w2 + " IPv4 " + w + " unknown (unread)", w2 + " IPv6 " + cp + " unknown (unread)", w2 + " IPv6 " + w + " unknown (unread)",
		}, "forbidden"},
		{"a session of another program, and one with a pod", it.All(peers(inspect.BGPPeer{Name: "pods", Workloads: true}), it.BIRD(w, f, func(b *inspect.BIRD) {
			b.Sessions = append(b.Sessions, inspect.Session{Kind: inspect.SessionOther, State: "Idle"},
				inspect.Session{Kind: inspect.SessionWorkload, Peer: netip.MustParseAddr("fd00:10:244::9"), State: inspect.Established})
		})), nil, ""},
		{"VXLAN, and no BIRD", func(s *inspect.Snapshot) {
			s.Calico.Node.Env["CALICO_NETWORKING_BACKEND"] = "vxlan"
			noSessions(s)
		}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := it.With(it.Unencapsulated, tt.change)
			if diff := cmp.Diff(tt.want, rows(s)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var said []string
			for _, r := range bgp.Analyze(s, felix.Filter{}).Items {
				said = append(said, r.Problems...)
			}
			if tt.says != "" && !slices.ContainsFunc(said, func(text string) bool { return strings.Contains(text, tt.says) }) {
				t.Errorf("%q is not said by:\n%s", tt.says, strings.Join(said, "\n"))
			}
		})
	}
}

// TestPlan holds which sessions BGPPeers and route reflectors ask for, by the sessions that are missing once there are none. Reports of
// confd's own behaviour: confd/pkg/backends/calico/client.go, updatePeersV1.
func TestPlan(t *testing.T) {
	w, w2, cp := it.Worker, it.Worker2, it.ControlPlane
	label := func(node, key string) it.Change {
		return it.Annotate(node, func(n *inspect.Node) {
			labels := map[string]string{key: ""}
			for k, v := range n.Labels {
				labels[k] = v
			}
			n.Labels = labels
		})
	}
	for _, tt := range []struct {
		name   string
		change it.Change
		want   []string // NODE KIND PEER[ port PORT] AS, of IPv6
	}{
		{"the mesh", it.All(), []string{cp + " mesh " + w + " 64512", cp + " mesh " + w2 + " 64512", w + " mesh " + cp + " 64512", w + " mesh " + w2 + " 64512",
			w2 + " mesh " + cp + " 64512", w2 + " mesh " + w + " 64512"}},
		{"a route reflector, with peers on both sides", it.All(label(cp, "rr"), it.Annotate(cp, func(n *inspect.Node) { n.RouteReflector = netip.MustParseAddr("1.0.0.1") }),
			meshOff, peers(inspect.BGPPeer{Name: "rr", NodeSelector: "!has(rr)", PeerSelector: "has(rr)"})),
			[]string{cp + " node " + w + " 64512", cp + " node " + w2 + " 64512", w + " node " + cp + " 64512", w2 + " node " + cp + " 64512"}},
		{"the other end by hand", it.All(label(cp, "rr"), meshOff, peers(inspect.BGPPeer{Name: "rr", NodeSelector: "!has(rr)", PeerSelector: "has(rr)", Manual: true})),
			[]string{cp + " - ", w + " node " + cp + " 64512", w2 + " node " + cp + " 64512"}},
		{"a reflector leaves the mesh", it.Annotate(cp, func(n *inspect.Node) { n.RouteReflector = netip.MustParseAddr("1.0.0.1") }),
			[]string{cp + " - ", w + " mesh " + w2 + " 64512", w2 + " mesh " + w + " 64512"}},
		{"a router of one node, with a port", it.All(meshOff, peers(inspect.BGPPeer{Name: "r", Node: w, PeerIP: netip.MustParseAddr("fd00:10:10::1"), Port: 1179, ASN: 65000})),
			[]string{cp + " - ", w + " node fd00:10:10::1 port 1179 65000", w2 + " - "}},
		{"a router of all nodes in the other family", it.All(meshOff, peers(inspect.BGPPeer{Name: "r", PeerIP: netip.MustParseAddr("10.10.10.1"), ASN: 65000})),
			[]string{cp + " - ", w + " - ", w2 + " - "}},
		{"a node as the peer of all, and the way back", it.All(meshOff, peers(inspect.BGPPeer{Name: "r", PeerIP: it.HostOf(cp, inspect.IPv6).Address.Addr(), ASN: 64512})),
			[]string{cp + " node " + w + " 64512", cp + " node " + w2 + " 64512", w + " global " + cp + " 64512", w2 + " global " + cp + " 64512"}},
		{"the same peer for all and for one", it.All(meshOff, peers(inspect.BGPPeer{Name: "one", Node: w, PeerIP: netip.MustParseAddr("fd00:10:10::1"), ASN: 65001},
			inspect.BGPPeer{Name: "all", PeerIP: netip.MustParseAddr("fd00:10:10::1"), ASN: 65000})),
			[]string{cp + " global fd00:10:10::1 65000", w + " global fd00:10:10::1 65000", w2 + " global fd00:10:10::1 65000"}},
		{"a port that nodes listen on", it.All(meshOff, label(cp, "rr"), func(s *inspect.Snapshot) { s.Calico.BGP.Ports = map[string]uint16{cp: 1790} },
			peers(inspect.BGPPeer{Name: "rr", NodeSelector: "!has(rr)", PeerSelector: "has(rr)"})),
			[]string{cp + " node " + w + " 64512", cp + " node " + w2 + " 64512", w + " node " + cp + " port 1790 64512", w2 + " node " + cp + " port 1790 64512"}},
		{"AS numbers of nodes", it.All(meshOff, it.Annotate(cp, func(n *inspect.Node) { n.ASN = 64999 }), label(cp, "rr"), func(s *inspect.Snapshot) { s.Calico.BGP.ASN = 65100 },
			peers(inspect.BGPPeer{Name: "rr", NodeSelector: "!has(rr)", PeerSelector: "has(rr)"})),
			[]string{cp + " node " + w + " 65100", cp + " node " + w2 + " 65100", w + " node " + cp + " 64999", w2 + " node " + cp + " 64999"}},
		{"pods as peers", it.All(meshOff, peers(inspect.BGPPeer{Name: "pods", Workloads: true, ASN: 65000})), []string{cp + " - ", w + " - ", w2 + " - "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, r := range bgp.Analyze(it.With(it.Unencapsulated, noSessions, tt.change), felix.Filter{Family: inspect.IPv6}).Items {
				peer, port := r.PeerNode, ""
				if peer == "" && r.Peer.IsValid() {
					peer = r.Peer.String()
				}
				if r.Port != 0 {
					port = fmt.Sprintf(" port %d", r.Port)
				}
				if r.Fault == bgp.None {
					got = append(got, r.Node+" - ")
					continue
				}
				got = append(got, fmt.Sprintf("%s %s %s%s %d", r.Node, r.Kind, peer, port, r.PeerASN))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestIdle says of BGPPeers that give no node a session why.
func TestIdle(t *testing.T) {
	router := netip.MustParseAddr("10.10.10.1")
	for _, tt := range []struct {
		peer inspect.BGPPeer
		want string
	}{
		{inspect.BGPPeer{PeerIP: router}, ""},
		{inspect.BGPPeer{PeerIP: router, Node: it.Worker}, ""},
		{inspect.BGPPeer{PeerIP: router, NodeSelector: "all()"}, ""},
		{inspect.BGPPeer{Workloads: true}, ""},
		{inspect.BGPPeer{PeerIP: router, Node: "gone"}, "there is no node gone"},
		{inspect.BGPPeer{PeerIP: router, NodeSelector: "has(rack)"}, "nodeSelector has(rack) selects no node"},
		{inspect.BGPPeer{}, "peerIP is no address"},
		{inspect.BGPPeer{PeerSelector: "has(rr)"}, "peerSelector has(rr) selects no node"},
	} {
		if got := bgp.Idle(it.With(peers(tt.peer)))[tt.peer.Name]; got != tt.want {
			t.Errorf("%+v: got %q, want %q", tt.peer, got, tt.want)
		}
	}
}

// TestBetween: what explains that a node has no route to another's pods, and on which node it is.
func TestBetween(t *testing.T) {
	const f = inspect.IPv6
	w, w2 := it.Worker, it.Worker2
	for _, tt := range []struct {
		name        string
		change      it.Change
		says, about string
	}{
		{"nothing of BGP", it.All(), "", ""},
		{"the other's BIRD", it.BIRD(w2, f, func(b *inspect.BIRD) { *b = inspect.BIRD{Silent: "gone"} }), "bird6 of node " + w2 + " does not answer: gone", w2},
		{"its own session", it.Session(w, w2, f, down("Idle", "BGP Error: Bad peer AS")), "has another AS number", w},
		{"a session with a third node", it.Session(w, it.ControlPlane, f, down("Idle", "BGP Error: Bad peer AS")), "", ""},
		{"the other's router", it.All(it.ByRouter, it.BIRD(w2, f, func(b *inspect.BIRD) { down("Active", "")(&b.Sessions[0]) })), "the peer does not answer on TCP port 179", w2},
		{"a pool that is not told of", it.Pools(f, func(p *inspect.IPPool) { p.DisableBGPExport = true }), "disableBGPExport", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := it.With(it.Unencapsulated, tt.change)
			why, about := bgp.NewSessions(s).Between(w, w2, inspect.PoolOf(s.Pools, it.HostOf(w2, f).Pod))
			if !strings.Contains(why, tt.says) || (why == "") != (tt.says == "") || about != tt.about {
				t.Errorf("got %q about %q, want %q about %q", why, about, tt.says, tt.about)
			}
		})
	}
	if bgp.NewSessions(it.Lab()) != nil {
		t.Error("there are sessions in a lab of VXLAN")
	}
}
