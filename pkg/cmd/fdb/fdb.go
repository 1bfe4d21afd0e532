// Package fdb implements "dualstack fdb".
package fdb

import (
	"net/netip"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

const (
	short = "Verify the VXLAN forwarding tables of nodes"
	long  = short + `.

		Each node sends frames for the MAC address of another node's tunnel device to that node's address. This command reads
		these entries on every node, in both families, and compares them with the expected ones: ok, missing, unexpected, wrong,
		or unknown where a table could not be read. With -o wide, each row has the whole lookup: the blocks whose next hop has a
		neighbour entry with the MAC address of the entry.

		An entry does not prove which path packets take: routes decide that, see "kubectl dualstack routes".

		The exit code is 2 when anything is not ok.`
	example = `
		# The forwarding entries of all nodes, in both families
		kubectl dualstack fdb

		# The IPv6 entries of one node, with the neighbours and the blocks behind them
		kubectl dualstack fdb --node dual-stack-worker --family ipv6 -o wide

		# All entries that are not as expected
		kubectl dualstack fdb -o json | jq '.items[] | select(.status != "ok")'`
)

// Inspector returns "dualstack fdb".
func Inspector() inspector.Inspector { return inspector.New(spec) }

func spec() inspector.Spec[fdb.Entry] {
	return inspector.Spec[fdb.Entry]{
		About: inspector.About{
			Name: "fdb", Kind: fdb.Kind, Noun: "forwarding entries", Subject: inspect.FactNodes, PerNode: true, Watched: true,
		},
		Short: short, Long: long, Example: example,
		Needs: func(inspector.View) []inspect.Fact { return fdb.Needs() },
		Analyze: func(s *inspect.Snapshot, v inspector.View) *inspect.Report[fdb.Entry] {
			return fdb.Analyze(s, fdb.Options{Filter: felix.Filter{Family: v.Family, Nodes: v.Nodes}, Lookup: v.Wide})
		},
		Table: func(inspector.View) printer.Table[fdb.Entry] { return table() },
	}
}

// table describes how rows are shown.
func table() printer.Table[fdb.Entry] {
	return printer.Table[fdb.Entry]{
		Name: func(e fdb.Entry) string { return strings.Join([]string{e.Node, e.Device, e.MAC.String()}, "/") },
		Columns: []printer.Column[fdb.Entry]{
			{Header: "NODE", Value: func(e fdb.Entry) string { return e.Node }},
			{Header: "FAMILY", Wide: true, Value: func(e fdb.Entry) string { return e.Family.String() }},
			{Header: "DEVICE", Value: func(e fdb.Entry) string { return e.Device }},
			{Header: "REMOTE-NODE", Value: func(e fdb.Entry) string { return e.RemoteNode }},
			{Header: "BLOCKS", Wide: true, Value: blocks},
			{Header: "NEXT-HOP", Wide: true, Value: nextHops},
			{Header: "MAC", Value: func(e fdb.Entry) string { return printer.MAC(e.MAC) }},
			{Header: "VTEP", Value: func(e fdb.Entry) string { return printer.Text(e.VTEP) }},
			inspector.Status[fdb.Entry](),
		},
	}
}

func blocks(e fdb.Entry) string {
	if e.Lookup == nil {
		return ""
	}
	return join(e.Lookup.Blocks, netip.Prefix.String)
}

func nextHops(e fdb.Entry) string {
	if e.Lookup == nil {
		return ""
	}
	return join(e.Lookup.Neighbors, netip.Addr.String)
}

func join[T any](items []T, text func(T) string) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = text(item)
	}
	return strings.Join(texts, ",")
}
