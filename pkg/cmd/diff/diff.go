// Package diff implements "dualstack diff".
package diff

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/diff"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
)

const (
	short = "Say what changed between two snapshots, or since one"
	long  = short + `.

		A and B are files of "kubectl dualstack snapshot"; without B, the command compares A with the cluster. Findings of check that
		are new or solved come first, then what was added, is gone or has other values: settings, nodes, pods, services, pools, policies,
		blocks, BGP peers, and the entries of the nodes' tables.

		What changes by itself is left out: counters, entries that the kernel learns, the devices and routes of single pods. Pods that
		their controller replaced are counted. The command says what one of the snapshots does not have, and does not compare it.

		The exit code is 0 when nothing changed, and 2 when something did.`
	example = `
		# What changed since a recording
		kubectl dualstack snapshot before.snapshot
		kubectl dualstack diff before.snapshot

		# What changed between two recordings, for a script
		kubectl dualstack diff before.snapshot after.snapshot -o json`
)

// Flags is what the user typed; ToOptions turns it into what Run needs.
type Flags struct{ *inspector.Flags }

// NewFlags returns the flags with their defaults.
func NewFlags(shared *inspector.Flags) *Flags { return &Flags{Flags: shared} }

// NewCmdDiff returns "dualstack diff". runF replaces Run in tests; it is nil in production.
func NewCmdDiff(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "diff A [B]", Short: short, Long: long, Example: example,
		Args: oneOrTwo, Complete: files, AddFlags: f.AddFlags, ToOptions: f.ToOptions,
	}, runF)
}

func oneOrTwo(_ *cobra.Command, args []string) error {
	switch {
	case len(args) == 0 || len(args) > 2 || args[0] == "" || args[len(args)-1] == "":
		return exit.Usagef("one or two files of \"kubectl dualstack snapshot\" are needed")
	case len(args) == 2 && args[0] == inspector.Stdin && args[1] == inspector.Stdin:
		return exit.Usagef("standard input can be read once: name a file for A or for B")
	}
	return nil
}

func files(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.Print.AddFlags(cmd)
	f.AddTableFlags(cmd)
}

// ToOptions resolves where the facts of both sides come from.
func (f *Flags) ToOptions(_ *cobra.Command, args []string) (*Options, error) {
	from := func(snapshot string) (*inspector.Options, error) {
		side := *f.Flags // the source keeps its flags
		side.Snapshot = snapshot
		o, err := side.ToOptions("", nil)
		if err != nil {
			return nil, err
		}
		o.Progress = true
		o.Request = gather.Request{} // everything, of all namespaces and nodes
		return o, nil
	}
	before, err := from(args[0])
	if err != nil {
		return nil, err
	}
	second := ""
	if len(args) == 2 {
		second = args[1]
	}
	after, err := from(second)
	if err != nil {
		return nil, err
	}
	changes, err := printer.New(f.Print, table())
	return &Options{Options: after, Before: before, text: f.Print.IsTable(), changes: changes}, err
}

// Options is what Run needs. The embedded ones are those of B.
type Options struct {
	*inspector.Options
	Before *inspector.Options

	text    bool
	changes *printer.Printer[diff.Change]
}

// Run reads both sides and compares them.
func (o *Options) Run(ctx context.Context) error {
	before, err := o.Before.Gather(ctx, inspect.Facts()...)
	if err != nil {
		return err
	}
	after, err := o.Gather(ctx, inspect.Facts()...)
	if err != nil {
		return err
	}
	if len(before.Nodes) == 0 || len(after.Nodes) == 0 {
		return errors.New("compare two clusters: one of them has no nodes that could be read")
	}
	report := diff.Analyze(before, after)
	if err := o.changes.Print(o.Out, report); err != nil {
		return err
	}
	if o.text {
		if len(report.Items) == 0 {
			message.Line(o.ErrOut, "Nothing changed.")
		}
		for _, left := range report.Omitted {
			message.Line(o.ErrOut, "Not compared: %s: %s", left.Part, left.Explanation)
		}
	}
	if len(report.Items) == 1 {
		return exit.FindingsIf(1, "one thing changed")
	}
	return exit.FindingsIf(len(report.Items), "%d things changed", len(report.Items))
}

func table() printer.Table[diff.Change] {
	return printer.Table[diff.Change]{
		Kind: diff.Kind,
		Name: func(c diff.Change) string { return string(c.Change) + "/" + c.Node + "/" + c.Subject },
		Columns: []printer.Column[diff.Change]{
			{Header: "CHANGE", Value: func(c diff.Change) string { return string(c.Change) }, Health: func(c diff.Change) inspect.Health { return c.Health() }},
			{Header: "NODE", Value: func(c diff.Change) string { return c.Node }},
			{Header: "SUBJECT", Value: func(c diff.Change) string { return c.Subject }},
			{Header: "DETAILS", Value: func(c diff.Change) string { return c.Details() }},
		},
	}
}
