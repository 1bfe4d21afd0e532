// Package list implements "dualstack lab list".
package list

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/target"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
)

const (
	short = "List the labs of the Docker host"
	long  = short + `, with what Docker knows about each. "lab status" shows more of one lab.`

	example = `
		# All labs
		kubectl dualstack lab list

		# Only their names
		kubectl dualstack lab list -o custom-columns=NAME:.name --no-headers`
)

// Flags is what the user typed.
type Flags struct {
	*target.Flags
	Print *printer.Flags
}

// NewFlags returns the flags with their defaults.
func NewFlags(shared *target.Flags) *Flags { return &Flags{Flags: shared, Print: printer.NewFlags()} }

// NewCmdList returns "dualstack lab list". runF replaces Run in tests; it is nil in production.
func NewCmdList(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "list", Aliases: []string{"ls"}, Short: short, Long: long, Example: example, AddFlags: f.AddFlags,
		ToOptions: func(*cobra.Command, []string) (*Options, error) {
			p, err := printer.New(f.Print, table())
			return &Options{Printer: p, Flags: f.Flags}, err
		},
	}, runF)
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.AddRuntimeFlag(cmd)
	f.Print.AddFlags(cmd)
}

func table() printer.Table[lab.Summary] {
	return printer.Table[lab.Summary]{
		Kind: "Lab",
		Name: func(s lab.Summary) string { return s.Name },
		Columns: []printer.Column[lab.Summary]{
			{Header: "NAME", Value: func(s lab.Summary) string { return s.Name }},
			{Header: "STATUS", Value: func(s lab.Summary) string { return s.Status },
				Health: func(s lab.Summary) inspect.Health { return target.Health(s.Status) }},
			{Header: "SWITCH", Value: func(s lab.Summary) string { return s.Switch }},
			{Header: "NODES", Value: func(s lab.Summary) string { return strconv.Itoa(s.Nodes) }},
			{Header: "RUNNING", Value: func(s lab.Summary) string { return strconv.Itoa(s.Running) }},
		},
	}
}

// Options is what Run needs.
type Options struct {
	Printer *printer.Printer[lab.Summary]
	*target.Flags
	command.Valid
}

// Run prints the labs.
func (o *Options) Run(ctx context.Context) error {
	m, err := o.Manager(ctx)
	if err != nil {
		return err
	}
	labs, err := m.List(ctx)
	if err != nil {
		return err
	}
	if err := o.Printer.Print(o.Out, inspect.NewReport("Lab", labs)); err != nil {
		return err
	}
	if len(labs) == 0 {
		message.Line(o.ErrOut, "No labs found.")
	}
	return nil
}
