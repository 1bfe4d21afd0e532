package bgp

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico/selector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// Peering is a session that a node must have.
type Peering struct {
	Kind   inspect.SessionKind
	Peer   netip.Addr
	Port   uint16      // where it is part of the session's name
	Node   string      // that the peer is; empty for a router
	ASN    inspect.ASN // that the peer has; 0 is not known
	Object string      // that asks for it: the name of a BGPPeer; empty for the mesh
}

// key tells the sessions of one node apart (confd/pkg/backends/calico/client.go, updatePeersV1).
type key struct {
	peer netip.Addr
	port uint16
}

// plan is what confd makes of Calico's objects.
type plan struct {
	*inspect.Snapshot
	asn inspect.ASN // of nodes without one of their own
	// byAddr are the nodes by their addresses, and named by their names.
	byAddr, named map[string]*inspect.Node
	global        map[key]Peering            // for all nodes
	single        map[string]map[key]Peering // by node
	selected      map[string][]*inspect.Node // by selector
}

// newPlan reads BGPConfigurations and BGPPeers as confd does: peers for all nodes first, then those for some, then the other ends
// of those whose peer is a node, where nothing asks for them.
func newPlan(s *inspect.Snapshot) *plan {
	p := &plan{Snapshot: s, asn: cmp.Or(s.Calico.BGP.ASN, calico.DefaultASN), byAddr: map[string]*inspect.Node{}, named: map[string]*inspect.Node{},
		global: map[key]Peering{}, single: map[string]map[key]Peering{}, selected: map[string][]*inspect.Node{}}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		p.named[n.Name] = n
		for _, f := range inspect.Families() {
			if a := n.Address.Get(f).Addr(); a.IsValid() {
				p.byAddr[a.String()] = n
			}
		}
	}
	for i := range s.Calico.Peers {
		if b := &s.Calico.Peers[i]; !b.Workloads && b.Node == "" && b.NodeSelector == "" {
			for _, other := range p.ends(b) {
				other.Kind = inspect.SessionGlobal
				if k := (key{other.Peer, other.Port}); p.global[k].Kind == "" {
					p.global[k] = other
				}
			}
		}
	}
	for i := range s.Calico.Peers {
		if b := &s.Calico.Peers[i]; !b.Workloads && (b.Node != "" || b.NodeSelector != "") {
			for _, n := range p.locals(b) {
				p.addTo(n, p.ends(b))
			}
		}
	}
	for i := range s.Calico.Peers {
		if b := &s.Calico.Peers[i]; !b.Workloads && !b.Manual {
			p.reverse(b)
		}
	}
	return p
}

// addTo gives a node sessions, unless it has them.
func (p *plan) addTo(n *inspect.Node, ends []Peering) {
	for _, other := range ends {
		k := key{other.Peer, other.Port}
		if _, all := p.global[k]; all || p.single[n.Name][k].Kind != "" {
			continue
		}
		if p.single[n.Name] == nil {
			p.single[n.Name] = map[key]Peering{}
		}
		other.Kind = inspect.SessionNode
		p.single[n.Name][k] = other
	}
}

// reverse gives the other ends of a BGPPeer their sessions, if they are nodes.
func (p *plan) reverse(b *inspect.BGPPeer) {
	var others []*inspect.Node
	families := inspect.Families()
	only := inspect.Family(0)
	if b.PeerSelector != "" {
		others = p.matching(b.PeerSelector)
	} else if n := p.byAddr[b.PeerIP.String()]; n != nil && p.asnOf(n) == cmp.Or(b.ASN, p.asn) && (b.Port == 0 || b.Port == cmp.Or(p.port(n), b.Port)) {
		others, only = []*inspect.Node{n}, inspect.FamilyOf(b.PeerIP)
	}
	for _, n := range others {
		for _, local := range p.locals(b) {
			for _, f := range families {
				if only.Matches(f) {
					p.addTo(n, p.end(b, local, f))
				}
			}
		}
	}
}

// ends are the other ends that a BGPPeer names.
func (p *plan) ends(b *inspect.BGPPeer) []Peering {
	if b.PeerSelector == "" {
		if !b.PeerIP.IsValid() {
			return nil
		}
		end := Peering{Peer: b.PeerIP, Port: b.Port, ASN: b.ASN, Object: b.Name}
		if n := p.byAddr[b.PeerIP.String()]; n != nil {
			end.Node = n.Name
			if b.Port == 0 && p.asnOf(n) == cmp.Or(b.ASN, p.asn) {
				end.Port = p.port(n)
			}
		}
		return []Peering{end}
	}
	var ends []Peering
	for _, n := range p.matching(b.PeerSelector) {
		for _, f := range inspect.Families() {
			ends = append(ends, p.end(b, n, f)...)
		}
	}
	return ends
}

