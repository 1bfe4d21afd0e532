// Package pods implements "dualstack pods".
package pods

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/pods"
)

const (
	short = "Display both IP addresses of pods"
	long  = short + `.

		kubectl shows one address of a pod, whatever the cluster's families. This command shows both, and with -o wide the
		Calico pool that each one is from and the device on the node that leads to the pod. Pods on the host's network, and
		pods of one family, are shown as they are.

		Rows are sorted by namespace, node and name. A namespace is printed as soon as all of its pods are read.`
	example = `
		# Both addresses of the pods in the current namespace
		kubectl dualstack pods

		# All pods of a node, with their pools and interfaces
		kubectl dualstack pods -A --node dual-stack-worker -o wide

		# The IPv6 addresses of the pods with a label
		kubectl dualstack pods -l app=multitool --family ipv6

		# One line per pod for a script
		kubectl dualstack pods -o custom-columns=NAME:.name,V4:.ipv4,V6:.ipv6 --no-headers`
)

// Flags is what the user typed; ToOptions turns it into what Run needs.
type Flags struct{ *inspector.Flags }

// NewFlags returns the flags with their defaults.
func NewFlags(shared *inspector.Flags) *Flags { return &Flags{shared} }

// NewCmdPods returns "dualstack pods". runF replaces Run in tests; it is nil in production.
func NewCmdPods(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "pods [NAME...]", Aliases: []string{"pod", "po"}, Short: short, Long: long, Example: example,
		Args: cobra.ArbitraryArgs, Complete: inspector.CompleteNames(f.Config, "pods"),
		AddFlags: f.AddFlags, ToOptions: f.ToOptions,
	}, runF)
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.Flags.AddFlags(cmd)
	f.AddWatchFlag(cmd)
	f.AddNamespaceFlags(cmd)
	f.AddSelectorFlags(cmd)
	f.AddNodeFlags(cmd)
}

// ToOptions resolves the clients, the scope and the printer.
func (f *Flags) ToOptions(_ *cobra.Command, args []string) (*Options, error) {
	shared, err := f.Flags.ToOptions(inspect.FactPods, args)
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
	Printer *printer.Printer[pods.Row]
}

// Run looks, once or time and again.
func (o *Options) Run(ctx context.Context) error { return o.Repeat(ctx, o.look) }

// look reads the pods page by page, and hands each namespace to the printer when its last pod is there.
func (o *Options) look(ctx context.Context) error {
	var pools []inspect.IPPool
	if o.Printer.NeedsWide() {
		snap, err := o.withoutSubject().Gather(ctx, inspect.FactPools)
		if err != nil {
			return err
		}
		pools = snap.Pools
	}
	writer := o.Printer.Begin(o.Out)
	var held []inspect.Pod // of one namespace
	flush := func() error {
		err := writer.Add(pods.Analyze(held, pools, o.Family).Items)
		held = held[:0]
		return err
	}
	err := o.Source.EachPod(ctx, o.Request, func(page []inspect.Pod) error {
		for _, pod := range page {
			if len(held) > 0 && held[0].Namespace != pod.Namespace {
				if err := flush(); err != nil {
					return err
				}
			}
			held = append(held, pod)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := errors.Join(flush(), writer.End()); err != nil {
		return err
	}
	o.NotFound(writer.Count(), "pods")
	return nil
}

// withoutSubject returns options for facts beside the pods: without them, there is still something to show.
func (o *Options) withoutSubject() *inspector.Options {
	rest := *o.Options
	rest.Request = gather.Request{Namespace: o.Request.Namespace}
	return &rest
}
