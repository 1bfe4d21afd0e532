package inspector

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Inspection is what the run of an inspector needs.
type Inspection struct {
	*Options
	look func(context.Context) error
}

// Run looks, once or with --watch again and again.
func (i *Inspection) Run(ctx context.Context) error { return i.Repeat(ctx, i.look) }

// looker looks once.
type looker[T any] struct {
	*Options
	spec     Spec[T]
	view     View
	short    *printer.Printer[T] // when all rows are ok
	detailed *printer.Printer[T]
}

// inspection resolves where the facts come from and how the rows are printed.
func inspection[T any](spec Spec[T], f *Flags, names []string) (*Inspection, error) {
	o, err := f.ToOptions(spec.Subject, names)
	if err != nil {
		return nil, err
	}
	if !spec.Namespaced {
		o.Request.Namespace = ""
	}
	l := &looker[T]{Options: o, spec: spec, view: View{
		Family: o.Family, Namespaces: o.AllNamespaces, Wide: f.Print.IsWide(), Whole: f.Print.IsWhole(),
	}}
	if o.Request.Node != "" {
		l.view.Nodes = []string{o.Request.Node}
	}
	table := spec.Table(l.view)
	table.Kind = spec.Kind
	if f.FailOn != "" {
		table.Columns = append(slices.Clone(table.Columns), spec.Problems.column(l.view))
	}
	if l.short, err = printer.New(f.Print, table); err != nil {
		return nil, err
	}
	table.Columns = append(slices.Clone(table.Columns), printer.Column[T]{Header: "DETAILS", Value: details[T]})
	l.detailed, err = printer.New(f.Print, table)
	return &Inspection{Options: o, look: l.look}, err
}

// look reads the facts, analyses them and prints the rows.
func (l *looker[T]) look(ctx context.Context) error {
	j, err := l.judge(ctx)
	if err != nil {
		return err
	}
	if l.spec.Stream != nil {
		return l.stream(ctx, j)
	}
	snap, err := l.Gather(ctx, l.spec.Needs(l.view)...)
	if err != nil {
		return err
	}
	report := l.spec.Analyze(snap, l.view)
	for _, omission := range report.Omitted {
		message.Line(l.ErrOut, "Note: %s.", omission)
	}
	l.mark(j, report.Items)
	report.Omitted = append(report.Omitted, j.omitted...)
	findings := l.findings(report)
	p := l.short
	if findings != nil {
		p = l.detailed
	}
	if err := l.print(p, report); err != nil {
		return err
	}
	if findings == nil {
		return l.failed(j, len(report.Items))
	}
	return findings
}

// stream prints rows as they come.
func (l *looker[T]) stream(ctx context.Context, j *judge) error {
	w := l.short.Begin(l.Out)
	w.Omit(j.omitted...)
	err := l.spec.Stream(ctx, l.Options, l.view, func(rows []T) error {
		l.mark(j, rows)
		return w.Add(rows)
	})
	if err != nil {
		return err
	}
	if err := l.end(w); err != nil {
		return err
	}
	return l.failed(j, w.Count())
}

// batch is how many rows are laid out at once: a thousand nodes have two million, which would take gigabytes as text.
const batch = 2000

func (l *looker[T]) print(p *printer.Printer[T], report *inspect.Report[T]) error {
	w := p.Begin(l.Out)
	w.Omit(report.Omitted...)
	for rows := range slices.Chunk(report.Items, batch) {
		if err := w.Add(rows); err != nil {
			return err
		}
	}
	return l.end(w)
}

func (l *looker[T]) end(w *printer.Writer[T]) error {
	if err := w.End(); err != nil {
		return err
	}
	l.NotFound(w.Count(), l.spec.Noun)
	return nil
}

// judgement returns how a row was judged, and false for rows of an inspector that verifies nothing.
func judgement[T any](row *T) (inspect.Judgement, bool) {
	j, ok := any(row).(interface{ Judged() inspect.Judgement })
	if !ok {
		return inspect.Judgement{}, false
	}
	return j.Judged(), true
}

func details[T any](row T) string {
	j, _ := judgement(&row)
	return j.Details()
}

// Status is the column of a verified row that says how it compares with the expected one.
func Status[T interface{ Judged() inspect.Judgement }]() printer.Column[T] {
	return printer.Column[T]{
		Header: "STATUS",
		Value:  func(row T) string { return string(row.Judged().Status) },
		Health: func(row T) inspect.Health { return row.Judged().Status.Health() },
	}
}

// findings sums up the rows that are not ok: "1 missing, 2 wrong of 24 forwarding entries".
func (l *looker[T]) findings(report *inspect.Report[T]) error {
	counts, bad := map[inspect.Status]int{}, 0
	for i := range report.Items {
		if j, ok := judgement(&report.Items[i]); ok && j.Status != inspect.StatusOK {
			counts[j.Status]++
			bad++
		}
	}
	var parts []string
	for _, status := range []inspect.Status{inspect.StatusMissing, inspect.StatusUnexpected, inspect.StatusWrong,
		inspect.StatusUnknown} {
		if n := counts[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, status))
		}
	}
	return exit.FindingsIf(bad, "%s of %d %s", strings.Join(parts, ", "), len(report.Items), l.spec.Noun)
}
