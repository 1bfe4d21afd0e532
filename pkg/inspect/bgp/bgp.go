// Package bgp compares the BGP sessions of each node's BIRD with those that Calico's objects ask for: the mesh of nodes, BGPPeers, and
// route reflectors (confd/etc/calico/confd/templates/bird.cfg.template, confd/pkg/backends/calico/client.go). Nothing else
// does: calico-node is ready though all of its IPv6 sessions are down, since no probe asks the BIRD of IPv6. It does no I/O.
package bgp

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// Kind is the kind of a row.
const Kind = "BGPSession"

// Session is a row: a session that there is, that must be, or both.
type Session struct {
	Node     string              `json:"node,omitempty"`
	Family   inspect.Family      `json:"family"`
	Peer     netip.Addr          `json:"peer,omitzero"`
	Port     uint16              `json:"port,omitempty"`
	PeerNode string              `json:"peerNode,omitempty"` // empty for a router
	Kind     inspect.SessionKind `json:"kind,omitempty"`
	LocalASN inspect.ASN         `json:"localASN,omitempty"`
	PeerASN  inspect.ASN         `json:"peerASN,omitempty"`
	State    string              `json:"state,omitempty"`
	Since    string              `json:"since,omitempty"`
	// LastError is BIRD's: it stays until the session is established.
	LastError string `json:"lastError,omitempty"`
	// HoldTimer is "LEFT/WHOLE", in seconds: how long the session stands if nothing comes.
	HoldTimer string `json:"holdTimer,omitempty"`
	// PrefixesReceived counts those that BIRD holds of the peer, PrefixesAccepted those of them that its filter lets in.
	PrefixesReceived int `json:"prefixesReceived"`
	PrefixesAccepted int `json:"prefixesAccepted"`
	PrefixesSent     int `json:"prefixesSent"`
	inspect.Judgement
	// Fault is what kind of trouble a row that is not ok has.
	Fault Fault `json:"-"`
	// About is the node that the trouble is on: the other end's, if that does not answer.
	About string `json:"-"`
}

// Fault is a kind of trouble of a session.
type Fault string

// The faults, from that of the whole daemon to that of single routes.
const (
	Silent         Fault = "silent"          // BIRD does not answer
	None           Fault = "none"            // no session at all, and the node needs one
	Stale          Fault = "stale"           // BIRD's sessions are not those of the configuration
	NotEstablished Fault = "not established" // by its state
	Held           Fault = "held"            // recovering: no route reaches the kernel
	Dying          Fault = "dying"           // established, and nothing comes
	NoRoutes       Fault = "no routes"       // established, and brings or sends none
	Unread         Fault = "unread"          // BIRD could not be asked
)

// Needs lists the facts that Analyze uses.
func Needs() []inspect.Fact {
	return []inspect.Fact{inspect.FactNodes, inspect.FactPools, inspect.FactBlocks, inspect.FactFelix, inspect.FactBGP, inspect.FactBGPPeers,
		inspect.FactVersion, inspect.FactCalicoNode, inspect.FactOperator, inspect.FactTables, inspect.FactBIRD}
}

// NoBGP is the reason of the omission where BIRD does not run.
const NoBGP = "no BGP"

// Off says why BIRD does not run in a cluster; it is empty where it does.
func Off(s *inspect.Snapshot) string {
	switch backend := s.Calico.Node.Env["CALICO_NETWORKING_BACKEND"]; {
	case s.Calico.Operator != nil && s.Calico.Operator.BGP == "Disabled":
		return "BGP is disabled in the operator's Installation"
	case backend == "vxlan", backend == "none":
		return "CALICO_NETWORKING_BACKEND of calico-node is " + backend
	default:
		return ""
	}
}

