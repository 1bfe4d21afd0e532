// Package blocks implements "dualstack blocks".
package blocks

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/blocks"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
)

const (
	short = "Display the IPAM blocks of nodes, and the addresses that other nodes borrowed"
	long  = short + `.

		Calico's IPAM gives each node blocks of addresses from the pools. For each block: its pool, the node that it is affine
		to, how many of its addresses are in use, and which of them other nodes have borrowed. With -o wide also the handles:
		IPAM's names for the owners of the addresses.`
	example = `
		# All blocks
		kubectl dualstack blocks

		# The IPv6 blocks of a node, and those that it has borrowed from
		kubectl dualstack blocks --node dual-stack-worker --family ipv6`
)

// Inspector returns "dualstack blocks".
func Inspector() inspector.Inspector { return inspector.New(spec) }

func spec() inspector.Spec[blocks.Block] {
	return inspector.Spec[blocks.Block]{
		About: inspector.About{
			Name: "blocks", Aliases: []string{"block", "ipamblocks"}, Kind: blocks.Kind, Noun: "IPAM blocks", Subject: inspect.FactBlocks, PerNode: true,
		},
		Problems: inspector.Problems[blocks.Block]{
			Sections: []check.Section{check.Pools},
			Of:       func(r *blocks.Block) (string, *[]string) { return inspect.BlockSubject(r.CIDR), &r.Problems },
		},
		Short: short, Long: long, Example: example,
		Needs: func(inspector.View) []inspect.Fact { return blocks.Needs() },
		Analyze: func(s *inspect.Snapshot, v inspector.View) *inspect.Report[blocks.Block] {
			return blocks.Analyze(s, blocks.Options{Family: v.Family, Nodes: v.Nodes})
		},
		Table: func(inspector.View) printer.Table[blocks.Block] { return table() },
	}
}
