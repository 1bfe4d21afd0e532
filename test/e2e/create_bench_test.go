//go:build bench

package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// doneLine is a step's last line in a log: its name and its time.
var doneLine = regexp.MustCompile(`^ ✓ (.+) \((\S+)\)$`)

// BenchmarkLabCreate measures "lab create" with the images present, until every pod is ready, and each of its steps. Steps
// overlap, so their times do not add up.
func BenchmarkLabCreate(b *testing.B) {
	l := newLab("e2e-other")
	for b.Loop() {
		r := l.plugin(b, l.createArgs()...)
		if r.code != 0 {
			b.Fatal(r)
		}
		b.StopTimer()
		for line := range strings.Lines(r.errOut) {
			if m := doneLine.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
				if took, err := time.ParseDuration(m[2]); err == nil {
					b.ReportMetric(took.Seconds(), "s/"+strings.ReplaceAll(m[1], " ", "-"))
				}
			}
		}
		if r := l.plugin(b, "lab", "delete", "--name", l.name); r.code != 0 {
			b.Fatal(r)
		}
		b.StartTimer()
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/create")
}