// Analyze returns the sessions of all nodes, sorted by node, family and peer.
func Analyze(s *inspect.Snapshot, flt felix.Filter) *inspect.Report[Session] {
	if why := Off(s); why != "" {
		return inspect.NewReport[Session](Kind, nil, inspect.Omission{Reason: NoBGP, Part: "BGP sessions", Subjects: []string{"all nodes"},
			Explanation: why + ": BIRD does not run"})
	}
	a := newAnalysis(s)
	for i := range s.Nodes {
		n := &s.Nodes[i]
		if n.OS == "windows" || len(flt.Nodes) > 0 && !slices.Contains(flt.Nodes, n.Name) {
			continue
		}
		for _, f := range inspect.Families() {
			if flt.Family.Matches(f) {
				a.node(n, f)
			}
		}
	}
	slices.SortStableFunc(a.rows, func(a, b Session) int { return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Family, b.Family)) })
	return inspect.NewReport(Kind, a.rows)
}

func newAnalysis(s *inspect.Snapshot) *analysis {
	a := &analysis{plan: newPlan(s), owned: owned(s)}
	for _, blocks := range a.owned {
		for _, f := range inspect.Families() {
			a.total.Set(f, a.total.Get(f)+blocks.Get(f))
		}
	}
	return a
}

type analysis struct {
	*plan
	owned map[string]inspect.ByFamily[int]
	total inspect.ByFamily[int] // of owned
	rows  []Session
}

// owned counts the blocks of each node whose routes go by BGP.
func owned(s *inspect.Snapshot) map[string]inspect.ByFamily[int] {
	exported := make(map[*inspect.IPPool]bool, len(s.Pools))
	for i := range s.Pools {
		p := &s.Pools[i]
		makers, _ := felix.RouteMakers(s, p)
		exported[p] = p.VXLANMode.None() && makers.BIRD && !p.DisableBGPExport && !felix.ForLoadBalancers(p)
	}
	all := map[string]inspect.ByFamily[int]{}
	for i := range s.Blocks {
		b := &s.Blocks[i]
		if b.Node != "" && exported[inspect.PoolOf(s.Pools, b.CIDR.Addr())] {
			n := all[b.Node]
			n.Set(b.Family(), n.Get(b.Family())+1)
			all[b.Node] = n
		}
	}
	return all
}

// elsewhere counts the blocks of other nodes whose routes go by BGP.
func (a *analysis) elsewhere(node string, f inspect.Family) int {
	return a.total.Get(f) - a.owned[node].Get(f)
}

// node adds the rows of a node and family.
func (a *analysis) node(n *inspect.Node, f inspect.Family) {
	wanted := a.of(n, f)
	bird, read := a.BIRD[n.Name]
	said := bird.Get(f)
	switch {
	case !read:
		reason := cmp.Or(a.Lacks(inspect.FactBIRD, n.Name), a.Lacks(inspect.FactTables, n.Name), "its BIRD was not asked")
		if len(wanted) > 0 || a.needs(n.Name, f) {
			a.rows = append(a.rows, Session{Node: n.Name, Family: f, LocalASN: a.asnOf(n), Fault: Unread, About: n.Name,
				Judgement: inspect.Judgement{Status: inspect.StatusUnknown, Problems: []string{reason}}})
		}
		return
	case len(wanted) == 0 && len(said.Sessions) == 0:
		if a.unknown() == "" && a.needs(n.Name, f) {
			a.rows = append(a.rows, Session{Node: n.Name, Family: f, LocalASN: a.asnOf(n), Fault: None, About: n.Name,
				Judgement: inspect.Judgement{Status: inspect.StatusMissing, Problems: []string{a.noSession(n, f)}}})
		}
		return
	}
	e := end{analysis: a, local: n, family: f, bird: &said}
	if reason := a.unknown(); reason != "" {
		for i := range said.Sessions {
			a.rows = append(a.rows, e.unjudged(&said.Sessions[i], reason))
		}
		return
	}
	held := slices.Clone(said.Sessions)
	for _, w := range wanted {
		i := slices.IndexFunc(held, func(s inspect.Session) bool { return s.Kind == w.Kind && s.Peer == w.Peer && s.Port == w.Port })
		if i < 0 {
			a.rows = append(a.rows, e.missing(w))
			continue
		}
		a.rows = append(a.rows, e.judge(w, &held[i]))
		held = slices.Delete(held, i, i+1)
	}
	for i := range held {
		a.rows = append(a.rows, e.stray(&held[i]))
	}
}

