// Package graph implements "dualstack graph".
package graph

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/diagram"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/graph"
)

const (
	short = "Draw the cluster with both families, and mark what is broken"
	long  = short + `.

		The picture shows the switch of a lab, the nodes with their pods, the VXLAN tunnels of each family with how much goes
		through them, and the services. The command marks and numbers the faults that the inspectors of tunnel devices, routes,
		neighbours and forwarding tables find, nodes and pods that are not ready, and services without a ready endpoint.

		Pods and services are those of the namespace, or of all with -A. With a selector for pods, the picture shows the
		services that send to one of them. It shows only a part of a large cluster (see --limit), marked parts first.

		Formats are text, mermaid (for Markdown), dot (for Graphviz) and svg, a picture for light and dark pages.

		The exit code is 2 when anything is marked.`
	example = `
		# The cluster as a tree
		kubectl dualstack graph

		# A picture of all pods with a label
		kubectl dualstack graph -A -l app=multitool -o svg > lab.svg

		# From a recorded snapshot, IPv6 only, for a Markdown file
		kubectl dualstack graph --snapshot lab.snapshot --family ipv6 -o mermaid`
)

// defaultLimit keeps a picture that is as wide as a page readable.
const defaultLimit = 6

// Flags is what the user typed; ToOptions turns it into what Run needs.
type Flags struct {
	*inspector.Flags
	Output string
	Limit  int
}

// NewFlags returns the flags with their defaults.
func NewFlags(shared *inspector.Flags) *Flags {
	return &Flags{Flags: shared, Output: diagram.Text, Limit: defaultLimit}
}

// NewCmdGraph returns "dualstack graph". runF replaces Run in tests; it is nil in production.
func NewCmdGraph(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "graph", Short: short, Long: long, Example: example,
		AddFlags: f.AddFlags, ToOptions: f.ToOptions,
	}, runF)
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.AddSourceFlags(cmd)
	f.AddNamespaceFlags(cmd)
	f.AddSelectorFlags(cmd)
	f.AddTableFlags(cmd)
	cmd.Flags().StringVarP(&f.Output, "output", "o", f.Output, fmt.Sprintf("Output format. One of: (%s).", strings.Join(diagram.Formats(), ", ")))
	cmd.Flags().IntVar(&f.Limit, "limit", f.Limit, "Draw at most this many nodes, pods of each node, services and broken paths; 0 draws all.")
	command.CompleteFlag(cmd, "output", command.Words(diagram.Formats()...))
}

// ToOptions resolves where the facts come from.
func (f *Flags) ToOptions(*cobra.Command, []string) (*Options, error) {
	shared, err := f.Flags.ToOptions(inspect.FactPods, nil)
	if err != nil {
		return nil, err
	}
	return &Options{Options: shared, Format: f.Output, Limit: f.Limit}, nil
}

// Options is what Run needs.
type Options struct {
	*inspector.Options
	Format string
	Limit  int
}

// Validate reports flags that are invalid.
func (o *Options) Validate() error {
	switch {
	case !slices.Contains(diagram.Formats(), o.Format):
		return exit.Usagef("unknown output format %q: use one of %s", o.Format, strings.Join(diagram.Formats(), ", "))
	case o.Limit < 0:
		return exit.Usagef("--limit %d: must not be negative", o.Limit)
	}
	return o.Options.Validate()
}

// Run reads the facts and draws them. Anything that is marked makes the exit code 2.
func (o *Options) Run(ctx context.Context) error {
	snap, err := o.Gather(ctx, graph.Needs()...)
	if err != nil {
		return err
	}
	g := graph.Analyze(snap, graph.Options{Family: o.Family, Limit: o.Limit, Serving: o.Request.Selector != ""})
	picture, err := diagram.Draw(g, o.Format)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(o.Out, picture); err != nil {
		return err
	}
	if g.Marked == 1 {
		return exit.FindingsIf(1, "one part of the picture is not as expected, or could not be verified")
	}
	return exit.FindingsIf(g.Marked, "%d parts of the picture are not as expected, or could not be verified", g.Marked)
}
