// Package completion implements "dualstack completion".
package completion

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
)

const (
	short = "Print the completion script of a shell"
	long  = short + `, for the binary called by its own name, kubectl-dualstack.

		Where the plugin is called through kubectl, kubectl completes it by itself as soon as a program named
		kubectl_complete-dualstack is on the PATH: a link of that name to the binary is enough.`
)

// shells lists what the command takes.
func shells() []cobra.Completion { return []cobra.Completion{"bash", "fish", "powershell", "zsh"} }

// NewCmdCompletion returns "dualstack completion".
func NewCmdCompletion(streams genericiooptions.IOStreams) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: short,
		Long:  templates.LongDesc(long),
		Example: templates.Examples(`
			# Complete "kubectl dualstack" through kubectl, in every shell that completes kubectl
			ln -s "$(command -v kubectl-dualstack)" ~/.local/bin/kubectl_complete-dualstack

			# Complete "kubectl-dualstack" in this bash
			source <(kubectl dualstack completion bash)`),
		ValidArgsFunction: cobra.FixedCompletions(shells(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Usagef("one shell is needed: bash, fish, powershell or zsh")
			}
			return generate(cmd.Root(), args[0], streams)
		},
	}
}

func generate(root *cobra.Command, shell string, streams genericiooptions.IOStreams) error {
	switch shell {
	case "bash":
		return root.GenBashCompletionV2(streams.Out, true)
	case "fish":
		return root.GenFishCompletion(streams.Out, true)
	case "powershell":
		return root.GenPowerShellCompletionWithDesc(streams.Out)
	case "zsh":
		return root.GenZshCompletion(streams.Out)
	default:
		return exit.Usagef("unknown shell %q: use one of bash, fish, powershell, zsh", shell)
	}
}
