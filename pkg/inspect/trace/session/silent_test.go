package session_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/session"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/tracetest"
)

// TestSilentNode: a node that is cut off is the cause of what comes from it and goes to it, costs no further probe, and the other
// paths pass.
func TestSilentNode(t *testing.T) {
	n := &tracetest.Network{Mute: []string{b}, Unreadable: []string{b}, Lose: func(_ *trace.Planned, hop trace.Hop) bool {
		return hop.Node == b
	}}
	n.Paths = tracetest.Matrix()
	paths, err := session.Cluster{}.Prove(t.Context(), n, n.Prepare(inspecttest.Lab()), n.Paths, session.Options{Calm: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range paths {
		p := &paths[i]
		direct := p.Target.Kind == trace.Pod && p.Target.Node == b
		switch {
		case p.Skip != "":
		case p.Source.Node == b:
			if p.Verdict != trace.Inconclusive || p.Cause == nil || p.Cause.Code != trace.NodeSilent || p.Cause.Node != b {
				t.Errorf("%s from it: %s, %+v", p.Name, p.Verdict, p.Cause)
			}
		case direct:
			if p.Verdict != trace.Fail || p.Cause == nil || p.Cause.Code != trace.NodeSilent || p.Cause.Node != b {
				t.Errorf("%s to it: %s, %+v", p.Name, p.Verdict, p.Cause)
			}
		case len(p.Expect.Endpoints) == 0 && p.Verdict != trace.Pass && !slices.ContainsFunc(p.Hops, func(h trace.Hop) bool { return h.Node == b }):
			t.Errorf("%s elsewhere: %s, %+v", p.Name, p.Verdict, p.Cause)
		}
	}
	if sources := 3; n.Probes > sources {
		t.Errorf("%d execs for probes, from %d sources", n.Probes, sources)
	}
}

// TestDeadline: what is not known in time is inconclusive, and says so. Nothing is left behind.
func TestDeadline(t *testing.T) {
	n := &tracetest.Network{Hang: make(chan struct{}, 100)}
	n.Paths = tracetest.Matrix()
	cluster := session.Cluster{Facts: func(context.Context) (*inspect.Snapshot, error) { return inspecttest.Lab(), nil }, Enter: func(*inspect.Snapshot) trace.Prober { return n }}
	report, err := session.Run(t.Context(), cluster, session.Request{}, session.Options{Deadline: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	probed := 0
	for _, p := range report.Items {
		if p.Skip != "" {
			continue
		}
		probed++
		if p.Verdict != trace.Inconclusive || p.Cause == nil || !strings.Contains(p.Cause.Summary, "not known within 20ms (--deadline)") {
			t.Errorf("%s: %s, %+v", p.Name, p.Verdict, p.Cause)
		}
	}
	if probed == 0 || n.Closed != 1 {
		t.Errorf("%d paths, closed %d times", probed, n.Closed)
	}
}

// TestNotProbedAgain: a path that was not answered beside the others has not failed until it was probed alone. One that the tables
// contradict has.
func TestNotProbedAgain(t *testing.T) {
	n := &tracetest.Network{Paths: tracetest.Matrix()}
	n.Lose = func(p *trace.Planned, hop trace.Hop) bool { return p.Class == trace.CrossNode && hop.Return }
	snap := n.Prepare(inspecttest.Lab())
	known := 0
	n.Paths[known].Hops[1].Problem = trace.Cause(trace.NoRoute, "", "", "there is no route")
	cluster := session.Cluster{Enter: func(*inspect.Snapshot) trace.Prober { return n }}
	ctx, stop := session.Within(t.Context(), cluster, time.Second)
	defer stop()
	paths, err := cluster.Prove(ctx, n, snap, n.Paths, session.Options{Calm: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range paths {
		want, said := trace.Inconclusive, len(p.Evidence.Notes) > 0 && strings.Contains(p.Evidence.Notes[len(p.Evidence.Notes)-1], "not probed again: not known within 1s")
		switch {
		case p.Class != trace.CrossNode:
			continue
		case i == known:
			want, said = trace.Fail, p.Cause != nil && p.Cause.Code == trace.NoRoute
		case paths[known].Source == p.Source && p.Family == paths[known].Family:
			continue // it is like the one that is known
		}
		if p.Verdict != want || !said {
			t.Errorf("%s: %s, %+v, %q", p.Name, p.Verdict, p.Cause, p.Evidence.Notes)
		}
	}
}
