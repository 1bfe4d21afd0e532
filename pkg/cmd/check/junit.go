package check

import (
	"fmt"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
)

// junit is the report as CI systems read it: a suite for each section, a test for each rule that was to run. It fails where
// the exit code says so; a rule that was not checked is skipped, and says why.
func (o *Options) junit(report *inspect.Report[inspect.Finding]) *printer.JUnit {
	all := printer.NewJUnit("check", 0) // what takes time is reading, and no rule alone needs it
	for _, r := range o.Rules {
		all.Add(string(r.Section), o.test(r, report))
	}
	return all
}

func (o *Options) test(r check.Rule, report *inspect.Report[inspect.Finding]) printer.Test {
	t := printer.Test{Name: string(r.Code) + " " + r.Title}
	for _, omitted := range report.Omitted {
		switch {
		case omitted.Part != string(r.Code):
		case t.Outcome == printer.Skipped:
			t.Message += "; " + omitted.Explanation
		default:
			t.Outcome, t.Message = printer.Skipped, omitted.Reason+": "+omitted.Explanation
		}
	}
	var bad, unknown []string
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	for _, f := range report.Items {
		if f.Code != r.Code {
			continue
		}
		printFinding(line, f, "")
		switch {
		case f.Severity == inspect.SeverityUnknown:
			unknown = append(unknown, f.Summary)
		case o.isBad(f.Severity):
			bad = append(bad, f.Summary)
		}
	}
	t.Text = strings.TrimSpace(text.String())
	switch {
	case len(bad) > 0:
		t.Outcome, t.Code, t.Message = printer.Failed, string(r.Code), andMore(bad)
	case len(unknown) > 0:
		t.Outcome, t.Code, t.Message = printer.Errored, string(r.Code), andMore(unknown)
	}
	return t
}

// andMore is the first of some sentences, and how many others there are.
func andMore(all []string) string {
	if len(all) == 1 {
		return all[0]
	}
	return fmt.Sprintf("%s, and %d more", all[0], len(all)-1)
}
