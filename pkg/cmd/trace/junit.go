package trace

import (
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// suites is the trace as CI systems read it: a suite for each class, a test for each path.
func suites(paths []trace.Path, took time.Duration) *printer.JUnit {
	all := printer.NewJUnit("trace", took)
	for i := range paths {
		all.Add(string(paths[i].Class), test(&paths[i]))
	}
	return all
}

func test(p *trace.Path) printer.Test {
	t := printer.Test{Name: p.Name, Message: why(*p)}
	if p.Result != nil {
		t.Took = p.Result.RTT
	}
	switch p.Verdict {
	case trace.Skip, trace.NotSent:
		t.Outcome = printer.Skipped
	case trace.Fail:
		t.Outcome, t.Text = printer.Failed, hopText(p)
		if p.Cause != nil {
			t.Code = string(p.Cause.Code)
		}
	case trace.Inconclusive:
		t.Outcome, t.Text = printer.Errored, hopText(p)
	}
	return t
}

func hopText(p *trace.Path) string {
	w := &hopWriter{}
	w.path(p)
	return strings.TrimSpace(w.text.String())
}
