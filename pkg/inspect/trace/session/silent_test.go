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
