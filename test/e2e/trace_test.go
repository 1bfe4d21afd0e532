//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// tracePaths runs a trace, which may find paths that fail, and returns them.
func tracePaths(t testing.TB, l *lab, args ...string) ([]trace.Path, result) {
	t.Helper()
	// A busy machine may take longer than users would wait.
	r := l.plugin(t, append([]string{"trace", "-o", "json", "--deadline", "3m"}, args...)...)
	if r.code != 0 && r.code != 2 {
		t.Fatal(r)
	}
	paths := items[trace.Path](t, r.out)
	if len(paths) == 0 {
		t.Fatalf("no paths: %s", r)
	}
	return paths, r
}

// damage is what a fault does to the paths of a trace.
type damage struct {
	// fails tells which paths fail, all of them for the same cause; nil is none.
	fails func(*trace.Path) bool
	// unsure tells which of the others may fail, or not: a service is answered by one of its endpoints, by chance.
	unsure func(*trace.Path) bool
	cause  []inspect.Code // one of them; those further on are for paths whose packets get lost later
	node   string         // where the cause is; "" is not looked at
}

// derived are paths that stand on others: on the way to an endpoint or to DNS, which goes over IPv4 in the lab.
func derived(p *trace.Path) bool {
	return p.Class == trace.Service || p.Class == trace.Web || p.Class == trace.Name
}

// cut is a fault between pods on pairs of nodes, in whichever direction: a lost answer fails a path as well.
func cut(f inspect.Family, between func(a, b string) bool) damage {
	lost := func(p *trace.Path, to string) bool {
		return between(p.Source.Node, to) || between(to, p.Source.Node)
	}
	return damage{
		fails: func(p *trace.Path) bool { return p.Class == trace.CrossNode && p.Family == f && lost(p, p.Target.Node) },
		unsure: func(p *trace.Path) bool {
			over := p.Family
			if p.Class == trace.Name {
				over = inspect.IPv4
			}
			return derived(p) && (over == f || p.Class == trace.Web && f == inspect.IPv4)
		},
	}
}

func (d damage) because(node string, cause ...inspect.Code) damage {
	d.node, d.cause = node, cause
	return d
}

// check holds the verdict of each path against what the damages must have done, and returns the paths that failed.
func check(t testing.TB, paths []trace.Path, r result, damages ...damage) []trace.Path {
	t.Helper()
	var failed []trace.Path
	for i := range paths {
		p := &paths[i]
		if p.Skip != "" {
			if p.Verdict != trace.Skip {
				t.Errorf("%s: %s, and there is nothing to probe: %s", p.Name, p.Verdict, p.Skip)
			}
			continue
		}
		must := slices.IndexFunc(damages, func(d damage) bool { return d.fails != nil && d.fails(p) })
		by := must
		for j, d := range damages { // where several may have broken it, the one that is named
			if must < 0 && d.unsure != nil && d.unsure(p) && (by < 0 || d.names(p.Cause)) {
				by = j
			}
		}
		switch {
		case p.Verdict == trace.Fail && by >= 0:
			failed = append(failed, *p)
			damages[by].blamed(t, p)
		case must >= 0 || p.Verdict != trace.Pass:
			t.Errorf("%s: %s%s", p.Name, p.Verdict, said(p))
		}
	}
	if (len(failed) > 0) != (r.code == 2) {
		t.Errorf("exit code %d with %d paths that fail", r.code, len(failed))
	}
	return failed
}

// names reports whether a cause is that of the damage.
func (d damage) names(c *inspect.Finding) bool {
	return c != nil && slices.Contains(d.cause, c.Code) && (d.node == "" || c.Node == d.node) && c.Summary != ""
}

// blamed reports a cause that is not the one.
func (d damage) blamed(t testing.TB, p *trace.Path) {
	t.Helper()
	if !d.names(p.Cause) {
		t.Errorf("%s: the cause must be one of %v on %q%s", p.Name, d.cause, d.node, said(p))
	}
}

