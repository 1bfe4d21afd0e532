package inspector

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
)

// Problems says what the rules of check have to say about an inspector's rows.
type Problems[T any] struct {
	// Sections are those whose findings are about such rows.
	Sections []check.Section
	// Of returns what a row is about, as findings word it, and where its problems go.
	Of func(*T) (subject string, problems *[]string)
}

func (p Problems[T]) any() bool { return p.Of != nil }

// addFailOnFlag binds the flag that asks for the rules. They read more of the cluster than the rows do, so nothing else does.
func (f *Flags) addFailOnFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.FailOn, "fail-on", f.FailOn, "Also run the rules of \"check\" about these rows, show their problems, and make the "+
		"exit code 2 from this severity on. One of: (error, warning, never).")
	CompleteFailOn(cmd)
}

// CompleteFailOn completes the flag --fail-on.
func CompleteFailOn(cmd *cobra.Command) {
	command.CompleteFlag(cmd, "fail-on", command.Words(string(inspect.SeverityError), string(inspect.SeverityWarning), string(check.Never)))
}

// CheckFailOn refuses a severity from which on no exit code can depend.
func CheckFailOn(s inspect.Severity) error {
	if s != inspect.SeverityError && s != inspect.SeverityWarning && s != check.Never {
		return exit.Usagef("--fail-on %s: use error, warning or never", s)
	}
	return nil
}

// judge is what the rules found, by subject. The zero value found nothing.
type judge struct {
	findings map[string][]inspect.Finding
	omitted  []inspect.Omission
	failOn   inspect.Severity
	bad      int // rows with a finding that makes the command fail
}

// judge runs the rules about rows on the whole cluster: what is wrong with a row may be anywhere.
func (l *looker[T]) judge(ctx context.Context) (*judge, error) {
	j := &judge{failOn: l.FailOn}
	if l.FailOn == "" {
		return j, nil
	}
	rules := check.About(l.spec.Problems.Sections...)
	whole := *l.Options
	whole.Request = gather.Request{}
	snap, err := whole.Gather(ctx, check.Needs(rules)...)
	if err != nil {
		return nil, err
	}
	report := check.Analyze(snap, rules, check.Filter{Family: l.Family})
	j.findings, j.omitted = check.BySubject(report.Items), report.Omitted
	for _, o := range report.Omitted {
		message.Line(l.ErrOut, "Note: %s is %s: %s.", o.Part, o.Reason, o.Explanation)
	}
	return j, nil
}

// mark notes the problems of rows. What is only worth knowing is none.
func (l *looker[T]) mark(j *judge, rows []T) {
	if len(j.findings) == 0 {
		return
	}
	for i := range rows {
		subject, problems := l.spec.Problems.Of(&rows[i])
		bad := false
		for _, f := range j.findings[subject] {
			if f.Severity == inspect.SeverityInfo {
				continue
			}
			*problems = append(*problems, string(f.Code)+": "+f.Summary)
			bad = bad || check.Fails(f.Severity, j.failOn)
		}
		if bad {
			j.bad++
		}
	}
}

// failed returns an error if rows have problems that make the command fail.
func (l *looker[T]) failed(j *judge, rows int) error {
	return exit.FindingsIf(j.bad, "%d of %d %s have problems of severity %s or worse", j.bad, rows, l.spec.Noun, j.failOn)
}

// column shows the codes, and with -o wide the sentences.
func (p Problems[T]) column(v View) printer.Column[T] {
	return printer.Column[T]{Header: "PROBLEMS", Value: func(row T) string {
		_, problems := p.Of(&row)
		if v.Wide {
			return strings.Join(*problems, "; ")
		}
		codes := make([]string, len(*problems))
		for i, text := range *problems {
			codes[i], _, _ = strings.Cut(text, ":")
		}
		return strings.Join(codes, ",")
	}}
}
