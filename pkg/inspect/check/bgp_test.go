package check_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// TestBGP: what is wrong with BGP is the one root cause, in its family alone, and the routes that are missing follow from it.
func TestBGP(t *testing.T) {
	const f = inspect.IPv6
	w, w2, cp := it.Worker, it.Worker2, it.ControlPlane
	off := func(s *inspect.Snapshot) { s.Calico.BGP.NodeMesh = new(bool) }
	isolated := func(node string) it.Change { // the routes to a node and from it are gone
		var all []it.Change
		for _, other := range []string{w, w2, cp} {
			if other != node {
				all = append(all, it.RouteDeleted(other, node, f), it.RouteDeleted(node, other, f))
			}
		}
		return it.All(all...)
	}
	noRoutes := it.All(isolated(w), it.RouteDeleted(cp, w2, f), it.RouteDeleted(w2, cp, f))
	down := func(s *inspect.Session) {
		*s = inspect.Session{Kind: s.Kind, Peer: s.Peer, ASN: s.ASN, State: "Connect", LastError: "BGP Error: Hold timer expired"}
	}
	empty := func(s *inspect.Session) { s.Imported, s.Exported = 0, 0 }
	each := func(edit func(*inspect.BIRD)) it.Change {
		return it.All(it.BIRD(w, f, edit), it.BIRD(w2, f, edit), it.BIRD(cp, f, edit))
	}
	peer := inspect.BGPPeer{Name: "v4", PeerIP: it.Router(inspect.IPv4), ASN: 65000}
	for _, tt := range []struct {
		name   string
		change it.Change
		roots  string // codes
	}{
		{"healthy", it.All(), ""},
		{"bird6 has ended, and the others have noticed", it.All(it.BIRD(w2, f, func(b *inspect.BIRD) { *b = inspect.BIRD{Silent: "gone"} }), it.Session(w, w2, f, down), it.Session(cp, w2, f, down),
			it.RouteDeleted(w, w2, f), it.RouteDeleted(cp, w2, f)), "DS1101"},
		{"no IPv6 peer, and no mesh", it.All(off, it.ByRouter, func(s *inspect.Snapshot) { s.Calico.Peers = s.Calico.Peers[:1] }, each(func(b *inspect.BIRD) { b.Sessions = nil }), noRoutes), "DS1110"},
		{"the IPv6 peer selects no node", it.All(off, it.ByRouter, func(s *inspect.Snapshot) { s.Calico.Peers[1].NodeSelector = "has(rack)" },
			each(func(b *inspect.BIRD) { b.Sessions = nil }), noRoutes), "DS1108"},
		{"a peer of the other family selects no node", it.All(off, it.ByRouter, func(s *inspect.Snapshot) {
			peer.NodeSelector = "has(rack)"
			s.Calico.Peers = []inspect.BGPPeer{s.Calico.Peers[0], peer}
		}, each(func(b *inspect.BIRD) { b.Sessions = nil }), noRoutes), "DS1108 DS1110"},
		{"TCP dropped between two", it.All(it.Session(w, w2, f, down), it.Session(w2, w, f, down), it.RouteDeleted(w, w2, f), it.RouteDeleted(w2, w, f)), "DS1103"},
		{"TCP dropped a moment ago", it.Session(w, w2, f, func(s *inspect.Session) { s.HoldLeft = 40 }), "DS1105"},
		{"an old configuration", it.BIRD(w, f, func(b *inspect.BIRD) {
			b.Sessions = append(b.Sessions, it.Established(inspect.SessionGlobal, netip.MustParseAddr("fd00:10:10::77"), 65000))
		}), "DS1104"},
		{"a peer that never comes", it.All(func(s *inspect.Snapshot) {
			s.Calico.Peers = []inspect.BGPPeer{{Name: "dead", Node: w, PeerIP: netip.MustParseAddr("fd00:10:10::77"), ASN: 64512}}
		}, it.BIRD(w, f, func(b *inspect.BIRD) {
			b.Recovery = "236/240"
			for i := range b.Sessions {
				b.Sessions[i].Held = true
			}
			b.Sessions = append(b.Sessions, inspect.Session{Kind: inspect.SessionNode, Peer: netip.MustParseAddr("fd00:10:10::77"), State: "Connect"})
		}), it.RouteDeleted(w, w2, f), it.RouteDeleted(w, cp, f)), "DS1103"},
		{"a filter", it.All(it.Session(w, w2, f, empty), it.Session(w2, w, f, empty), it.RouteDeleted(w, w2, f), it.RouteDeleted(w2, w, f)), "DS1107"},
		{"a pool that is not told of", it.All(it.Pools(f, func(p *inspect.IPPool) { p.DisableBGPExport = true }), each(func(b *inspect.BIRD) {
			for i := range b.Sessions {
				empty(&b.Sessions[i])
			}
		}), noRoutes), "DS1109"},
		{"not told of, and routed by others", it.Pools(f, func(p *inspect.IPPool) { p.DisableBGPExport = true }), ""},
		{"no address in the datastore", it.All(it.Annotate(w2, func(n *inspect.Node) { n.Address.V6 = netip.Prefix{} }), it.BIRD(w2, f, func(b *inspect.BIRD) { b.Sessions = nil }),
			it.BIRD(w, f, func(b *inspect.BIRD) { b.Sessions = b.Sessions[:1] }), it.BIRD(cp, f, func(b *inspect.BIRD) { b.Sessions = b.Sessions[:1] }), isolated(w2)), "DS302"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			report := check.Analyze(it.With(it.Unencapsulated, tt.change), check.Rules(), check.Filter{})
			roots, _ := check.Roots(report.Items)
			var codes, said []string
			for _, r := range roots {
				if r.Severity == inspect.SeverityInfo {
					continue
				}
				said = append(said, r.Summary)
				if !slices.Contains(codes, string(r.Code)) {
					codes = append(codes, string(r.Code))
				}
				if r.Family == inspect.IPv4 && r.Code != check.PeerSelectsNobody {
					t.Errorf("%s is about IPv4: %s", r.Code, r.Summary)
				}
			}
			slices.Sort(codes)
			if diff := cmp.Diff(tt.roots, strings.Join(codes, " ")); diff != "" {
				t.Errorf("-want +got:\n%s\n%s", diff, strings.Join(said, "\n"))
			}
		})
	}
}
