package gather

import (
	"context"
	"errors"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Source is where facts come from: a Cluster, or the Recorded facts of one. Analyses cannot tell the difference.
type Source interface {
	// Snapshot returns the facts of the request. The error is that of the request's subject, or of a source that gives
	// nothing; every other fact that cannot be had is in the Snapshot's Missing. Where the subject is refused, the
	// Snapshot comes with the error.
	Snapshot(ctx context.Context, req Request) (*inspect.Snapshot, error)
	// EachPod hands on the pods of the request in batches, so that many of them need not be held at once.
	EachPod(ctx context.Context, req Request, use func([]inspect.Pod) error) error
	// Cluster returns the cluster, for what only a running one can do: being probed. The error says why there is none.
	Cluster() (*Cluster, error)
}

// Recorded answers from the facts that were gathered earlier.
type Recorded struct{ Taken *inspect.Snapshot }

var _ Source = Recorded{}

// Snapshot implements Source.
func (r Recorded) Snapshot(_ context.Context, req Request) (*inspect.Snapshot, error) {
	return req.Filter(r.Taken)
}

// EachPod implements Source.
func (r Recorded) EachPod(_ context.Context, req Request, use func([]inspect.Pod) error) error {
	snap, err := req.Filter(r.Taken)
	if err != nil {
		return err
	}
	return use(snap.Pods)
}

// Cluster implements Source.
func (Recorded) Cluster() (*Cluster, error) {
	return nil, errors.New("the facts are a recording: there is no cluster to be probed")
}
