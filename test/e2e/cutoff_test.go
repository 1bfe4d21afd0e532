//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// TestTraceCutOff cuts a node off in three ways: it is the first cause, paths that do not touch it pass, and the trace ends with its
// deadline.
func TestTraceCutOff(t *testing.T) {
	l := shared(t)
	node := l.name + "-worker2"
	for _, tt := range []struct {
		name         string
		inject, heal func(t *testing.T)
	}{
		{"paused", func(t *testing.T) { docker(t, "pause", node) }, func(t *testing.T) { docker(t, "unpause", node) }},
		{"kubelet stopped", func(t *testing.T) { docker(t, "exec", node, "systemctl", "stop", "kubelet") },
			func(t *testing.T) { docker(t, "exec", node, "systemctl", "start", "kubelet") }},
		{"without its cable", func(t *testing.T) { docker(t, "exec", node, "ip", "link", "set", "eth1", "down") },
			func(t *testing.T) { l.mustPlugin(t, l.createArgs()...) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Cleanup(func() {
				tt.heal(t)
				eventually(t, "every path passes again", func() bool { return l.plugin(t, "trace").code == 0 })
			})
			tt.inject(t)
			began := time.Now()
			paths, r := tracePaths(t, l, "--deadline", "1m")
			t.Logf("the trace took %v", time.Since(began).Round(time.Second/10))
			if r.code != 2 {
				t.Error(r)
			}
			for i := range paths {
				p := &paths[i]
				from, to := p.Source.Node == node, p.Target.Node == node
				switch {
				case p.Skip != "":
				case from && (p.Cause == nil || p.Cause.Code != trace.NodeSilent || p.Cause.Node != node):
					t.Errorf("%s: %s, %+v", p.Name, p.Verdict, p.Cause)
				case to && p.Verdict == trace.Fail && (p.Cause == nil || p.Cause.Code != trace.NodeSilent):
					t.Errorf("%s: %s, %+v", p.Name, p.Verdict, p.Cause)
				case !from && !to && (p.Class == trace.CrossNode || p.Class == trace.SameNode || p.Class == trace.External) && p.Verdict != trace.Pass:
					t.Errorf("%s: %s, %+v\n%s", p.Name, p.Verdict, p.Cause, r.errOut)
				}
			}
		})
	}
}
