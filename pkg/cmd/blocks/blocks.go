// Package blocks implements "dualstack blocks".
package blocks

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/report"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/blocks"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

const (
	short = "Display the IPAM blocks of nodes, and the addresses that other nodes borrowed"
	long  = short + `.

		Calico's IPAM gives each node blocks of addresses from the pools. For each block: its pool, the node that it is affine
		to, how many of its addresses are in use, and which of them other nodes have borrowed. With -o wide also the handles:
		IPAM's names for who has the addresses.`
	example = `
		# All blocks
		kubectl dualstack blocks

		# The IPv6 blocks of a node, and those that it has borrowed from
		kubectl dualstack blocks --node dual-stack-worker --family ipv6`
)

// NewCmdBlocks returns "dualstack blocks". runF replaces Run in tests; it is nil in production.
func NewCmdBlocks(f *inspector.Flags, runF func(context.Context, *report.Options[blocks.Block]) error) *cobra.Command {
	return report.NewCmd(f, report.Spec[blocks.Block]{
		Use: "blocks", Aliases: []string{"block", "ipamblocks"}, Short: short, Long: long, Example: example,
		Noun: "IPAM blocks", Subject: inspect.FactBlocks, PerNode: true, Facts: blocks.Needs(),
		Analyze: func(s *inspect.Snapshot, flt felix.Filter, _ bool) *inspect.Report[blocks.Block] {
			return blocks.Analyze(s, blocks.Options{Family: flt.Family, Nodes: flt.Nodes})
		},
		Table: table(),
	}, runF)
}