// end is a node as the other end of a session, if it has an address of the family (nodeAsBGPPeers).
func (p *plan) end(b *inspect.BGPPeer, n *inspect.Node, f inspect.Family) []Peering {
	a := n.Address.Get(f).Addr()
	if !a.IsValid() {
		return nil
	}
	return []Peering{{Peer: a, Port: p.port(n), Node: n.Name, ASN: p.asnOf(n), Object: b.Name}}
}

// locals are the nodes that a BGPPeer is for.
func (p *plan) locals(b *inspect.BGPPeer) []*inspect.Node {
	switch n := p.named[b.Node]; {
	case b.NodeSelector != "":
		return p.matching(b.NodeSelector)
	case b.Node == "":
		return p.matching("all()")
	case n == nil:
		return nil
	default:
		return []*inspect.Node{n}
	}
}

// matching are the nodes that a selector selects: none for one that cannot be read.
func (p *plan) matching(text string) []*inspect.Node {
	if found, ok := p.selected[text]; ok {
		return found
	}
	var found []*inspect.Node
	for i := range p.Nodes {
		if ok, err := selector.Selects(text, p.Nodes[i].Labels); err == nil && ok {
			found = append(found, &p.Nodes[i])
		}
	}
	p.selected[text] = found
	return found
}

func (p *plan) asnOf(n *inspect.Node) inspect.ASN { return cmp.Or(n.ASN, p.asn) }

// port is the one that a node's BIRD listens on, where it is set.
func (p *plan) port(n *inspect.Node) uint16 {
	return cmp.Or(p.Calico.BGP.Ports[n.Name], p.Calico.BGP.Port)
}

func (p *plan) mesh() bool { return p.Calico.BGP.NodeMesh == nil || *p.Calico.BGP.NodeMesh }

// of returns the sessions that a node must have in a family, in order of their peers: none if Calico has no address of the family for it.
func (p *plan) of(n *inspect.Node, f inspect.Family) []Peering {
	own := n.Address.Get(f).Addr()
	if !own.IsValid() {
		return nil
	}
	var all []Peering
	if p.mesh() && !n.RouteReflector.IsValid() {
		for i := range p.Nodes {
			o := &p.Nodes[i]
			if a := o.Address.Get(f).Addr(); a.IsValid() && a != own && !o.RouteReflector.IsValid() {
				all = append(all, Peering{Kind: inspect.SessionMesh, Peer: a, Node: o.Name, ASN: p.asnOf(o)})
			}
		}
	}
	for _, more := range []map[key]Peering{p.global, p.single[n.Name]} {
		for end := range maps.Values(more) {
			if inspect.FamilyOf(end.Peer) == f && end.Peer != own {
				all = append(all, end)
			}
		}
	}
	slices.SortFunc(all, func(a, b Peering) int {
		return cmp.Or(a.Peer.Compare(b.Peer), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}

// Idle says of each BGPPeer that gives no node a session why, by name.
func Idle(s *inspect.Snapshot) map[string]string {
	p, idle := newPlan(s), map[string]string{}
	for i := range s.Calico.Peers {
		b := &s.Calico.Peers[i]
		if why := p.idle(b); why != "" {
			idle[b.Name] = why
		}
	}
	return idle
}

func (p *plan) idle(b *inspect.BGPPeer) string {
	switch {
	case b.Workloads || len(p.Nodes) == 0:
		return ""
	case len(p.locals(b)) == 0 && b.Node != "":
		return fmt.Sprintf("there is no node %s", b.Node)
	case len(p.locals(b)) == 0:
		return fmt.Sprintf("nodeSelector %s selects no node", b.NodeSelector)
	case b.PeerSelector == "" && !b.PeerIP.IsValid():
		return "peerIP is no address"
	case b.PeerSelector != "" && len(p.matching(b.PeerSelector)) == 0:
		return fmt.Sprintf("peerSelector %s selects no node", b.PeerSelector)
	default:
		return ""
	}
}

// noSession says why a node has no session of a family.
func (p *plan) noSession(n *inspect.Node, f inspect.Family) string {
	switch {
	case !n.Address.Get(f).IsValid():
		return felix.WithoutAddress(n.Name, f)
	case n.RouteReflector.IsValid():
		return fmt.Sprintf("node %s is a route reflector, which has no part in the mesh, and no BGPPeer gives it an %s session", n.Name, f)
	case !p.mesh():
		return fmt.Sprintf("the mesh of nodes is off (nodeToNodeMeshEnabled), and no BGPPeer gives node %s an %s session", n.Name, f)
	default:
		return fmt.Sprintf("no other node has an %s address of Calico's, and no BGPPeer gives node %s a session", f, n.Name)
	}
}
