// Package delete implements "dualstack lab delete".
package delete

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/target"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
)

const (
	short = "Delete a lab, whole or half-built"
	long  = short + `.

		The command deletes the lab's containers, its entries in the kubeconfig that it wrote to, and Docker's network "kind" if
		the lab brought it and it is no longer in use. It leaves nothing of the lab, and touches nothing else. The cluster need
		not answer. Without such a lab the command does nothing.`
	example = `
		# The lab with the default name
		kubectl dualstack lab delete

		# A lab with another name
		kubectl dualstack lab delete --name small`
)

// Options is what Run needs.
type Options struct {
	Kubeconfig string // empty: the lab's own
	*target.Flags
	command.Valid
}

// NewCmdDelete returns "dualstack lab delete". runF replaces Run in tests; it is nil in production.
func NewCmdDelete(f *target.Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "delete", Short: short, Long: long, Example: example, AddFlags: f.AddFlags,
		ToOptions: func(*cobra.Command, []string) (*Options, error) {
			kubeconfig, err := f.ExplicitKubeconfig()
			return &Options{Kubeconfig: kubeconfig, Flags: f}, err
		},
	}, runF)
}

// Run deletes the lab.
func (o *Options) Run(ctx context.Context) error {
	m, err := o.Manager(ctx)
	if err != nil {
		return err
	}
	err = m.Delete(ctx, o.Name, o.Kubeconfig)
	if errors.Is(err, lab.ErrNoLab) {
		message.Line(o.ErrOut, "No lab %q: nothing to delete.", o.Name)
		return nil
	}
	return err
}
