// Package report makes a command of an inspector that reports on a snapshot as a whole. Where the inspector holds the
// kernel tables of nodes against what Felix must have programmed, its rows have a status, what is left out is named,
// and anything that is not ok ends with exit code 2.
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

	// The rest is for inspectors that verify.

	Part   felix.Part             // empty: nothing is verified
	Status func(T) inspect.Status // of a row
	// Details says what is wrong with a row; it makes up the last column, which is left out when nothing is wrong.
	Details func(T) string
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
	if spec.Part == "" {
		return o, nil
	}
	detailed := spec.Table
	detailed.Columns = append(slices.Clone(detailed.Columns), printer.Column[T]{Header: "DETAILS", Value: spec.Details})
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
	if o.spec.Part == "" {
		return o.print(o.short, list)
	}
	for _, omission := range felix.New(snap).Omissions(o.spec.Part, flt) {
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
	counts := map[inspect.Status]int{}
	for _, row := range list.Items {
		counts[o.spec.Status(row)]++
	}
	var parts []string
	for _, status := range []inspect.Status{inspect.StatusMissing, inspect.StatusUnexpected, inspect.StatusWrong,
		inspect.StatusUnknown} {
		if n := counts[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, status))
		}
	}
	bad := len(list.Items) - counts[inspect.StatusOK]
	return exit.FindingsIf(bad, "%s of %d %s", strings.Join(parts, ", "), len(list.Items), o.spec.Noun)
}

// Details joins what is wrong with a row: what it must be, or each of its problems.
func Details(expected string, problems []string) string {
	if len(problems) > 0 {
		return strings.Join(problems, "; ")
	}
	if expected != "" {
		return "must be " + expected
	}
	return ""
}

// MAC is an Ethernet address as text, and nothing for none.
func MAC(m inspect.MAC) string {
	if m.IsZero() {
		return ""
	}
	return m.String()
}
