// Package command builds every command of the program the same way: flags -> options -> validate -> run.
package command

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
)

// Options is what a command needs to run: its flags, resolved.
type Options interface {
	// Validate reports flags and arguments that are invalid, or contradict each other.
	Validate() error
	// Run does the work of the command.
	Run(ctx context.Context) error
}

// Spec describes a command that runs with options of type O.
type Spec[O Options] struct {
	Use                  string
	Aliases              []string
	Short, Long, Example string
	Args                 cobra.PositionalArgs // nil: the command takes none
	// Complete completes the arguments. Without it, TAB offers nothing: cobra would offer files.
	Complete cobra.CompletionFunc
	// AddFlags binds the flags; nil: no flags.
	AddFlags func(*cobra.Command)
	// ToOptions resolves the flags and the arguments.
	ToOptions func(cmd *cobra.Command, args []string) (O, error)
}

// New returns the command. runF replaces Run in tests; it is nil in production.
func New[O Options](s Spec[O], runF func(context.Context, O) error) *cobra.Command {
	if runF == nil {
		runF = func(ctx context.Context, o O) error { return o.Run(ctx) }
	}
	cmd := Group(s.Use, s.Short, s.Long, s.Example)
	cmd.Aliases = s.Aliases
	if s.Args != nil {
		cmd.Args = usage(s.Args)
	}
	if s.Complete != nil {
		cmd.ValidArgsFunction = s.Complete
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o, err := s.ToOptions(cmd, args)
		if err != nil {
			return err
		}
		if err := o.Validate(); err != nil {
			return exit.Usage(err)
		}
		return runF(cmd.Context(), o)
	}
	if s.AddFlags != nil {
		s.AddFlags(cmd)
	}
	return cmd
}

// Group returns a command that only holds others: it prints its help.
func Group(use, short, long, example string) *cobra.Command {
	return &cobra.Command{
		Use:                   use,
		Short:                 short,
		Long:                  templates.LongDesc(long),
		Example:               templates.Examples(example),
		DisableFlagsInUseLine: true, // kubectl's template writes "[options]" itself
		Args:                  usage(cobra.NoArgs),
		ValidArgsFunction:     cobra.NoFileCompletions,
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			return exit.Usage(cmd.ValidateFlagGroups())
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

// usage marks the error of a check of the arguments as a mistake of the command line.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error { return exit.Usage(check(cmd, args)) }
}

// Valid is for options without anything to validate.
type Valid struct{}

// Validate implements Options.
func (Valid) Validate() error { return nil }
