// Package nodes implements "dualstack nodes".
package nodes

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/nodes"
)

const (
	short = "Display the addresses of nodes in both families"
	long  = short + `.

		For each node: both InternalIPs, and the addresses of its VXLAN tunnels; with -o wide also the addresses that Calico
		has chosen, with their prefix lengths, the Ethernet addresses that Felix must give the tunnel devices (computed
		from the node's name, unless an annotation says otherwise), and all addresses that the node itself has, each with its
		interface, prefix length and scope (global, link).

		These are read on the node, see --node-access, so other formats have them only with --addresses. Left out are the
		addresses that all nodes have alike: those of the loopback, and of the node's ends of the pods' links.`
	example = `
		# Both addresses of each node
		kubectl dualstack nodes

		# The Ethernet addresses of the tunnels too, and all addresses of each interface
		kubectl dualstack nodes -o wide

		# The interfaces with a global IPv6 address
		kubectl dualstack nodes --addresses --family ipv6 -o json |
		jq -r '.items[] | .name as $n | .addresses[] | select(.scope == "global") | [$n, .interface, .prefix] | @tsv'

		# The IPv6 side of the workers
		kubectl dualstack nodes -l '!node-role.kubernetes.io/control-plane' --family ipv6`
)

// Flags is what the user typed; ToOptions turns it into what Run needs.
type Flags struct {
	*inspector.Flags
	Addresses bool
}

// NewFlags returns the flags with their defaults.
func NewFlags(shared *inspector.Flags) *Flags { return &Flags{Flags: shared} }

// NewCmdNodes returns "dualstack nodes". runF replaces Run in tests; it is nil in production.
func NewCmdNodes(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "nodes [NAME...]", Aliases: []string{"node", "no"}, Short: short, Long: long, Example: example,
		Args: cobra.ArbitraryArgs, Complete: inspector.CompleteNames(f.Config, "nodes"),
		AddFlags: f.AddFlags, ToOptions: f.ToOptions,
	}, runF)
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.Flags.AddFlags(cmd)
	f.AddSelectorFlags(cmd)
	f.AddTableFlags(cmd)
	cmd.Flags().BoolVar(&f.Addresses, "addresses", f.Addresses,
		"Show all addresses that each node itself has, with interface and scope; -o wide does so always.")
}

// ToOptions resolves the clients, the scope and the printer.
func (f *Flags) ToOptions(_ *cobra.Command, args []string) (*Options, error) {
	shared, err := f.Flags.ToOptions(inspect.FactNodes, args)
	if err != nil {
		return nil, err
	}
	shared.Request.Namespace = "" // nodes have none
	analysis := nodes.Options{Family: shared.Family, Addresses: f.Addresses || f.Print.Output == "wide"}
	p, err := printer.New(f.Print, table(analysis))
	if err != nil {
		return nil, err
	}
	return &Options{Options: shared, Analysis: analysis, Printer: p}, nil
}

// Options is what Run needs.
type Options struct {
	*inspector.Options
	Analysis nodes.Options
	Printer  *printer.Printer[nodes.Row]
}

// Run reads the nodes and prints them.
func (o *Options) Run(ctx context.Context) error {
	snap, err := o.Gather(ctx, o.Analysis.Needs()...)
	if err != nil {
		return err
	}
	list := nodes.Analyze(snap, o.Analysis)
	if err := o.Printer.Print(o.Out, list); err != nil {
		return err
	}
	o.NotFound(len(list.Items), "nodes")
	return nil
}
