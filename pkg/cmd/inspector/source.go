package inspector

import (
	"context"
	"slices"

	"k8s.io/client-go/rest"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/version"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile/demo"
)

// Source is where facts come from: a live cluster, or a recorded snapshot of one. Inspectors cannot tell the
// difference.
type Source interface {
	// Snapshot returns the facts of the request.
	Snapshot(ctx context.Context, req gather.Request) (*inspect.Snapshot, error)
	// EachPod hands on the pods of the request in batches, so that many of them need not be held at once.
	EachPod(ctx context.Context, req gather.Request, use func([]inspect.Pod) error) error
}

// source returns the source that the flags name.
func (f *Flags) source() (Source, error) {
	if f.Snapshot != "" {
		taken, err := f.recorded()
		if err != nil {
			return nil, err
		}
		return Recorded{taken}, nil
	}
	config, err := f.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config.UserAgent = "kubectl-dualstack/" + version.Get().Version
	config.WarningHandler = rest.NewWarningWriter(f.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	clients, err := gather.NewClients(config)
	if err != nil {
		return nil, err
	}
	return Live{Clients: clients, Tables: Tables{Config: config, Access: f.NodeAccess, Image: f.ProbeImage}}, nil
}

// The values of --snapshot that are no files.
const (
	Stdin = "-"
	Demo  = "demo"
)

// recorded reads the snapshot that the flags name.
func (f *Flags) recorded() (*inspect.Snapshot, error) {
	switch f.Snapshot {
	case Stdin:
		return snapfile.Read(f.In)
	case Demo:
		return demo.Snapshot()
	default:
		return snapfile.ReadFile(f.Snapshot)
	}
}

// Live reads from a cluster.
type Live struct {
	Clients gather.Clients
	Tables  Tables
}

var _ Source = Live{}

// Snapshot implements Source.
func (l Live) Snapshot(ctx context.Context, req gather.Request) (*inspect.Snapshot, error) {
	snap, err := gather.Gather(ctx, l.Clients, req)
	if err != nil || !slices.Contains(req.Facts, inspect.FactTables) {
		return snap, err
	}
	return snap, l.Tables.add(ctx, l.Clients, req, snap)
}

// EachPod implements Source.
func (l Live) EachPod(ctx context.Context, req gather.Request, use func([]inspect.Pod) error) error {
	return gather.EachPod(ctx, l.Clients, req, use)
}

// Recorded answers from a snapshot that was taken earlier.
type Recorded struct{ Taken *inspect.Snapshot }

var _ Source = Recorded{}

// Snapshot implements Source.
func (r Recorded) Snapshot(_ context.Context, req gather.Request) (*inspect.Snapshot, error) {
	return req.Filter(r.Taken)
}

// EachPod implements Source.
func (r Recorded) EachPod(_ context.Context, req gather.Request, use func([]inspect.Pod) error) error {
	snap, err := req.Filter(r.Taken)
	if err != nil {
		return err
	}
	return use(snap.Pods)
}
