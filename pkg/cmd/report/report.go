// Package report makes a command of an inspector that reports on a snapshot as a whole. Rows of an inspector that
// verifies have an inspect.Judgement: then a row that is not ok ends with exit code 2, and what is omitted is named.
package report

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// Spec describes a command and the inspector behind it, whose rows are of type T.
type Spec[T any] struct {
	Use     string
	Aliases []string
	Short   string
	Long    string
	Example string

	Noun    string // of the rows, in the plural
	Subject inspect.Fact
	Facts   []inspect.Fact
	// PerNode gives the command a flag to choose a node.
	PerNode bool
	// Watch gives it a flag to look time and again.
	Watch bool
	// Analyze is the inspector. Wide asks for what only the wide table shows.
	Analyze func(s *inspect.Snapshot, flt felix.Filter, wide bool) *inspect.Report[T]
	Table   printer.Table[T]
}

// judged is a row of an inspector that verifies: it embeds an inspect.Judgement.
type judged interface{ Judged() inspect.Judgement }

// judgement returns how a row was judged, and false for rows of an inspector that verifies nothing.
func judgement[T any](row *T) (inspect.Judgement, bool) {
	j, ok := any(row).(judged)
	if !ok {
		return inspect.Judgement{}, false
	}
	return j.Judged(), true
}

func details[T any](row T) string {
	j, _ := judgement(&row)
	return j.Details()
}

// NewCmd returns the command. runF replaces Run in tests; it is nil in production.
func NewCmd[T any](f *inspector.Flags, spec Spec[T], runF func(context.Context, *Options[T]) error) *cobra.Command {
	return command.New(command.Spec[*Options[T]]{
		Use: spec.Use, Aliases: spec.Aliases, Short: spec.Short, Long: spec.Long, Example: spec.Example,
		AddFlags: func(cmd *cobra.Command) {
			f.AddFlags(cmd)
			if spec.Watch {
				f.AddWatchFlag(cmd)
			}
			if spec.PerNode {
				f.AddNodeFlags(cmd)
			}
			if slices.Contains(spec.Facts, inspect.FactTables) {
				f.AddTableFlags(cmd)
			}
		},
		ToOptions: func(*cobra.Command, []string) (*Options[T], error) { return ToOptions(f, spec) },
	}, runF)
}

// ToOptions resolves where the facts come from and how the rows are printed.
func ToOptions[T any](f *inspector.Flags, spec Spec[T]) (*Options[T], error) {
	shared, err := f.ToOptions(spec.Subject, nil)
	if err != nil {
		return nil, err
	}
	shared.Request.Namespace = "" // neither nodes nor pools nor blocks have one
	o := &Options[T]{Options: shared, spec: spec, wide: f.Print.Output == "wide"}
	if o.short, err = printer.New(f.Print, spec.Table); err != nil {
		return nil, err
	}
	o.detailed = o.short
	if _, verified := judgement(new(T)); !verified {
		return o, nil
	}
	detailed := spec.Table
	detailed.Columns = append(slices.Clone(detailed.Columns), printer.Column[T]{Header: "DETAILS", Value: details[T]})
	if o.detailed, err = printer.New(f.Print, detailed); err != nil {
		return nil, err
	}
	return o, nil
}

// Options is what Run needs.
type Options[T any] struct {
	*inspector.Options
	spec     Spec[T]
	wide     bool
	short    *printer.Printer[T] // when all rows are ok
	detailed *printer.Printer[T]
}

// Run looks, once or time and again.
func (o *Options[T]) Run(ctx context.Context) error { return o.Repeat(ctx, o.look) }

// look reads the facts, analyses them and prints the rows.
func (o *Options[T]) look(ctx context.Context) error {
	snap, err := o.Gather(ctx, o.spec.Facts...)
	if err != nil {
		return err
	}
	flt := felix.Filter{Family: o.Family}
	if o.Request.Node != "" {
		flt.Nodes = []string{o.Request.Node}
	}
	list := o.spec.Analyze(snap, flt, o.wide)
	for _, omission := range list.Omitted {
		// A broken standard error is no reason to keep the rows from the user.
		_, _ = fmt.Fprintf(o.ErrOut, "Note: %s.\n", printer.Escape(omission.String()))
	}
	findings := o.findings(list)
	p := o.short
	if findings != nil {
		p = o.detailed
	}
	if err := o.print(p, list); err != nil {
		return err
	}
	return findings
}

// batch is how many rows are laid out at once: a thousand nodes have two million, which would take gigabytes as text.
const batch = 2000

func (o *Options[T]) print(p *printer.Printer[T], list *inspect.Report[T]) error {
	w := p.Begin(o.Out)
	w.Omit(list.Omitted...)
	for rows := range slices.Chunk(list.Items, batch) {
		if err := w.Add(rows); err != nil {
			return err
		}
	}
	if err := w.End(); err != nil {
		return err
	}
	o.NotFound(len(list.Items), o.spec.Noun)
	return nil
}

// findings sums up what is not ok: "1 missing, 2 wrong of 24 forwarding entries".
func (o *Options[T]) findings(list *inspect.Report[T]) error {
	counts, bad := map[inspect.Status]int{}, 0
	for i := range list.Items {
		if j, ok := judgement(&list.Items[i]); ok && j.Status != inspect.StatusOK {
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
	return exit.FindingsIf(bad, "%s of %d %s", strings.Join(parts, ", "), len(list.Items), o.spec.Noun)
}

// MAC is an Ethernet address as text, and nothing for none.
func MAC(m inspect.MAC) string {
	if m.IsZero() {
		return ""
	}
	return m.String()
}
