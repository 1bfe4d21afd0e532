// Package lab implements "dualstack lab" and holds its subcommands, one package each.
package lab

import (
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/create"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/delete"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/export"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/list"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/switchcmd"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/target"
)

const (
	short = "Create, inspect, export and delete dual-stack labs"
	long  = short + `.

		A lab is a switch (Arista cEOS, or a Linux one), a kind cluster whose nodes are wired to it, and Calico with a pool
		in each family. It runs on one Docker host and needs no root. Labs of different names live side by side.`
	example = `
		# Make a lab, see its state, remove it
		kubectl dualstack lab create
		kubectl dualstack lab status
		kubectl dualstack lab delete

		# What the switch of the lab sees
		kubectl dualstack lab switch`
)

// NewCmdLab returns "dualstack lab".
func NewCmdLab(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *cobra.Command {
	cmd := command.Group("lab", short, long, example)
	flags := func() *target.Flags { return target.NewFlags(config, streams) }
	cmd.AddCommand(
		create.NewCmdCreate(create.NewFlags(flags()), nil),
		delete.NewCmdDelete(flags(), nil),
		export.NewCmdExport(export.NewFlags(create.NewFlags(flags())), nil),
		list.NewCmdList(list.NewFlags(flags()), nil),
		status.NewCmdStatus(status.NewFlags(flags()), nil),
		switchcmd.NewCmdSwitch(switchcmd.NewFlags(flags()), nil),
	)
	return cmd
}