// unknown says why nothing is known of the sessions that must be.
func (a *analysis) unknown() string {
	for _, m := range a.Missing {
		if (m.Fact == inspect.FactBGP || m.Fact == inspect.FactBGPPeers) && !m.Absent {
			return m.Reason
		}
	}
	return ""
}

// needs reports whether packets of the family cross between nodes by routes that only BGP brings.
func (a *analysis) needs(node string, f inspect.Family) bool { return a.elsewhere(node, f) > 0 }

// end is one node's end of its sessions of a family.
type end struct {
	*analysis
	local  *inspect.Node
	family inspect.Family
	bird   *inspect.BIRD
}

func (e *end) row(w Peering, status inspect.Status, fault Fault, problems ...string) Session {
	return Session{Node: e.local.Name, Family: e.family, Peer: w.Peer, Port: w.Port, PeerNode: w.Node, Kind: w.Kind, Fault: fault, About: e.local.Name,
		LocalASN: e.asnOf(e.local), PeerASN: w.ASN, Judgement: inspect.Judgement{Status: status, Problems: problems}}
}

// unjudged is the row of a session where nothing is known of what must be.
func (e *end) unjudged(s *inspect.Session, reason string) Session {
	return show(e.row(e.seen(s), inspect.StatusUnknown, Unread, reason), s)
}

// seen is a session of BIRD's as if it had been asked for.
func (e *end) seen(s *inspect.Session) Peering {
	w := Peering{Kind: s.Kind, Peer: s.Peer, Port: s.Port, ASN: s.ASN}
	if n := e.byAddr[s.Peer.String()]; n != nil {
		w.Node = n.Name
	}
	return w
}

// missing is the row of a session that BIRD does not have.
func (e *end) missing(w Peering) Session {
	if e.bird.Silent != "" {
		return e.row(w, inspect.StatusMissing, Silent, e.silent())
	}
	return e.row(w, inspect.StatusMissing, Stale, fmt.Sprintf("%s of node %s has no such session: it did not read its configuration again, or confd did not write it",
		Daemon(e.family), e.local.Name))
}

// silent says that BIRD does not answer, and what is left of it.
func (e *end) silent() string {
	text := fmt.Sprintf("%s of node %s does not answer: %s", Daemon(e.family), e.local.Name, e.bird.Silent)
	if n := e.left(); n > 0 {
		text += fmt.Sprintf("; %d routes that it made are still in the kernel, and nobody keeps them right", n)
	}
	return text
}

// left counts the routes of BIRD to other nodes in the kernel.
func (e *end) left() int {
	t, n := e.Tables[e.local.Name], 0
	for i := range t.Routes {
		if r := &t.Routes[i]; r.Family() == e.family && r.Gateway.IsValid() && felix.ProtocolOf(r) == felix.ProtocolBIRD {
			n++
		}
	}
	return n
}

// stray is the row of a session that nothing asks for. Those with the node's own pods, and those of another kind than Calico's, are
// not judged.
func (e *end) stray(s *inspect.Session) Session {
	status := inspect.StatusUnexpected
	problem := fmt.Sprintf("no BGPPeer and no mesh asks for it: %s of node %s has an old configuration", Daemon(e.family), e.local.Name)
	workloads := slices.ContainsFunc(e.Calico.Peers, func(p inspect.BGPPeer) bool { return p.Workloads })
	if s.Kind == inspect.SessionOther || s.Kind == inspect.SessionWorkload && workloads {
		status, problem = inspect.StatusOK, ""
	}
	row := show(e.row(e.seen(s), status, ""), s)
	if problem != "" {
		row.Fault, row.Problems = Stale, []string{problem}
	}
	return row
}

// show fills a row with what BIRD says.
func show(row Session, s *inspect.Session) Session {
	row.PeerASN = cmp.Or(s.ASN, row.PeerASN)
	row.State, row.Since, row.LastError = s.State, s.Since, s.LastError
	if s.HoldTime > 0 {
		row.HoldTimer = fmt.Sprintf("%d/%d", s.HoldLeft, s.HoldTime)
	}
	row.PrefixesReceived, row.PrefixesAccepted, row.PrefixesSent = s.Imported+s.Rejected, s.Imported, s.Exported
	return row
}

