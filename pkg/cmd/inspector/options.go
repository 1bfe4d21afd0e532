package inspector

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
)

// Options are what the run of every inspector needs.
type Options struct {
	Source        gather.Source
	Family        inspect.Family
	AllNamespaces bool
	// Request has the scope and the subject; the inspector adds the facts that it needs.
	Request gather.Request
	Watch   bool
	// FailOn is the severity from which on the rules of check make the exit code 2; empty: they are not run.
	FailOn inspect.Severity
	// Progress shows on a terminal what is being read: for commands that read everything.
	Progress bool
	// Interval is the time between two looks with Watch; 0 is the default.
	Interval time.Duration

	genericiooptions.IOStreams
}

// Validate reports contradictions in the command line, in kubectl's words.
func (o *Options) Validate() error {
	switch {
	case len(o.Request.Names) > 0 && o.AllNamespaces:
		return exit.Usagef("a resource cannot be retrieved by name across all namespaces")
	case len(o.Request.Names) > 0 && o.Request.Selector != "":
		return exit.Usagef("name cannot be provided when a selector is specified")
	}
	return nil
}

// Gather returns the facts, and tells the user which of them are missing.
func (o *Options) Gather(ctx context.Context, facts ...inspect.Fact) (*inspect.Snapshot, error) {
	req := o.Request
	req.Facts = facts
	snap, err := o.read(ctx, req)
	if snap != nil {
		o.warn(snap.Missing, withoutBGP(snap, facts))
	}
	return snap, err
}

// read reads the source; a terminal sees how far it is.
func (o *Options) read(ctx context.Context, req gather.Request) (*inspect.Snapshot, error) {
	if !o.Progress {
		return o.Source.Snapshot(ctx, req)
	}
	step := status.Quiet(o.ErrOut, "reading")
	req.Progress = func(p gather.Progress) { step.Detail(p.String()) }
	snap, err := o.Source.Snapshot(ctx, req)
	return snap, step.Done(err)
}

// withoutBGP leaves out what is read of BGP only, where it is off: that it could not be read is no gap.
func withoutBGP(snap *inspect.Snapshot, facts []inspect.Fact) []inspect.Fact {
	if bgp.Off(snap) == "" {
		return facts
	}
	return slices.DeleteFunc(slices.Clone(facts), func(f inspect.Fact) bool { return f == inspect.FactBGPPeers || f == inspect.FactBIRD })
}

// warn says what is missing, once for each reason.
func (o *Options) warn(missing []inspect.Missing, facts []inspect.Fact) {
	var said []string
	for _, m := range missing {
		line := m.Reason
		extra := m.Fact == inspect.FactNAT || m.Fact == inspect.FactBIRD
		if extra && slices.Contains(missing, inspect.Missing{Fact: inspect.FactTables, Node: m.Node, Reason: m.Reason}) {
			continue // one run reads all
		}
		if extra || m.Fact == inspect.FactTables { // the reason concerns a way into a node
			line = string(m.Fact) + ": " + line
		}
		if slices.Contains(said, line) || !slices.Contains(facts, m.Fact) {
			continue
		}
		said = append(said, line)
		message.Line(o.ErrOut, "Warning: %s", line)
	}
}

// NotFound says that there is nothing to show, if that is so. An empty result is not an error, and standard output stays
// valid for programs.
func (o *Options) NotFound(count int, noun string) {
	if count > 0 {
		return
	}
	scope := ""
	if o.Request.Namespace != "" {
		scope = fmt.Sprintf(" in %s namespace", o.Request.Namespace)
	}
	message.Line(o.ErrOut, "No %s found%s.", noun, scope)
}