func said(p *trace.Path) string {
	var text strings.Builder
	if p.Cause != nil {
		fmt.Fprintf(&text, "\n\t%s on %q: %s\n\t%s", p.Cause.Code, p.Cause.Node, p.Cause.Summary, p.Cause.Command)
	}
	for _, note := range p.Evidence.Notes {
		fmt.Fprintf(&text, "\n\tnote: %s", note)
	}
	if p.Result != nil {
		fmt.Fprintf(&text, "\n\t$ %s\n\t%s", p.Result.Command, strings.ReplaceAll(p.Result.Output, "\n", "\n\t"))
	}
	return text.String()
}

// TestTrace goes every path of the healthy lab, time and again: all pass, with the TTLs that the lab's drawing gives.
func TestTrace(t *testing.T) {
	l := shared(t)
	const runs = 3
	for range runs {
		paths, r := tracePaths(t, l)
		if failed := check(t, paths, r); len(failed) > 0 {
			t.Fatal("a healthy lab")
		}
		ttls := map[trace.Class]int{trace.SameNode: 63, trace.CrossNode: 62, trace.External: 63}
		seen := map[string]int{}
		for _, p := range paths {
			if p.Verdict != trace.Pass {
				continue
			}
			seen[fmt.Sprintf("%s %s %s", p.Class, p.Probe.Check, p.Family)]++
			if ttl := ttls[p.Class]; ttl > 0 && p.Probe.Check == trace.Ping && p.Evidence.TTL != ttl {
				t.Errorf("%s: TTL %d, want %d", p.Name, p.Evidence.TTL, ttl)
			}
			tunnelled := slices.ContainsFunc(p.Hops, func(h trace.Hop) bool { return h.Component == trace.ComponentTunnel })
			if p.Class == trace.CrossNode && tunnelled != (p.Family == inspect.IPv6) {
				t.Errorf("%s: through a tunnel: %v", p.Name, tunnelled)
			}
			if p.Class == trace.CrossNode && len(p.Evidence.Counters) == 0 {
				t.Errorf("%s: no counters", p.Name)
			}
		}
		n := len(l.nodes())
		want := map[string]int{}
		for _, f := range inspect.Families() {
			want[fmt.Sprintf("%s %s %s", trace.CrossNode, trace.Ping, f)] = n * (n - 1)
			want[fmt.Sprintf("%s %s %s", trace.CrossNode, trace.TCP, f)] = n * (n - 1)
			want[fmt.Sprintf("%s %s %s", trace.External, trace.Ping, f)] = n
		}
		for what, number := range want {
			if seen[what] != number {
				t.Errorf("%d paths %s passed, want %d", seen[what], what, number)
			}
		}
	}
}

// TestTraceTargets aims at one target of each kind.
func TestTraceTargets(t *testing.T) {
	l := shared(t)
	pod := multitools(t, l)[1]
	for _, target := range []string{
		"2001:db8::1", "1.1.1.1", "svc/multitool-dual-stack", "pod/" + pod.name, "multitool-ipv6-only.default.svc.cluster.local",
		pod.v6, clusterIP(t, l, "multitool-ipv6-only", 0), l.nodes()[2], "node/" + l.nodes()[2],
	} {
		paths, r := tracePaths(t, l, target)
		check(t, paths, r)
		if !slices.ContainsFunc(paths, func(p trace.Path) bool { return p.Verdict == trace.Pass }) {
			t.Errorf("%s: nothing passed: %s", target, r)
		}
		if table := l.mustPlugin(t, "trace", target); !strings.Contains(table, "pass") {
			t.Errorf("%s:\n%s", target, table)
		}
	}
}

// TestTraceRefusals asks for what cannot be traced: one line, exit 1.
func TestTraceRefusals(t *testing.T) {
	l := shared(t)
	for _, args := range [][]string{
		{"pod/no-such-pod"}, {"svc/no-such-service"}, {"node/no-such-node"}, {"--", "-h"}, {"fe80::1%eth0"}, {"--from", "no-such-pod"}, {"--from-node", "no-such-node"},
		{"--family", "ipv5"}, {"1.1.1.1", "2001:db8::1"},
	} {
		r := l.plugin(t, append([]string{"trace"}, args...)...)
		said, _, _ := strings.Cut(r.errOut, "See 'kubectl dualstack trace -h'") // where the command line is wrong
		if r.code != 1 || r.out != "" || !strings.HasPrefix(r.errOut, "error: ") || strings.Count(said, "\n") != 1 {
			t.Errorf("want one line: %s", r)
		}
	}
}
