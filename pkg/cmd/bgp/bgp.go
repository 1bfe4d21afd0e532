// Package bgp implements "dualstack bgp".
package bgp

import (
	"fmt"
	"strconv"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

const (
	short = "Verify the BGP sessions of nodes, in both families"
	long  = short + `.

		Where pools have no encapsulation, BIRD gives each node the routes to the pods of the others, by BGP. There is a BIRD for
		each family, and calico-node is ready though that of IPv6 has no session. This command asks both BIRDs of every node, and
		compares their sessions with what the node mesh (BGPConfiguration), BGPPeers and route reflectors ask for: ok, missing,
		unexpected, wrong, or unknown if BIRD could not be asked.

		A session is wrong if it is not established, if nothing has come from the peer for longer than its keepalive messages take
		(it counts as established until the hold time is over), and if it brings no route to the blocks of its peer. The line says why.
		BIRD is asked in the container of calico-node: see --node-access. Other tools call a peer's state up, or show nothing for one
		that waits. The exit code is 2 when anything is not ok.`
	example = `
		# The sessions of all nodes, in both families
		kubectl dualstack bgp

		# Those of IPv6 of one node, with AS numbers and hold timers
		kubectl dualstack bgp --node dual-stack-worker --family ipv6 -o wide

		# All that are not established
		kubectl dualstack bgp -o json | jq '.items[] | select(.state != "Established")'`
)

// Inspector returns "dualstack bgp".
func Inspector() inspector.Inspector { return inspector.New(spec) }

func spec() inspector.Spec[bgp.Session] {
	return inspector.Spec[bgp.Session]{
		About: inspector.About{
			Name: "bgp", Kind: bgp.Kind, Noun: "BGP sessions", Subject: inspect.FactNodes, PerNode: true,
		},
		Short: short, Long: long, Example: example,
		Needs: func(inspector.View) []inspect.Fact { return bgp.Needs() },
		Analyze: func(s *inspect.Snapshot, v inspector.View) *inspect.Report[bgp.Session] {
			return bgp.Analyze(s, felix.Filter{Family: v.Family, Nodes: v.Nodes})
		},
		Table: func(inspector.View) printer.Table[bgp.Session] { return table() },
	}
}

// table describes how rows are shown.
func table() printer.Table[bgp.Session] {
	number := func(n inspect.ASN) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatUint(uint64(n), 10)
	}
	return printer.Table[bgp.Session]{
		Name: func(s bgp.Session) string { return s.Node + "/" + printer.Text(s.Peer) },
		Columns: []printer.Column[bgp.Session]{
			{Header: "NODE", Value: func(s bgp.Session) string { return s.Node }},
			{Header: "FAMILY", Value: func(s bgp.Session) string { return s.Family.String() }},
			{Header: "PEER", Value: peer},
			{Header: "PEER-NODE", Value: func(s bgp.Session) string { return s.PeerNode }},
			{Header: "KIND", Value: func(s bgp.Session) string { return string(s.Kind) }},
			{Header: "LOCAL-AS", Wide: true, Value: func(s bgp.Session) string { return number(s.LocalASN) }},
			{Header: "PEER-AS", Wide: true, Value: func(s bgp.Session) string { return number(s.PeerASN) }},
			{Header: "STATE", Value: func(s bgp.Session) string { return s.State }},
			{Header: "SINCE", Value: func(s bgp.Session) string { return s.Since }},
			{Header: "HOLD", Wide: true, Value: func(s bgp.Session) string { return s.HoldTimer }},
			{Header: "IN/OUT", Value: func(s bgp.Session) string { return routes(s) }},
			inspector.Status[bgp.Session](),
		},
	}
}

func peer(s bgp.Session) string {
	text := printer.Text(s.Peer)
	if s.Port != 0 {
		return fmt.Sprintf("%s port %d", text, s.Port)
	}
	return text
}

// routes counts those that are accepted and sent. A session that is not established has none.
func routes(s bgp.Session) string {
	if s.State != inspect.Established {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.PrefixesAccepted, s.PrefixesSent)
}
