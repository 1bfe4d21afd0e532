// Package neighbors implements "dualstack neighbors".
package neighbors

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/report"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/neighbors"
)

const (
	short = "Verify the ARP and neighbour discovery entries of tunnel devices"
	long  = short + `.

		In Calico's tunnels, no ARP or neighbour discovery takes place: Felix programs the MAC address of every other node's
		tunnel device instead. This command reads these entries on every node, in both families, and compares them with the
		expected ones: ok, missing, unexpected, wrong, or unknown where a table could not be read.

		The exit code is 2 when anything is not ok.`
	example = `
		# The neighbour entries of all nodes, in both families
		kubectl dualstack neighbors

		# The IPv6 entries of one node
		kubectl dualstack neighbors --node dual-stack-worker --family ipv6`
)

// NewCmdNeighbors returns "dualstack neighbors". runF replaces Run in tests; it is nil in production.
func NewCmdNeighbors(
	f *inspector.Flags, runF func(context.Context, *report.Options[neighbors.Neighbor]) error,
) *cobra.Command {
	return report.NewCmd(f, spec(), runF)
}

func spec() report.Spec[neighbors.Neighbor] {
	return report.Spec[neighbors.Neighbor]{
		Use: "neighbors", Aliases: []string{"neighbours", "neigh"}, Short: short, Long: long, Example: example,
		Noun: "neighbour entries", Subject: inspect.FactNodes, PerNode: true,
		Facts: neighbors.Needs(),
		Analyze: func(s *inspect.Snapshot, flt felix.Filter, _ bool) *inspect.Report[neighbors.Neighbor] {
			return neighbors.Analyze(s, neighbors.Options{Filter: flt})
		},
		Table: printer.Table[neighbors.Neighbor]{
			Kind: neighbors.Kind,
			Name: func(n neighbors.Neighbor) string {
				return strings.Join([]string{n.Node, n.Device, printer.Text(n.IP)}, "/")
			},
			Columns: []printer.Column[neighbors.Neighbor]{
				{Header: "NODE", Value: func(n neighbors.Neighbor) string { return n.Node }},
				{Header: "FAMILY", Wide: true, Value: func(n neighbors.Neighbor) string { return n.Family.String() }},
				{Header: "DEVICE", Value: func(n neighbors.Neighbor) string { return n.Device }},
				{Header: "REMOTE-NODE", Value: func(n neighbors.Neighbor) string { return n.RemoteNode }},
				{Header: "IP", Value: func(n neighbors.Neighbor) string { return printer.Text(n.IP) }},
				{Header: "MAC", Value: func(n neighbors.Neighbor) string { return report.MAC(n.MAC) }},
				{Header: "STATUS", Value: func(n neighbors.Neighbor) string { return string(n.Status) },
					Health: func(n neighbors.Neighbor) inspect.Health { return n.Status.Health() }},
			},
		},
	}
}
