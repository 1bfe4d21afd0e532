package inspector

import (
	"context"
	"reflect"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// View is the part of the user's request that matters to an analysis or its table.
type View struct {
	Family     inspect.Family // zero: both
	Nodes      []string       // none: all
	Namespaces bool           // the rows are of all namespaces
	Wide       bool           // -o wide
	Whole      bool           // the format shows more than the plain table does
}

// About is the part that Inspector and Spec share: what the rows are about, and which flags choose among them.
type About struct {
	Name    string // of the command
	Aliases []string
	Kind    string // of a row
	Noun    string // of the rows, in the plural
	Subject inspect.Fact

	Named      bool // the arguments are names of the subject
	Namespaced bool // the subject is in namespaces
	Labelled   bool // the subject is chosen by labels
	PerNode    bool // the subject is on a node
	Watched    bool // the subject changes while the user looks
}

// Spec describes an inspector: its command, and the analysis behind it, whose rows are of type T. An inspector verifies if
// its rows embed an inspect.Judgement.
type Spec[T any] struct {
	About
	Short, Long, Example string

	// AddFlags binds flags that only this inspector has; nil: none.
	AddFlags func(*pflag.FlagSet)
	// Needs lists the facts that the analysis reads.
	Needs func(View) []inspect.Fact
	// Analyze is the analysis.
	Analyze func(*inspect.Snapshot, View) *inspect.Report[T]
	// Stream replaces Analyze in an inspector that prints rows while it still reads: it passes rows to add as they come.
	Stream func(ctx context.Context, o *Options, v View, add func([]T) error) error
	Table  func(View) printer.Table[T]
	// Problems says which rules of check are about the rows; the zero value: none.
	Problems Problems[T]
}

// Inspector is a Spec without its type of rows, for the registry of pkg/cmd and its users.
type Inspector struct {
	About
	Row      reflect.Type
	Needs    []inspect.Fact // the most that it reads
	Verifies bool
	// NewCmd returns the command. runF replaces Run in tests; it is nil in production.
	NewCmd func(f *Flags, runF func(context.Context, *Inspection) error) *cobra.Command
}

// New returns the inspector that spec describes. Each of its commands has a Spec of its own, since flags are bound to it.
func New[T any](spec func() Spec[T]) Inspector {
	s := spec()
	i := Inspector{About: s.About, Row: reflect.TypeFor[T](), Needs: s.Needs(View{Wide: true, Whole: true})}
	_, i.Verifies = judgement(new(T))
	i.NewCmd = func(f *Flags, runF func(context.Context, *Inspection) error) *cobra.Command {
		return newCmd(spec(), f, runF)
	}
	return i
}

func newCmd[T any](spec Spec[T], f *Flags, runF func(context.Context, *Inspection) error) *cobra.Command {
	s := command.Spec[*Inspection]{
		Use: spec.Name, Aliases: spec.Aliases, Short: spec.Short, Long: spec.Long, Example: spec.Example,
		AddFlags: func(cmd *cobra.Command) {
			f.AddFlags(cmd)
			for _, add := range []struct {
				wanted bool
				flags  func(*cobra.Command)
			}{
				{spec.Watched, f.AddWatchFlag}, {spec.Namespaced, f.AddNamespaceFlags}, {spec.Labelled, f.AddSelectorFlags},
				{spec.PerNode, f.AddNodeFlags}, {spec.Problems.any(), f.addFailOnFlag},
				{slices.Contains(spec.Needs(View{Wide: true, Whole: true}), inspect.FactTables), f.AddTableFlags},
			} {
				if add.wanted {
					add.flags(cmd)
				}
			}
			if spec.AddFlags != nil {
				spec.AddFlags(cmd.Flags())
			}
		},
		ToOptions: func(_ *cobra.Command, names []string) (*Inspection, error) { return inspection(spec, f, names) },
	}
	if spec.Named {
		s.Use += " [NAME...]"
		s.Args, s.Complete = cobra.ArbitraryArgs, f.CompleteNames(spec.Name)
	}
	return command.New(s, runF)
}
