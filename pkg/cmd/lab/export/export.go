// Package export implements "dualstack lab export".
package export

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/create"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
)

const (
	short = "Write the files of a lab to a folder, for containerlab"
	long  = short + `.

		The folder gets a topology for containerlab, the configuration of the kind cluster and of the switch, Calico's resources,
		the multitool manifest, and a README.md with the commands that make a lab of them. The flags and their defaults are
		those of "lab create". The command asks Docker nothing, and "--switch auto" stands for cEOS. With --existing, the files
		are those of a lab on the Docker host.

		A Calico that is installed by manifest is exported as it would be installed. The command reads its manifest from
		--calico-manifests, or fetches it.

		The command replaces files that an earlier export wrote and that were not changed since. If it finds others, it writes
		nothing, unless --force is given.`
	example = `
		# The lab with its defaults
		kubectl dualstack lab export ./dual-stack

		# An existing lab, as it was created
		kubectl dualstack lab export ./small --name small --existing

		# With a Linux switch and five workers
		kubectl dualstack lab export ./big --name big --switch linux --workers 5`
)

// Flags is what the user typed; ToOptions turns it into what Run needs.
type Flags struct {
	*create.Flags
	Existing bool
	Force    bool
}

// NewFlags returns the flags with their defaults.
func NewFlags(f *create.Flags) *Flags { return &Flags{Flags: f} }

// NewCmdExport returns "dualstack lab export". runF replaces Run in tests; it is nil in production.
func NewCmdExport(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "export DIR", Short: short, Long: long, Example: example,
		Args: cobra.ExactArgs(1), AddFlags: f.AddFlags, ToOptions: f.ToOptions,
	}, runF)
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.AddLabFlags(cmd)
	cmd.Flags().BoolVar(&f.Existing, "existing", f.Existing, "Export the lab of that name as it is on the Docker host")
	cmd.Flags().BoolVar(&f.Force, "force", f.Force, "Replace files that are not an earlier export's, or were changed")
}

// ToOptions resolves the lab as "lab create" does.
func (f *Flags) ToOptions(cmd *cobra.Command, args []string) (*Options, error) {
	lab, err := f.Flags.ToOptions(cmd, nil)
	if err != nil {
		return nil, err
	}
	return &Options{Options: lab, Dir: args[0], Existing: f.Existing, Force: f.Force}, nil
}

// Options is what Run needs.
type Options struct {
	*create.Options
	Dir      string
	Existing bool
	Force    bool
}

// Run writes the files, and says how many.
func (o *Options) Run(ctx context.Context) error {
	m, err := o.Manager(ctx)
	if err != nil {
		return err
	}
	from := o.CreateOptions
	if o.Existing {
		if from, err = m.Existing(ctx, from); err != nil {
			return o.Explain(err)
		}
	}
	files, err := m.Export(ctx, from)
	if err != nil {
		return err
	}
	if err := lab.Write(o.Dir, files, o.Force); err != nil {
		return err
	}
	message.Line(o.ErrOut, "Wrote %d files of lab %q to %s; README.md there says how to go on.", len(files), from.Lab.Name, o.Dir)
	return nil
}
