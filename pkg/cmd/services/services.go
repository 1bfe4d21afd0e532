// Package services implements "dualstack services".
package services

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/services"
)

const (
	short = "Display both cluster IPs of services, and their endpoints per family"
	long  = short + `.

		For each service: its type, its family policy and families, the cluster IP of each family, and how many of its
		endpoints are ready in each family, joined from all of its EndpointSlices. A headless service has None for an
		address.`
	example = `
		# The services of the current namespace
		kubectl dualstack services

		# All services that have an IPv6 address, and their ready IPv6 endpoints
		kubectl dualstack services -A --family ipv6

		# The families of one service
		kubectl dualstack services multitool-dual-stack -o jsonpath='{.items[0].ipFamilies}'`
)

// Flags is what the user typed; ToOptions turns it into what Run needs.
type Flags struct{ *inspector.Flags }

// NewFlags returns the flags with their defaults.
func NewFlags(shared *inspector.Flags) *Flags { return &Flags{shared} }

// NewCmdServices returns "dualstack services". runF replaces Run in tests; it is nil in production.
func NewCmdServices(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "services [NAME...]", Aliases: []string{"service", "svc"}, Short: short, Long: long, Example: example,
		Args: cobra.ArbitraryArgs, Complete: inspector.CompleteNames(f.Config, "services"),
		AddFlags: f.AddFlags, ToOptions: f.ToOptions,
	}, runF)
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.Flags.AddFlags(cmd)
	f.AddWatchFlag(cmd)
	f.AddNamespaceFlags(cmd)
	f.AddSelectorFlags(cmd)
}

// ToOptions resolves the clients, the scope and the printer.
func (f *Flags) ToOptions(_ *cobra.Command, args []string) (*Options, error) {
	shared, err := f.Flags.ToOptions(inspect.FactServices, args)
	if err != nil {
		return nil, err
	}
	p, err := printer.New(f.Print, table(shared.AllNamespaces, shared.Family))
	if err != nil {
		return nil, err
	}
	return &Options{Options: shared, Printer: p}, nil
}

// Options is what Run needs.
type Options struct {
	*inspector.Options
	Printer *printer.Printer[services.Row]
}

// Run looks, once or time and again.
func (o *Options) Run(ctx context.Context) error { return o.Repeat(ctx, o.look) }

// look reads the services with their endpoints and prints them.
func (o *Options) look(ctx context.Context) error {
	snap, err := o.Gather(ctx, inspect.FactServices, inspect.FactEndpointSlices)
	if err != nil {
		return err
	}
	list := services.Analyze(snap, o.Family)
	if err := o.Printer.Print(o.Out, list); err != nil {
		return err
	}
	o.NotFound(len(list.Items), "services")
	return nil
}
