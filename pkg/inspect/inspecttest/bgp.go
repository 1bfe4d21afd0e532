package inspecttest

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Meshed lets the lab run BIRD in both families, with the mesh of its nodes.
func Meshed(s *inspect.Snapshot) {
	s.Calico.Node.Env["CALICO_NETWORKING_BACKEND"] = "bird"
	s.BIRD = map[string]inspect.ByFamily[inspect.BIRD]{}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if _, read := s.Tables[n.Name]; !read {
			continue
		}
		var both inspect.ByFamily[inspect.BIRD]
		for _, f := range inspect.Families() {
			var bird inspect.BIRD
			for j := range s.Nodes {
				if peer := s.Nodes[j].Address.Get(f).Addr(); j != i && peer.IsValid() && n.Address.Get(f).IsValid() {
					bird.Sessions = append(bird.Sessions, Established(inspect.SessionMesh, peer, 64512))
				}
			}
			both.Set(f, bird)
		}
		s.BIRD[n.Name] = both
	}
}

// Established is a session that works.
func Established(kind inspect.SessionKind, peer netip.Addr, asn inspect.ASN) inspect.Session {
	return inspect.Session{Kind: kind, Peer: peer, ASN: asn, State: inspect.Established, Since: "12:00:00",
		HoldLeft: 190, HoldTime: 240, Imported: 1, Exported: 1}
}

// BIRD changes what the BIRD of a family says on a node.
func BIRD(node string, f inspect.Family, edit func(*inspect.BIRD)) Change {
	return func(s *inspect.Snapshot) {
		both, ok := s.BIRD[node]
		if !ok {
			panic("no BIRD on node " + node)
		}
		bird := both.Get(f)
		edit(&bird)
		both.Set(f, bird)
		s.BIRD[node] = both
	}
}

// Session changes the session of a node with another one.
func Session(node, peer string, f inspect.Family, edit func(*inspect.Session)) Change {
	return BIRD(node, f, func(b *inspect.BIRD) {
		for i := range b.Sessions {
			if b.Sessions[i].Peer == HostOf(peer, f).Address.Addr() {
				edit(&b.Sessions[i])
			}
		}
	})
}

// ByRouter replaces the mesh by a router as each node's only peer, in both families.
func ByRouter(s *inspect.Snapshot) {
	off := false
	s.Calico.BGP.NodeMesh = &off
	s.Calico.Peers = []inspect.BGPPeer{
		{Name: "router-v4", PeerIP: Router(inspect.IPv4), ASN: 65000}, {Name: "router-v6", PeerIP: Router(inspect.IPv6), ASN: 65000},
	}
	for node := range s.BIRD {
		for _, f := range inspect.Families() {
			BIRD(node, f, func(b *inspect.BIRD) {
				b.Sessions = []inspect.Session{Established(inspect.SessionGlobal, Router(f), 65000)}
			})(s)
		}
	}
}

// Router is the address of ByRouter's router.
func Router(f inspect.Family) netip.Addr {
	if f == inspect.IPv4 {
		return netip.MustParseAddr("10.10.10.1")
	}
	return netip.MustParseAddr("fd00:10:10::1")
}
