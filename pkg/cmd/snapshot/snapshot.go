// Package snapshot implements "dualstack snapshot".
package snapshot

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/kubectl/pkg/util/term"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/interrupt"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/version"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/redact"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

const (
	short = "Record all that the inspectors read, in one file"
	long  = short + `.

		Every inspector takes --snapshot FILE and gives the same answer from it as from the cluster. So you can look at a
		fault later, or show it to somebody who cannot reach the cluster. FILE is - for standard output.

		The file holds the objects that the inspectors read, of all namespaces, trimmed to what they use (no Secrets, and no
		images or environments of pods), and the kernel tables of every node. The command warns about what it cannot read and
		notes it in the file; the inspectors then say so, as they would on the cluster.

		The file is compressed text (see zcat). Since it tells how a cluster is built, only its owner may read it. It replaces
		an older FILE once it is complete, and follows no link that another user made. With --redact, the command replaces
		names and addresses, each by the same one everywhere, so that the inspectors find the same as in the cluster.

		The exit code is 0 when the file was written, even if something could not be read, and 1 when it was not.`
	example = `
		# Record the cluster, and look at the recording
		kubectl dualstack snapshot cluster.snapshot
		kubectl dualstack fdb --snapshot cluster.snapshot

		# A recording to show to strangers
		kubectl dualstack snapshot --redact shared.snapshot

		# Replace the names in an older recording
		kubectl dualstack snapshot --snapshot cluster.snapshot --redact shared.snapshot

		# Record without a file
		kubectl dualstack snapshot - | kubectl dualstack routes --snapshot -`
)

// Flags is what the user typed; ToOptions turns it into what Run needs.
type Flags struct {
	*inspector.Flags
	Redact bool
}

// NewFlags returns the flags with their defaults.
func NewFlags(shared *inspector.Flags) *Flags { return &Flags{Flags: shared} }

// NewCmdSnapshot returns "dualstack snapshot". runF replaces Run in tests; it is nil in production.
func NewCmdSnapshot(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "snapshot FILE", Short: short, Long: long, Example: example,
		Args: oneFile, AddFlags: f.AddFlags, ToOptions: f.ToOptions,
	}, runF)
}

func oneFile(_ *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return exit.Usagef("one FILE is needed, or - for standard output")
	}
	return nil
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.AddSnapshotFlag(cmd)
	f.AddTableFlags(cmd)
	cmd.Flags().BoolVar(&f.Redact, "redact", f.Redact,
		"Replace names, labels and addresses, each by the same one everywhere, so that the file can be shared.")
}

// ToOptions resolves where the facts come from.
func (f *Flags) ToOptions(_ *cobra.Command, args []string) (*Options, error) {
	shared, err := f.Flags.ToOptions("", nil)
	if err != nil {
		return nil, err
	}
	shared.Progress = true
	shared.Request = gather.Request{} // everything, of all namespaces and nodes
	return &Options{Options: shared, Path: args[0], Redact: f.Redact}, nil
}

// Options is what Run needs.
type Options struct {
	*inspector.Options
	Path   string // - is standard output
	Redact bool
}

// Validate finds what would keep the file from being written, before Run reads a cluster for nothing.
func (o *Options) Validate() error {
	switch o.Path {
	case inspector.Stdin:
		if term.IsTerminal(o.Out) {
			return exit.Usagef("a snapshot is not text for a terminal: name a file, or redirect standard output")
		}
		return o.Options.Validate()
	case inspector.Demo:
		return exit.Usagef("--snapshot %[1]s is the recording within the program, not a file: use another name, or ./%[1]s",
			inspector.Demo)
	}
	if info, err := os.Stat(o.Path); err == nil && info.IsDir() {
		return exit.Usagef("%s is a directory: name a file in it", o.Path)
	}
	if dir := filepath.Dir(o.Path); !isDir(dir) {
		return exit.Usagef("write %s: there is no directory %s", o.Path, dir)
	}
	return o.Options.Validate()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Run reads everything and writes it.
func (o *Options) Run(ctx context.Context) error {
	snap, err := o.Gather(ctx, inspect.Facts()...)
	if err != nil {
		return err
	}
	if nothing(snap) {
		return errors.New("nothing was gathered, so nothing was written: see the warnings, and whether the server is that of a cluster")
	}
	if snap.Taken.IsZero() { // else it was taken earlier
		snap.Taken, snap.Tool = time.Now().UTC().Truncate(time.Second), version.Get().Version
	}
	if o.Redact {
		snap = redact.Snapshot(snap)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if o.Path == inspector.Stdin {
		err = snapfile.Write(interrupt.Writer(ctx, o.Out), snap)
	} else {
		err = snapfile.WriteFile(ctx, o.Path, snap)
	}
	if err != nil {
		return err
	}
	o.sumUp(snap)
	return nil
}

// nothing reports whether the snapshot has no object at all, as from a server that answers everything with 404 or null.
func nothing(s *inspect.Snapshot) bool {
	return len(s.Nodes)+len(s.Pods)+len(s.Services)+len(s.EndpointSlices)+len(s.Pools)+len(s.Blocks)+len(s.Tables) == 0
}

// sumUp says what was recorded, and which nodes have no tables, on standard error: standard output may be the file.
func (o *Options) sumUp(s *inspect.Snapshot) {
	where := o.Path
	if where == inspector.Stdin {
		where = "standard output"
	}
	var unread []string
	for _, n := range s.Nodes {
		if _, ok := s.Tables[n.Name]; !ok {
			unread = append(unread, n.Name)
		}
	}
	if len(unread) > 0 {
		message.Line(o.ErrOut, "Warning: without the tables of %s", strings.Join(unread, ", "))
	}
	message.Line(o.ErrOut, "Recorded %d pods, %d services, %d pools, %d blocks, and the tables of %d of %d nodes, in %s.",
		len(s.Pods), len(s.Services), len(s.Pools), len(s.Blocks), len(s.Tables), len(s.Nodes), where)
}
