// Package nodes implements "dualstack nodes".
package nodes

import (
	"github.com/spf13/pflag"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/nodes"
)

const (
	short = "Display the addresses of nodes in both families"
	long  = short + `.

		For each node: both InternalIPs, and the addresses of its VXLAN tunnels; with -o wide also the addresses that Calico
		has chosen, with their prefix lengths, the Ethernet addresses that Felix must give the tunnel devices (computed
		from the node's name, unless an annotation says otherwise), and all addresses that the node itself has, each with its
		interface, prefix length and scope (global, link).

		The last are read on the node, see --node-access, so other formats have them only with --addresses. The command leaves
		out addresses that all nodes share: those of the loopback, and of the node's ends of the pods' links.`
	example = `
		# Both addresses of each node
		kubectl dualstack nodes

		# The Ethernet addresses of the tunnels too, and all addresses of each interface
		kubectl dualstack nodes -o wide

		# The interfaces with a global IPv6 address
		kubectl dualstack nodes --addresses --family ipv6 -o json |
		jq -r '.items[] | .name as $n | .addresses[] | select(.scope == "global") | [$n, .interface, .prefix] | @tsv'

		# The IPv6 side of the workers
		kubectl dualstack nodes -l '!node-role.kubernetes.io/control-plane' --family ipv6

		# What the rules of check find wrong with nodes, for a script that stops then
		kubectl dualstack nodes --fail-on warning`
)

// Inspector returns "dualstack nodes".
func Inspector() inspector.Inspector { return inspector.New(spec) }

func spec() inspector.Spec[nodes.Row] {
	addresses := false
	options := func(v inspector.View) nodes.Options {
		return nodes.Options{Family: v.Family, Addresses: addresses || v.Wide}
	}
	return inspector.Spec[nodes.Row]{
		About: inspector.About{
			Name: "nodes", Aliases: []string{"node", "no"}, Kind: nodes.Kind, Noun: "nodes", Subject: inspect.FactNodes,
			Named: true, Labelled: true,
		},
		Problems: inspector.Problems[nodes.Row]{
			Sections: []check.Section{check.Kubernetes, check.Host, check.Calico, check.Pools},
			Of:       func(r *nodes.Row) (string, *[]string) { return inspect.NodeSubject(r.Name), &r.Problems },
		},
		Short: short, Long: long, Example: example,
		AddFlags: func(flags *pflag.FlagSet) {
			flags.BoolVar(&addresses, "addresses", addresses,
				"Show all addresses that each node itself has, with interface and scope; -o wide always does.")
		},
		Needs: func(v inspector.View) []inspect.Fact { return options(v).Needs() },
		Analyze: func(s *inspect.Snapshot, v inspector.View) *inspect.Report[nodes.Row] {
			return nodes.Analyze(s, options(v))
		},
		Table: func(v inspector.View) printer.Table[nodes.Row] { return table(options(v)) },
	}
}
