// Package neighbors implements "dualstack neighbors".
package neighbors

import (
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
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

// Inspector returns "dualstack neighbors".
func Inspector() inspector.Inspector { return inspector.New(spec) }

func spec() inspector.Spec[neighbors.Neighbor] {
	return inspector.Spec[neighbors.Neighbor]{
		About: inspector.About{
			Name: "neighbors", Aliases: []string{"neighbours", "neigh"}, Kind: neighbors.Kind, Noun: "neighbour entries", Subject: inspect.FactNodes, PerNode: true,
		},
		Short: short, Long: long, Example: example,
		Needs: func(inspector.View) []inspect.Fact { return neighbors.Needs() },
		Analyze: func(s *inspect.Snapshot, v inspector.View) *inspect.Report[neighbors.Neighbor] {
			return neighbors.Analyze(s, neighbors.Options{Filter: felix.Filter{Family: v.Family, Nodes: v.Nodes}})
		},
		Table: func(inspector.View) printer.Table[neighbors.Neighbor] { return table() },
	}
}

// table describes how rows are shown.
func table() printer.Table[neighbors.Neighbor] {
	return printer.Table[neighbors.Neighbor]{
		Name: func(n neighbors.Neighbor) string {
			return strings.Join([]string{n.Node, n.Device, printer.Text(n.IP)}, "/")
		},
		Columns: []printer.Column[neighbors.Neighbor]{
			{Header: "NODE", Value: func(n neighbors.Neighbor) string { return n.Node }},
			{Header: "FAMILY", Wide: true, Value: func(n neighbors.Neighbor) string { return n.Family.String() }},
			{Header: "DEVICE", Value: func(n neighbors.Neighbor) string { return n.Device }},
			{Header: "REMOTE-NODE", Value: func(n neighbors.Neighbor) string { return n.RemoteNode }},
			{Header: "IP", Value: func(n neighbors.Neighbor) string { return printer.Text(n.IP) }},
			{Header: "MAC", Value: func(n neighbors.Neighbor) string { return printer.MAC(n.MAC) }},
			inspector.Status[neighbors.Neighbor](),
		},
	}
}
