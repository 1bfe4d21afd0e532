//go:build bench

package e2e

import (
	"strings"
	"testing"
	"time"
)

// BenchmarkTrace measures the matrix of a trace, both families from every node, beside the ten commands that one would
// type from a single pod to see a part of it. The ratio is what counts: both take as long as the machine makes them.
func BenchmarkTrace(b *testing.B) {
	l := shared(b)
	names := strings.Fields(l.kubectl(b, "get", "pods", "-l", "app=multitool", "-o", "jsonpath={.items[*].metadata.name}"))
	addresses := strings.Fields(l.kubectl(b, "get", "pod", names[1], "-o", "jsonpath={.status.podIPs[*].ip}"))
	const service = "multitool-dual-stack.default.svc.cluster.local"
	var typed [][]string
	for _, command := range [][]string{
		{"ping", "-c", "3", addresses[0]},
		{"ping6", "-c", "3", addresses[1]},
		{"ping", "-c", "3", "1.1.1.1"},
		{"ping6", "-c", "3", "2001:db8::1"},
		{"dig", "+short", service, "A"},
		{"dig", "+short", service, "AAAA"},
		{"dig", "+short", "multitool-ipv6-only.default.svc.cluster.local", "AAAA"},
		{"curl", "-4", "-s", "-o", "/dev/null", "http://" + service},
		{"curl", "-6", "-s", "-o", "/dev/null", "http://" + service},
		{"curl", "-s", "-o", "/dev/null", "http://multitool-ipv6-only.default.svc.cluster.local"},
	} {
		typed = append(typed, append([]string{"exec", names[0], "--"}, command...))
	}
	var ours, theirs time.Duration
	for b.Loop() {
		started := time.Now()
		r := l.plugin(b, "trace")
		ours += time.Since(started)
		if r.code != 0 {
			b.Fatal(r)
		}
		b.Log(strings.TrimSpace(r.errOut))
		started = time.Now()
		for _, args := range typed {
			l.kubectl(b, args...)
		}
		theirs += time.Since(started)
	}
	b.ReportMetric(ours.Seconds()/float64(b.N), "s/trace")
	b.ReportMetric(theirs.Seconds()/float64(b.N), "s/ten-commands")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "trace/ten-commands")
	b.Logf("%d commands, from one pod", len(typed))
}
