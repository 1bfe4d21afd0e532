package gather

import (
	"context"
	"errors"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Source gives facts: a Cluster, or the Recorded facts of one. Analyses cannot tell the difference.
type Source interface {
	// Snapshot returns the facts of the request. It fails if the request's subject cannot be read, or if the source
	// gives nothing; every other unreadable fact is in the Snapshot's Missing. If the subject is refused, the Snapshot
	// comes with the error.
	Snapshot(ctx context.Context, req Request) (*inspect.Snapshot, error)
	// EachPod passes on the pods of the request in batches, so that many of them need not be held at once.
	EachPod(ctx context.Context, req Request, use func([]inspect.Pod) error) error
	// Cluster returns the cluster, which probes need. The error says why there is none.
	Cluster() (*Cluster, error)
}

// Recorded answers from facts gathered earlier.
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
