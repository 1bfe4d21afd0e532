package inspector

import (
	"context"
	"slices"

	"k8s.io/client-go/rest"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/interrupt"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/version"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile/demo"
)

// Recorded answers from a snapshot that was taken earlier.
type Recorded = gather.Recorded

// checkAccess refuses a way into nodes that does not exist.
func checkAccess(way string) error {
	if !slices.Contains(gather.NodeAccesses(), way) {
		return exit.Usagef("--node-access %q: use auto, exec, debug or runtime", way)
	}
	return nil
}

// source returns the source that the flags name.
func (f *Flags) source() (gather.Source, error) {
	if f.Snapshot != "" {
		return &recording{read: f.recorded}, nil
	}
	config, err := f.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config.UserAgent = "kubectl-dualstack/" + version.Get().Version
	config.WarningHandler = rest.NewWarningWriter(f.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	return gather.NewCluster(config, gather.Options{NodeAccess: f.NodeAccess, Image: f.ProbeImage})
}

// The values of --snapshot that are no files.
const (
	Stdin = "-"
	Demo  = "demo"
)

// recorded reads the snapshot that the flags name.
func (f *Flags) recorded(ctx context.Context) (*inspect.Snapshot, error) {
	switch f.Snapshot {
	case Stdin:
		return snapfile.Read(interrupt.Reader(ctx, f.In))
	case Demo:
		return demo.Snapshot()
	default:
		return snapfile.ReadFile(ctx, f.Snapshot)
	}
}

// recording is a snapshot that is read when something of it is first asked for: there is a context then, which Ctrl-C ends.
type recording struct {
	gather.Recorded
	read func(context.Context) (*inspect.Snapshot, error)
}

// Snapshot implements gather.Source.
func (r *recording) Snapshot(ctx context.Context, req gather.Request) (*inspect.Snapshot, error) {
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	return r.Recorded.Snapshot(ctx, req)
}

// EachPod implements gather.Source.
func (r *recording) EachPod(ctx context.Context, req gather.Request, use func([]inspect.Pod) error) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	return r.Recorded.EachPod(ctx, req, use)
}

func (r *recording) load(ctx context.Context) (err error) {
	if r.Taken == nil {
		r.Taken, err = r.read(ctx)
	}
	return err
}
