// Package cmd is the command line: the root command, and the one place where errors become messages and exit codes.
package cmd

import (
	"io"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	// The cloud providers' and OIDC log-in of kubeconfig files.
	_ "k8s.io/client-go/plugin/pkg/client/auth"
	"k8s.io/kubectl/pkg/util/templates"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	completioncmd "github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/completion"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/diff"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/graph"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/snapshot"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/version"
)

// The program's name as users type it, and the name of its file.
const (
	displayName = "kubectl dualstack"
	binaryName  = "kubectl-dualstack"
)

const (
	short = "Build, inspect and prove dual-stack Kubernetes on Calico"
	long  = short + `.

		A lab in one command; both addresses of every pod, service and node; and the tables of each node's kernel,
		compared with what Calico must have programmed.`
	example = `
		# A lab, and what there is to see of it
		kubectl dualstack lab create
		kubectl dualstack pods -A -o wide

		# Without a cluster: the forwarding tables of a recorded lab
		kubectl dualstack fdb --snapshot demo`
)

// NewCmdDualstack returns the root command with everything below it.
func NewCmdDualstack(streams genericiooptions.IOStreams) *cobra.Command {
	config := genericclioptions.NewConfigFlags(true)
	root := command.Group(binaryName, short, long, example)
	root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: displayName}
	root.SilenceUsage, root.SilenceErrors = true, true
	root.CompletionOptions = cobra.CompletionOptions{DisableDefaultCmd: true}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	config.AddFlags(root.PersistentFlags())
	inspector.CompleteGlobalFlags(root, config)

	shared := func() *inspector.Flags { return inspector.NewFlags(config, streams) }
	var inspectors []*cobra.Command
	for _, i := range Inspectors() {
		inspectors = append(inspectors, i.NewCmd(shared(), nil))
	}
	groups := templates.CommandGroups{
		{Message: "Lab:", Commands: []*cobra.Command{
			lab.NewCmdLab(config, streams),
		}},
		{Message: "Inspectors:", Commands: append(inspectors,
			check.NewCmdCheck(check.NewFlags(shared()), nil),
			graph.NewCmdGraph(graph.NewFlags(shared()), nil),
		)},
		{Message: "Traffic:", Commands: []*cobra.Command{
			trace.NewCmdTrace(trace.NewFlags(shared()), nil),
		}},
		{Message: "Other Commands:", Commands: []*cobra.Command{
			snapshot.NewCmdSnapshot(snapshot.NewFlags(shared()), nil),
			diff.NewCmdDiff(diff.NewFlags(shared()), nil),
			version.NewCmdVersion(streams, nil),
			completioncmd.NewCmdCompletion(streams, nil),
		}},
	}
	groups.Add(root)
	root.AddCommand(newCmdOptions(streams))
	templates.ActsAsRootCommand(root, []string{"options", "help"}, groups...)
	useDisplayName(root)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &exit.UsageError{Command: cmd.CommandPath(), Err: err}
	})
	return root
}

// useDisplayName corrects the one line of kubectl's usage template that names the root command by its file name.
func useDisplayName(root *cobra.Command) {
	usage := root.UsageFunc()
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		var text strings.Builder
		out := cmd.OutOrStderr()
		cmd.SetOut(&text)
		cmd.SetErr(&text)
		err := usage(cmd)
		cmd.SetOut(out)
		cmd.SetErr(out)
		if err != nil {
			return err
		}
		_, err = io.WriteString(out, strings.ReplaceAll(text.String(), `Use "`+binaryName+" ", `Use "`+displayName+" "))
		return err
	})
}

// newCmdOptions returns the command that lists the global flags. The help of every other command refers to it.
func newCmdOptions(streams genericiooptions.IOStreams) *cobra.Command {
	cmd := command.Group("options", "Print the list of flags inherited by all commands",
		"Print the list of flags inherited by all commands: those of kubectl, with the same meaning.", `
			# The list
			kubectl dualstack options

			# Some of them in use
			kubectl dualstack pods --context kind-dual-stack -n kube-system`)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Usage() }
	cmd.SetOut(streams.Out)
	cmd.SetErr(streams.Out)
	templates.UseOptionsTemplates(cmd)
	return cmd
}
