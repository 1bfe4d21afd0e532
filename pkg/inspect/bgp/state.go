package bgp

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Daemon names the BIRD of a family.
func Daemon(f inspect.Family) string {
	if f == inspect.IPv6 {
		return "bird6"
	}
	return "bird"
}

// notEstablished says what a session waits for, by its state and its last error (BIRD's proto/bgp, bgp_state_dsc and log_rx_error; the names
// of errors are those of RFC 4271, 4.5).
// It names the node that this is about.
func (e *end) notEstablished(w Peering, s *inspect.Session) (text, about string) {
	text, about = "not established", e.local.Name
	if s.State != "" {
		text += ": " + s.State
	}
	if s.LastError != "" {
		text += ", " + s.LastError
	}
	if meaning := e.meaning(w, s); meaning != "" {
		text += ": " + meaning
	}
	if other := e.otherEnd(w); other != nil && other.bird.Silent != "" {
		about = other.local.Name
	}
	if n := e.named[w.Node]; n != nil && !n.Ready {
		text += fmt.Sprintf("; node %s is not ready", n.Name)
	}
	return text, about
}

// meaning explains a session's last error, or else its state.
func (e *end) meaning(w Peering, s *inspect.Session) string {
	peer := "the peer"
	if w.Node != "" {
		peer = "node " + w.Node
	}
	other := e.otherEnd(w)
	err := strings.ToLower(s.LastError)
	says := func(text string) bool { return strings.Contains(err, text) }
	switch {
	case other != nil && other.bird.Silent != "":
		return fmt.Sprintf("%s of %s does not answer", Daemon(e.family), peer)
	case other != nil && other.state(e) == "":
		return fmt.Sprintf("%s has no session with node %s: neither a BGPPeer nor the mesh asks for one there", peer, e.local.Name)
	case says("received: bad peer as"):
		return fmt.Sprintf("%s expects another AS number than %d", peer, e.asnOf(e.local))
	case says("bad peer as"):
		return fmt.Sprintf("%s has another AS number than %d", peer, s.ASN)
	case says("hold timer expired"):
		return fmt.Sprintf("nothing came from %s for the hold time: TCP port 179 is blocked in %s, or its %s hangs", peer, e.family, Daemon(e.family))
	case says("administrative shutdown"), says("received: peer de-configured"), says("administrative reset"):
		return fmt.Sprintf("%s of %s was stopped, or no longer has this session", Daemon(e.family), peer)
	case says("connection closed"):
		return peer + " ends each connection: its BIRD has no session with this node's address"
	case says("connection refused"):
		return fmt.Sprintf("nothing listens on TCP port 179 of %s: its BIRD does not run", peer)
	case says("no route to host"), says("network is unreachable"), says("host is unreachable"):
		return fmt.Sprintf("%s is not on the link, or is down", w.Peer)
	case says("invalid next hop"), says("no listening socket"), says("multihop"):
		return ""
	case says("received: "):
		return peer + " has ended it"
	case s.State == inspect.Passive && other != nil && other.state(e) == inspect.Passive:
		return "both ends wait for the other to connect"
	case s.State == inspect.Passive:
		return fmt.Sprintf("it waits for %s to connect, which has not got through", peer)
	case s.State == "Connect", s.State == "Active":
		return fmt.Sprintf("%s does not answer on TCP port 179 in %s", peer, e.family)
	default:
		return ""
	}
}

// otherEnd is the end of the peer, if it is a node whose BIRD was asked.
func (e *end) otherEnd(w Peering) *end {
	n, read := e.named[w.Node], false
	var both inspect.ByFamily[inspect.BIRD]
	if n != nil {
		both, read = e.BIRD[n.Name]
	}
	if !read {
		return nil
	}
	bird := both.Get(e.family)
	return &end{analysis: e.analysis, local: n, family: e.family, bird: &bird}
}

// state is that of the session with another end.
func (e *end) state(with *end) string {
	own := with.local.Address.Get(e.family).Addr()
	i := slices.IndexFunc(e.bird.Sessions, func(s inspect.Session) bool { return s.Peer == own })
	if i < 0 {
		return ""
	}
	return e.bird.Sessions[i].State
}

// recovery says what BIRD waits for after a restart. It exports no route to the kernel before (birdc's show status; RFC 4724).
func (e *end) recovery() string {
	left, whole, _ := strings.Cut(e.bird.Recovery, "/")
	var absent []string
	for i := range e.bird.Sessions {
		if s := &e.bird.Sessions[i]; s.State != inspect.Established && s.Peer.IsValid() {
			absent = append(absent, s.Peer.String())
		}
	}
	text := fmt.Sprintf("%s recovers after a restart, and gives the kernel no route for up to %s s of %s more", Daemon(e.family), left, whole)
	if len(absent) > 0 {
		text += ", since it waits for " + strings.Join(absent, ", ")
	}
	return text
}
