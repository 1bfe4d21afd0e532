package trace

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/safefile"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// suites is the trace as CI systems read it: a suite for each class, a test for each path.
func suites(paths []trace.Path, took time.Duration) *junit.Testsuites {
	all := &junit.Testsuites{Name: "dualstack trace", Time: seconds(took)}
	var classes []trace.Class
	byClass := map[trace.Class]*junit.Testsuite{}
	for i := range paths {
		p := &paths[i]
		suite := byClass[p.Class]
		if suite == nil {
			suite = &junit.Testsuite{Name: string(p.Class), ID: len(classes), Time: seconds(0)}
			byClass[p.Class] = suite
			classes = append(classes, p.Class)
		}
		suite.AddTestcase(testcase(p))
	}
	for _, class := range classes {
		all.AddSuite(*byClass[class])
	}
	return all
}

func testcase(p *trace.Path) junit.Testcase {
	test := junit.Testcase{Name: printer.Escape(p.Name), Classname: "trace." + string(p.Class)}
	if p.Result != nil {
		test.Time = seconds(p.Result.RTT)
	}
	message := printer.Escape(why(*p))
	switch p.Verdict {
	case trace.Skip, trace.NotSent:
		test.Skipped = &junit.Result{Message: message}
	case trace.Fail:
		test.Failure = &junit.Result{Message: message, Data: hopText(p)}
		if p.Cause != nil {
			test.Failure.Type = string(p.Cause.Code)
		}
	case trace.Inconclusive:
		test.Error = &junit.Result{Message: message, Data: hopText(p)}
	}
	return test
}

func hopText(p *trace.Path) string {
	w := &hopWriter{}
	w.path(p)
	return strings.TrimSpace(w.text.String())
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }

// writeJUnit writes the report to a file that only its owner may read: it has names and addresses of the cluster.
func writeJUnit(ctx context.Context, name string, paths []trace.Path, took time.Duration) error {
	if err := safefile.Write(ctx, name, suites(paths, took).WriteXML); err != nil {
		return fmt.Errorf("write the JUnit report: %w", err)
	}
	return nil
}
