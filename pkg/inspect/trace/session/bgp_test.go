package session

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// TestWithoutSession: a route that is missing has the session as its cause, if BGP brings routes of that pool and a session is to blame.
func TestWithoutSession(t *testing.T) {
	const f = inspect.IPv6
	w, w2 := it.Worker, it.Worker2
	ended := it.BIRD(w2, f, func(b *inspect.BIRD) { *b = inspect.BIRD{Silent: "gone"} })
	noRoute := func(prefix string) *inspect.Finding {
		cause := trace.Cause(trace.NoRoute, w, "ip -6 route", "%snode %s has no route to a block on %s: it leads out", prefix, w, w2)
		cause.RemoteNode = w2
		return cause
	}
	outside := noRoute("")
	outside.RemoteNode = ""
	for _, tt := range []struct {
		name   string
		change it.Change
		cause  *inspect.Finding
		code   inspect.Code
		says   string
		asked  []string // the nodes whose sessions are read
	}{
		{"BIRD has ended", it.All(it.Unencapsulated, ended), noRoute(""), trace.NoSession, "node " + w + " has no route to pods of node " + w2 + " by BGP: bird6 of node " + w2, []string{w, w2}},
		{"an endpoint behind it", it.All(it.Unencapsulated, ended), noRoute("endpoint web: "), trace.NoSession, "endpoint web: node " + w + " has no route", []string{w, w2}},
		{"all sessions are well", it.Unencapsulated, noRoute(""), trace.NoRoute, "it leads out", []string{w, w2}},
		{"a tunnel's route", it.All(), noRoute(""), trace.NoRoute, "it leads out", nil},
		{"a route to the outside", it.All(it.Unencapsulated, ended), outside, trace.NoRoute, "it leads out", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			snap := it.With(tt.change)
			var asked []string
			r := Cluster{BGP: func(_ context.Context, snap *inspect.Snapshot, nodes []string) *bgp.Sessions {
				asked = nodes
				return bgp.NewSessions(snap)
			}}.newProof(nil, snap, Options{})
			path := trace.Path{Family: f, Hops: []trace.Hop{{}, {Problem: tt.cause}}}
			got := r.withoutSession(r.sessions(t.Context(), []*suspect{{path: path}}), &path, tt.cause)
			if got.Code != tt.code || !strings.HasPrefix(got.Summary, tt.says) && !strings.Contains(got.Summary, tt.says) || !slices.Equal(asked, tt.asked) {
				t.Errorf("got %s: %s, after the sessions of %q", got.Code, got.Summary, asked)
			}
			if got.Code == trace.NoSession && (got.Node != w2 || got.Command != "kubectl dualstack bgp --family ipv6 --node "+w2) {
				t.Errorf("on %s: %s", got.Node, got.Command)
			}
		})
	}
}
