package check

import (
	"fmt"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// The codes of section bgp.
const (
	BIRDSilent         inspect.Code = "DS1101"
	NoSession          inspect.Code = "DS1102"
	SessionDown        inspect.Code = "DS1103"
	SessionStale       inspect.Code = "DS1104"
	SessionDying       inspect.Code = "DS1105"
	RoutesHeld         inspect.Code = "DS1106"
	SessionEmpty       inspect.Code = "DS1107"
	PeerSelectsNobody  inspect.Code = "DS1108"
	PoolNotExported    inspect.Code = "DS1109"
	FamilyWithoutPeers inspect.Code = "DS1110"
)

// bgpRules turn the rows of the inspector bgp that are not ok into findings, by what is wrong with them.
func bgpRules() []Rule {
	earlier := []inspect.Code{NodeNotReady, CalicoNodeDown, NodeLacksAddress, AddressNotHeld, AddressNotAHosts, AddressTwice, IPv6Disabled, UplinkDown}
	rule := func(code inspect.Code, severity inspect.Severity, fault bgp.Fault, follows []inspect.Code, title, why, mend string, reports ...string) Rule {
		return Rule{Code: code, Section: BGP, Severity: severity, Needs: bgp.Needs(), Follows: follows, Title: title, Why: why, Mend: mend, Reports: reports,
			Find: func(c *Cluster) []inspect.Finding { return c.sessionsWith(fault) }}
	}
	restart := "restart calico-node on node NODE; its log says why BIRD ends"
	return []Rule{
		rule(BIRDSilent, inspect.SeverityError, bgp.Silent, []inspect.Code{NodeNotReady, CalicoNodeDown}, "BIRD of a family does not run on a node",
			"calico-node runs a BIRD for each family, and its probes ask that of IPv4 alone. Without BIRD the node keeps the routes that it had, which grow stale, and the others lose theirs to it.",
			restart),
		rule(NoSession, inspect.SeverityError, bgp.None, append(earlier, FamilyWithoutPeers), "a node has no BGP session of a family, and its pods' routes need one",
			"the mesh of nodes is off, and no BGPPeer of the family selects the node; or Calico has no address of the family for it. calico-node is ready all the same: a BIRD without peers counts as healthy.",
			"set nodeToNodeMeshEnabled: true in BGPConfiguration default, or make a BGPPeer for each family that selects node NODE"),
		rule(SessionDown, inspect.SeverityError, bgp.NotEstablished, append(earlier, BIRDSilent, SessionStale), "a BGP session is not established",
			"the ends do not reach each other on TCP port 179 in this family, or disagree on their AS numbers, passwords or addresses. Nothing else shows it: calico-node is ready though all of its IPv6 sessions are down.",
			"let TCP port 179 pass between the ends in this family, and compare the AS numbers of both; kubectl dualstack bgp --node NODE says what BIRD says",
			"projectcalico/calico#2458"),
		rule(SessionStale, inspect.SeverityError, bgp.Stale, []inspect.Code{BIRDSilent}, "the sessions of a node's BIRD are not those of the configuration",
			"confd writes BIRD's configuration from BGPConfigurations, BGPPeers and nodes, and tells BIRD to read it again. Where that fails, BIRD goes on with the old one.",
			restart),
		rule(SessionDying, inspect.SeverityWarning, bgp.Dying, []inspect.Code{BIRDSilent, SessionDown}, "a BGP session is established at one end only",
			"a session counts as established until its hold time is over, four minutes by default. Nothing has come for longer than keepalive messages take, or the other end has given it up: the link is cut, or TCP port 179 is dropped.",
			"look at the link and the firewall between the ends before the session ends; kubectl dualstack bgp --node NODE shows the hold timer with -o wide"),
		rule(RoutesHeld, inspect.SeverityError, bgp.Held, []inspect.Code{SessionDown}, "BIRD holds its routes back after a restart",
			"with graceful restart BIRD gives the kernel no route until every configured peer has come, or four minutes are over. One peer that never comes delays all routes of the node.",
			"remove the BGPPeer that does not answer, or wait"),
		rule(SessionEmpty, inspect.SeverityError, bgp.NoRoutes, []inspect.Code{PoolNotExported, NodeLacksAddress, RoutesHeld}, "a BGP session is established, and brings or sends no route",
			"a BGPFilter rejects the routes, on one of the ends, or the peer does not know them.",
			"read the BGPFilters of the BGPPeers that node NODE has; kubectl dualstack bgp --node NODE counts the routes"),
		{
			Code: PeerSelectsNobody, Section: BGP, Severity: inspect.SeverityWarning, Needs: nodeFacts(inspect.FactBGPPeers),
			Title: "a BGPPeer is for no node",
			Why:   "its nodeSelector matches no label of a node, its node does not exist, or its peerSelector selects none. confd then makes no session of it, and says nothing.",
			Mend:  "correct the selector: kubectl get nodes --show-labels",
			Find:  peersOfNobody,
		},
		{
			Code: PoolNotExported, Section: BGP, Severity: inspect.SeverityError, Needs: nodeFacts(inspect.FactPools, inspect.FactBlocks, inspect.FactFelix, inspect.FactBGP,
				inspect.FactVersion, inspect.FactCalicoNode, inspect.FactOperator, inspect.FactTables),
			Title: "nodes do not tell each other of a pool without encapsulation",
			Why:   "disableBGPExport keeps the blocks of the pool from every peer, the other nodes too: it is for pools whose packets a tunnel carries.",
			Mend:  `kubectl patch ippool NAME --type=merge -p '{"spec":{"disableBGPExport":false}}'; a BGPFilter on the peers outside keeps it from them alone`,
			Find:  unexportedPools,
		},
		{
			Code: FamilyWithoutPeers, Section: BGP, Severity: inspect.SeverityError, Needs: bgp.Needs(), Follows: []inspect.Code{PeerSelectsNobody},
			Title: "nodes have BGP sessions in one family only",
			Why:   "a BGPPeer with a peerIP is a session of that address's family alone. Where the mesh is off, the other family needs one of its own.",
			Mend:  "make a BGPPeer with the router's FAMILY address",
			Find:  familiesWithoutPeers,
		},
	}
}

// sessionsWith finds sessions with a fault: one finding for each, but for a daemon that does not answer, which all its sessions have.
func (c *Cluster) sessionsWith(fault bgp.Fault) []inspect.Finding {
	var found []inspect.Finding
	for _, s := range c.sessions() {
		if s.Fault != fault {
			continue
		}
		f := inspect.Finding{Subject: inspect.NodeSubject(s.Node), Node: s.Node, RemoteNode: s.PeerNode, Family: s.Family, Summary: s.Problems[0],
			Command: fmt.Sprintf("kubectl dualstack bgp --node %s", s.Node)}
		switch last := len(found) - 1; fault {
		case bgp.Silent: // the rows of a node and family follow each other
			if last >= 0 && found[last].Node == f.Node && found[last].Family == f.Family {
				continue
			}
			f.RemoteNode = ""
		case bgp.None:
		default:
			f.Summary = fmt.Sprintf("the %s BGP session of node %s with %s: %s", s.Family, s.Node, sessionPeer(&s), s.Problems[0])
		}
		found = append(found, f)
	}
	return found
}

func sessionPeer(s *bgp.Session) string {
	if s.PeerNode != "" {
		return fmt.Sprintf("node %s (%s)", s.PeerNode, s.Peer)
	}
	return s.Peer.String()
}

// sessions are the rows of the inspector bgp.
func (c *Cluster) sessions() []bgp.Session {
	if c.bgp == nil {
		c.bgp = append([]bgp.Session{}, bgp.Analyze(c.Snapshot, felix.Filter{}).Items...)
	}
	return c.bgp
}

// peersOfNobody finds BGPPeers that give no node a session.
func peersOfNobody(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	idle := bgp.Idle(c.Snapshot)
	for i := range c.Calico.Peers {
		p := &c.Calico.Peers[i]
		why, ok := idle[p.Name]
		if !ok {
			continue
		}
		f := inspect.FamilyOf(p.PeerIP)
		severity := inspect.SeverityWarning
		if slices.ContainsFunc(c.sessions(), func(s bgp.Session) bool { return s.Fault == bgp.None && f.Matches(s.Family) }) {
			severity = inspect.SeverityError // it is the one that they need
		}
		found = append(found, inspect.Finding{Subject: "BGPPeer " + p.Name, Family: f, Severity: severity, Summary: fmt.Sprintf("BGPPeer %s gives no node a session: %s", p.Name, why),
			Command: "kubectl get nodes --show-labels"})
	}
	return found
}

// unexportedPools finds pools without a tunnel whose blocks BIRD must not tell of, if there are other nodes that need them.
func unexportedPools(c *Cluster) []inspect.Finding {
	if c.noBIRD() != "" || len(c.Nodes) < 2 {
		return nil
	}
	var found []inspect.Finding
	for i := range c.Pools {
		p := &c.Pools[i]
		makers, _ := felix.RouteMakers(c.Snapshot, p)
		if !p.DisableBGPExport || !p.VXLANMode.None() || !forPods(p) || !makers.BIRD || makers.Felix || c.routed(p) || !c.hasBlocks(p) {
			continue
		}
		found = append(found, inspect.Finding{Subject: inspect.PoolSubject(p.Name), Family: p.Family(),
			Summary:  fmt.Sprintf("pool %s (%s) has disableBGPExport and no encapsulation: no node learns where the pods of the others are", p.Name, p.CIDR),
			Evidence: []string{"no node has a route to a block of the pool on another node"}})
	}
	return found
}

func (c *Cluster) hasBlocks(p *inspect.IPPool) bool {
	return slices.ContainsFunc(c.Blocks, func(b inspect.IPAMBlock) bool { return b.Node != "" && p.CIDR.Contains(b.CIDR.Addr()) })
}

// familiesWithoutPeers finds the family in which no node has a session, where all nodes have some in the other.
func familiesWithoutPeers(c *Cluster) []inspect.Finding {
	mesh := c.Calico.BGP.NodeMesh
	if mesh == nil || *mesh {
		return nil
	}
	var lonely, with inspect.ByFamily[int]
	for _, s := range c.sessions() {
		if s.Fault == bgp.None {
			lonely.Set(s.Family, lonely.Get(s.Family)+1)
		} else if s.Peer.IsValid() {
			with.Set(s.Family, with.Get(s.Family)+1)
		}
	}
	var found []inspect.Finding
	for _, f := range inspect.Families() {
		if lonely.Get(f) == 0 || with.Get(f) > 0 || with.Get(f.Other()) == 0 {
			continue
		}
		found = append(found, inspect.Finding{Subject: "BGPPeers", Family: f,
			Summary:  fmt.Sprintf("no BGPPeer gives a node an %s session, and the mesh of nodes is off", f),
			Evidence: []string{fmt.Sprintf("the nodes have %d sessions in %s", with.Get(f.Other()), f.Other())}})
	}
	return found
}
