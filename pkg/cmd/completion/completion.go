// Package completion implements "dualstack completion".
package completion

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
)

const (
	short = "Print the completion script of a shell"
	long  = short + `, for the binary called by its own name, kubectl-dualstack.

		kubectl itself completes "kubectl dualstack" once a program named kubectl_complete-dualstack is on the PATH: a link of
		that name to the binary is enough.`
	example = `
		# Complete "kubectl dualstack" through kubectl, in every shell that completes kubectl
		ln -s "$(command -v kubectl-dualstack)" ~/.local/bin/kubectl_complete-dualstack

		# Complete "kubectl-dualstack" in this bash
		source <(kubectl dualstack completion bash)`
)

// shells lists the arguments that the command takes.
func shells() []string { return []string{"bash", "fish", "powershell", "zsh"} }

// NewCmdCompletion returns "dualstack completion". runF replaces Run in tests; it is nil in production.
func NewCmdCompletion(streams genericiooptions.IOStreams, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "completion SHELL", Short: short, Long: long, Example: example,
		Args: oneShell, Complete: command.Words(shells()...),
		ToOptions: func(cmd *cobra.Command, args []string) (*Options, error) {
			return &Options{Root: cmd.Root(), Shell: args[0], Out: streams.Out}, nil
		},
	}, runF)
}

func oneShell(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return errors.New("one shell is needed: bash, fish, powershell or zsh")
	}
	return nil
}

// Options is what Run needs.
type Options struct {
	Root  *cobra.Command
	Shell string
	Out   io.Writer
}

// Validate reports a shell that has no script.
func (o *Options) Validate() error {
	if !slices.Contains(shells(), o.Shell) {
		return exit.Usagef("unknown shell %q: use one of bash, fish, powershell, zsh", o.Shell)
	}
	return nil
}

// Run prints the script.
func (o *Options) Run(context.Context) error {
	switch o.Shell {
	case "bash":
		return o.Root.GenBashCompletionV2(o.Out, true)
	case "fish":
		return o.Root.GenFishCompletion(o.Out, true)
	case "powershell":
		return o.Root.GenPowerShellCompletionWithDesc(o.Out)
	default:
		return o.Root.GenZshCompletion(o.Out)
	}
}
