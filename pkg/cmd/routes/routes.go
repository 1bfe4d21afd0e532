// Package routes implements "dualstack routes".
package routes

import (
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
)

const (
	short = "Verify the routes of nodes to the pods of other nodes"
	long  = short + `.

		Each node has a route to every block of pod addresses, a blackhole for its own blocks, and a route to each address that
		another node has borrowed from a block. Routes to other nodes lead through the tunnel, or are direct, not encapsulated,
		if the pool has no encapsulation, or is CrossSubnet and the other node is in the same subnet. This command reads these
		routes on every node, in both families, and compares them with the expected ones: ok, missing, unexpected, wrong, or
		unknown if a table could not be read. With -o wide, each row says why the route is of its kind.

		In pools without encapsulation, BIRD or Felix makes the routes. Any router is accepted as their next hop, but no third
		node in the same subnet. Pools with IPIP are not verified, and are named. The exit code is 2 when anything is not ok.`
	example = `
		# The routes of all nodes, in both families
		kubectl dualstack routes

		# Why the IPv4 routes of a node are what they are
		kubectl dualstack routes --node dual-stack-worker --family ipv4 -o wide

		# All direct routes
		kubectl dualstack routes -o json | jq '.items[] | select(.kind == "direct")'`
)

// Inspector returns "dualstack routes".
func Inspector() inspector.Inspector { return inspector.New(spec) }

func spec() inspector.Spec[routes.Route] {
	return inspector.Spec[routes.Route]{
		About: inspector.About{
			Name: "routes", Aliases: []string{"route"}, Kind: routes.Kind, Noun: "routes", Subject: inspect.FactNodes, PerNode: true,
		},
		Short: short, Long: long, Example: example,
		Needs: func(inspector.View) []inspect.Fact { return routes.Needs() },
		Analyze: func(s *inspect.Snapshot, v inspector.View) *inspect.Report[routes.Route] {
			return routes.Analyze(s, routes.Options{Filter: felix.Filter{Family: v.Family, Nodes: v.Nodes}})
		},
		Table: func(inspector.View) printer.Table[routes.Route] { return table() },
	}
}

// table describes how rows are shown.
func table() printer.Table[routes.Route] {
	return printer.Table[routes.Route]{
		Name: func(r routes.Route) string { return strings.Join([]string{r.Node, printer.Text(r.Destination)}, "/") },
		Columns: []printer.Column[routes.Route]{
			{Header: "NODE", Value: func(r routes.Route) string { return r.Node }},
			{Header: "FAMILY", Wide: true, Value: func(r routes.Route) string { return r.Family.String() }},
			{Header: "DESTINATION", Value: func(r routes.Route) string { return printer.Text(r.Destination) }},
			{Header: "KIND", Value: func(r routes.Route) string { return string(r.Kind) }},
			{Header: "REMOTE-NODE", Value: func(r routes.Route) string { return r.RemoteNode }},
			{Header: "VIA", Value: func(r routes.Route) string { return printer.Text(r.Via) }},
			{Header: "DEVICE", Value: func(r routes.Route) string { return r.Device }},
			inspector.Status[routes.Route](),
			{Header: "REASON", Wide: true, Value: func(r routes.Route) string { return r.Reason }},
		},
	}
}