// judge compares a session with the wanted one.
func (e *end) judge(w Peering, s *inspect.Session) Session {
	row := show(e.row(w, inspect.StatusOK, ""), s)
	wrong := func(fault Fault, format string, args ...any) {
		row.Status, row.Fault = inspect.StatusWrong, cmp.Or(row.Fault, fault)
		row.Problems = append(row.Problems, fmt.Sprintf(format, args...))
	}
	if w.ASN != 0 && s.ASN != 0 && w.ASN != s.ASN {
		wrong(Stale, "%s expects AS %d of the peer, and the configuration says AS %d", Daemon(e.family), s.ASN, w.ASN)
	}
	switch other := e.halfOpen(w); {
	case s.State != inspect.Established:
		row.Expected = inspect.Established
		text, about := e.notEstablished(w, s)
		row.About = about
		wrong(NotEstablished, "%s", text)
	case e.bird.Recovery != "" && s.Held:
		wrong(Held, "established, and held back: %s", e.recovery())
	case silence(s) > allowed(s.HoldTime):
		wrong(Dying, "established, and nothing has come from the peer for at least %d s: the session ends in %d s unless something does", silence(s), s.HoldLeft)
	case other != "":
		wrong(Dying, "established, and not at the other end: there it is %s. It ends in %d s unless something comes", other, s.HoldLeft)
	default:
		e.judgeRoutes(w, s, wrong)
	}
	return row
}

// halfOpen returns the state of the session at the other end, if that knows that it is not established: packets that would tell this
// end are lost, too.
func (e *end) halfOpen(w Peering) string {
	other := e.otherEnd(w)
	if other == nil || other.bird.Silent != "" {
		return ""
	}
	if state := other.state(e); state != "" && state != inspect.Established {
		return state
	}
	return ""
}

// silence is for how long at least nothing has come from the peer, in seconds. BIRD shortens its timers by up to a quarter, by chance
// (proto/bgp/bgp.c, bgp_start_timer; RFC 4271, 10).
func silence(s *inspect.Session) int { return s.HoldTime*3/4 - s.HoldLeft }

// allowed is how long a healthy peer may be silent: it sends a keepalive message after a third of the hold time at the latest (RFC 4271,
// 4.4), which may be late on a busy node.
func allowed(hold int) int { return hold/3 + max(5, hold/12) }

// judgeRoutes looks at what an established session brings and sends.
func (e *end) judgeRoutes(w Peering, s *inspect.Session, wrong func(Fault, string, ...any)) {
	theirs, own := e.owned[w.Node].Get(e.family), e.owned[e.local.Name].Get(e.family)
	others := e.elsewhere(e.local.Name, e.family)
	some := func(count func(*inspect.Session) int) bool {
		return slices.ContainsFunc(e.bird.Sessions, func(s inspect.Session) bool { return s.State == inspect.Established && count(&s) > 0 })
	}
	imported := func(s *inspect.Session) int { return s.Imported }
	exported := func(s *inspect.Session) int { return s.Exported }
	switch {
	case w.Node != "" && theirs > 0 && s.Imported == 0:
		wrong(NoRoutes, "established, and brings no route, though node %s has blocks of pods' addresses: %d%s", w.Node, theirs, e.filters(w))
	case w.Node == "" && !e.mesh() && others > 0 && !some(imported):
		wrong(NoRoutes, "established, and brings no route, though other nodes have blocks of pods' addresses: %d%s", others, e.filters(w))
	}
	if own > 0 && s.Exported == 0 && (w.Node != "" || !e.mesh()) && (w.Node != "" || !some(exported)) {
		wrong(NoRoutes, "established, and node %s sends no route to it, though it has blocks of pods' addresses: %d%s", e.local.Name, own, e.filters(w))
	}
}

// filters names the BGPFilters of a session.
func (e *end) filters(w Peering) string {
	for i := range e.Calico.Peers {
		if p := &e.Calico.Peers[i]; p.Name == w.Object && len(p.Filters) > 0 {
			return fmt.Sprintf(" (BGPPeer %s has BGPFilter %s)", p.Name, strings.Join(p.Filters, ", "))
		}
	}
	return ""
}
