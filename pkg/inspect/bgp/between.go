package bgp

import (
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// Sessions explains the absence of routes. It is for one goroutine at a time.
type Sessions struct {
	*analysis
	known map[whose][]Session
}

type whose struct {
	node   string
	family inspect.Family
}

// NewSessions returns the sessions of a cluster, or nil where there is no BGP.
func NewSessions(s *inspect.Snapshot) *Sessions {
	if Off(s) != "" {
		return nil
	}
	return &Sessions{analysis: newAnalysis(s), known: map[whose][]Session{}}
}

// rowsOf returns the sessions of a node in a family.
func (s *Sessions) rowsOf(node string, f inspect.Family) []Session {
	w := whose{node, f}
	if rows, ok := s.known[w]; ok {
		return rows
	}
	n := s.named[node]
	if n == nil {
		return nil
	}
	s.rows = nil
	s.node(n, f)
	s.known[w] = s.rows
	return s.rows
}

// Between returns why BGP brings a node no route to the addresses of another one, and which node that is about: the sessions of the
// other, of the node itself, or that pool's setting. It is empty where nothing of BGP explains it.
func (s *Sessions) Between(node, remote string, pool *inspect.IPPool) (why, about string) {
	f := pool.Family()
	if why := felix.NotExported(pool); why != "" {
		return why, ""
	}
	ends := [][]Session{s.rowsOf(remote, f), s.rowsOf(node, f)}
	// What stops all of a daemon comes before what is wrong with one session, and a session of the two before one with a router.
	for _, faults := range [][]Fault{{Silent, None, Held}, {NotEstablished, Stale}, {NoRoutes, Dying}} {
		for _, direct := range []bool{true, false} {
			for i, rows := range ends {
				other := []string{node, remote}[i]
				for _, row := range rows {
					if slices.Contains(faults, row.Fault) && (row.PeerNode == other || !direct && row.PeerNode == "") {
						return row.Problems[0], row.About
					}
				}
			}
		}
	}
	return "", ""
}
