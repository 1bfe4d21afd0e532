// Package status implements "dualstack lab status".
package status

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/target"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
)

const (
	short = "Display the parts of a lab and what is wrong with them"
	long  = short + `.

		The command looks into the containers of the switch and the nodes: cables, addresses on the fabric, routes, Calico's
		tunnels. It asks the API server for the rest. It shows the addresses that the lab must have on the fabric, and those
		that Docker gave to the nodes for management.

		The exit code is 2 if a part is down. "lab create" repairs what restarts of containers break.`
	example = `
		# The lab with the default name
		kubectl dualstack lab status

		# The parts of another lab that are down
		kubectl dualstack lab status --name small -o jsonpath='{.items[?(@.status=="down")].name}'`
)

// Flags is what the user typed.
type Flags struct {
	*target.Flags
	Print *printer.Flags
}

// NewFlags returns the flags with their defaults.
func NewFlags(shared *target.Flags) *Flags { return &Flags{Flags: shared, Print: printer.NewFlags()} }

// NewCmdStatus returns "dualstack lab status". runF replaces Run in tests; it is nil in production.
func NewCmdStatus(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "status", Short: short, Long: long, Example: example, AddFlags: f.AddFlags,
		ToOptions: func(*cobra.Command, []string) (*Options, error) {
			p, err := printer.New(f.Print, table())
			return &Options{Printer: p, Flags: f.Flags}, err
		},
	}, runF)
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.Flags.AddFlags(cmd)
	f.Print.AddFlags(cmd)
}

func table() printer.Table[lab.Part] {
	return printer.Table[lab.Part]{
		Kind: "LabPart",
		Name: func(p lab.Part) string { return p.Name },
		Columns: []printer.Column[lab.Part]{
			{Header: "PART", Value: func(p lab.Part) string { return p.Name }},
			{Header: "ROLE", Value: func(p lab.Part) string { return p.Role }},
			{Header: "STATUS", Value: func(p lab.Part) string { return p.Status },
				Health: func(p lab.Part) inspect.Health { return target.Health(p.Status) }},
			{Header: "FABRIC-IPV4", Value: func(p lab.Part) string { return printer.Text(p.FabricIPv4) }},
			{Header: "FABRIC-IPV6", Value: func(p lab.Part) string { return printer.Text(p.FabricIPv6) }},
			{Header: "MANAGEMENT-IPV4", Value: func(p lab.Part) string { return printer.Text(p.ManagementIPv4) }},
			{Header: "MANAGEMENT-IPV6", Wide: true, Value: func(p lab.Part) string { return printer.Text(p.ManagementIPv6) }},
			{Header: "VERSION", Value: func(p lab.Part) string { return p.Version }},
			{Header: "PROBLEMS", Value: func(p lab.Part) string { return strings.Join(p.Problems, "; ") }},
		},
	}
}

// Options is what Run needs.
type Options struct {
	Printer *printer.Printer[lab.Part]
	*target.Flags
	command.Valid
}

// Run prints the parts of the lab. One that is down makes the exit code 2.
func (o *Options) Run(ctx context.Context) error {
	m, err := o.Manager(ctx)
	if err != nil {
		return err
	}
	parts, err := m.Status(ctx, o.Name)
	if err != nil {
		return o.Explain(err)
	}
	if err := o.Printer.Print(o.Out, inspect.NewReport("LabPart", parts)); err != nil {
		return err
	}
	down := 0
	for _, p := range parts {
		if p.Status != lab.PartOK {
			down++
		}
	}
	return exit.FindingsIf(down, "%d of %d parts are down; \"kubectl dualstack lab create --name %s\" repairs what restarts break",
		down, len(parts), o.Name)
}
