// Package session runs a trace: it gathers the facts, plans the paths, probes them all at once, and judges the answers
// against the plan. It examines paths that did not pass one by one. The Cluster does all of its I/O.
package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/policy"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/judge"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
)

const (
	// sourcesAtOnce bounds the concurrent execs.
	sourcesAtOnce = 32
	// closeTimeout is the time for ending leftovers, even after an error.
	closeTimeout = 20 * time.Second
)

// Cluster is the cluster of a trace.
type Cluster struct {
	// Facts gathers the facts that a plan needs: plan.Needs; with inspect.FactPolicies, a dry run says what policies will do.
	Facts func(context.Context) (*inspect.Snapshot, error)
	// Enter makes the Prober for the cluster of a snapshot. Dry runs do not call it; nil allows only dry runs.
	Enter func(*inspect.Snapshot) trace.Prober
	// Slow, unless nil, is told what to call before a step that takes its time on a cluster that works: an ephemeral container whose
	// image has to be pulled. The deadline then moves by SlowStep.
	Slow func(extend func())
	// Policies returns the network policies, for paths that fail; nil where they cannot be read. It is called once for each
	// failed path, unless nil.
	Policies func(context.Context, *inspect.Snapshot) *policy.Set
	// BGP returns the BGP sessions of some nodes, for routes that are not there; nil where there are none, or they cannot be read. It
	// is called once for all failed paths, unless nil.
	BGP func(ctx context.Context, snap *inspect.Snapshot, nodes []string) *bgp.Sessions
}

// Request says what to trace.
type Request struct {
	// Paths are the settings of the plan. Run chooses its Sources and its Target by the fields below.
	Paths  plan.Request
	From   plan.SourceOptions
	Target string // as a user types it, see plan.ParseTarget; empty is the matrix
	DryRun bool   // plan the paths and send nothing; a name is not looked up then
}

// Options are the optional parts of a run.
type Options struct {
	// Progress is told the current step.
	Progress func(string)
	// Note is told what remains in the cluster.
	Note func(string)
	// Deadline bounds the run: what is not known by then is inconclusive. Ending what was begun in the cluster comes on top. 0 is none.
	Deadline time.Duration
	// Calm is how long counters are watched before failed paths are probed again; 0 is the default.
	Calm time.Duration
}

// Run traces the request and returns the judged paths, in the order of the plan. It fails if it has no results: the
// facts cannot be read, the request matches nothing, all sources refuse, or the context ends.
func Run(ctx context.Context, c Cluster, req Request, o Options) (*inspect.Report[trace.Path], error) {
	if c.Enter == nil && !req.DryRun {
		return nil, errors.New("nothing can be sent in a recorded cluster: ask for a dry run")
	}
	o.progress("reading the cluster")
	if o.Deadline > 0 {
		limited, stop := c.within(ctx, o.Deadline)
		defer stop()
		ctx = limited
	}
	snap, err := c.Facts(ctx)
	if err != nil {
		return nil, cmp.Or(late(ctx), err)
	}
	if req.DryRun {
		planned, err := Plan(ctx, nil, snap, req)
		if err != nil {
			return nil, err
		}
		predictPolicies(ctx, snap, planned)
		paths := make([]trace.Path, len(planned))
		for i := range planned {
			paths[i] = (&trace.Probed{Planned: planned[i]}).Report()
		}
		return inspect.NewReport(trace.Kind, paths), nil
	}
	prober := c.Enter(snap)
	paths, err := c.trace(ctx, prober, snap, req, o)
	if err = errors.Join(err, end(ctx, prober, o)); err != nil {
		return nil, err
	}
	return inspect.NewReport(trace.Kind, paths), nil
}

func (c Cluster) trace(ctx context.Context, prober trace.Prober, snap *inspect.Snapshot, req Request, o Options) ([]trace.Path, error) {
	planned, err := Plan(ctx, prober, snap, req)
	if err != nil {
		return nil, err
	}
	return c.Prove(ctx, prober, snap, planned, o)
}

// Prove probes planned paths and returns them judged. The snapshot is that of the plan: its pods are the sources, and its
// tables have the earlier counters. The caller must close the prober, even after an error.
func (c Cluster) Prove(
	ctx context.Context, prober trace.Prober, snap *inspect.Snapshot, planned []trace.Planned, o Options,
) ([]trace.Path, error) {
	r := c.newProof(prober, snap, o)
	for i := range planned {
		if source := planned[i].Source; planned[i].Skip == "" && source.Kind == trace.Pod {
			r.sources[[2]string{source.Namespace, source.Name}] = true
		}
	}
	o.progress("probing " + inspect.Quantity(len(toProbe(planned)), "path"))
	probed, err := r.probe(ctx, planned)
	if err != nil {
		return nil, err
	}
	after, missing := prober.Counters(ctx, nodesOf(planned))
	if err := interrupted(ctx); err != nil {
		return nil, err
	}
	round := judge.NewRound(probed, judge.Counters{Before: trace.CountersOf(snap.Tables), After: after, Missing: append(missing, snap.Missing...)})
	paths := make([]trace.Path, len(probed))
	for i := range probed {
		paths[i] = round.Judge(probed[i])
	}
	return r.diagnose(ctx, planned, paths)
}

// SlowStep is by how much a deadline moves, once, for ephemeral containers: about as long as they may take.
const SlowStep = time.Minute

// within returns a context that ends with a deadline.
func (c Cluster) within(ctx context.Context, deadline time.Duration) (context.Context, func()) {
	began := time.Now()
	limited, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(deadline, func() { cancel(deadlineError{deadline}) })
	if c.Slow != nil {
		var once sync.Once
		c.Slow(func() { once.Do(func() { timer.Reset(deadline + SlowStep - time.Since(began)) }) })
	}
	return limited, func() {
		timer.Stop()
		cancel(nil)
	}
}

// deadlineError is the cause of a context that ended with Options.Deadline.
type deadlineError struct{ after time.Duration }

// Error says when.
func (e deadlineError) Error() string {
	return fmt.Sprintf("not known within %v (--deadline)", e.after)
}

// late returns the error of a run whose deadline has passed, or nil.
func late(ctx context.Context) error {
	var passed deadlineError
	if errors.As(context.Cause(ctx), &passed) {
		return passed
	}
	return nil
}

// interrupted returns why a context has ended, unless that is the deadline: then the run goes on with what it knows.
func interrupted(ctx context.Context) error {
	if late(ctx) != nil {
		return nil
	}
	return context.Cause(ctx)
}

// end ends a prober's leftovers in the cluster, also after an interrupt, and notes them.
func end(ctx context.Context, prober trace.Prober, o Options) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	notes, err := prober.Close(ctx)
	for _, text := range notes {
		if o.Note != nil {
			o.Note(text)
		}
	}
	return err
}

func (o Options) progress(text string) {
	if o.Progress != nil {
		o.Progress(text)
	}
}

// proof holds the inputs for proving paths.
type proof struct {
	prober   trace.Prober
	pods     map[[2]string]inspect.Pod // by namespace and name
	snap     *inspect.Snapshot
	policies func(context.Context, *inspect.Snapshot) *policy.Set
	bgp      func(context.Context, *inspect.Snapshot, []string) *bgp.Sessions
	options  Options
	sources  map[[2]string]bool // the pods that are probed from, by namespace and name

	asking    sync.Mutex
	footingOf map[netip.Addr]func() (trace.Footing, error) // by the pod's address
}

func (c Cluster) newProof(prober trace.Prober, snap *inspect.Snapshot, o Options) *proof {
	o.Calm = cmp.Or(o.Calm, calm)
	p := &proof{prober: prober, snap: snap, policies: c.Policies, bgp: c.BGP, pods: make(map[[2]string]inspect.Pod, len(snap.Pods)), options: o}
	p.sources, p.footingOf = map[[2]string]bool{}, map[netip.Addr]func() (trace.Footing, error){}
	for _, pod := range snap.Pods {
		p.pods[[2]string{pod.Namespace, pod.Name}] = pod
	}
	return p
}

// source is the pod or node that a path begins at.
func (r *proof) source(e trace.Endpoint) (inspect.Pod, bool) {
	if e.Kind == trace.Node {
		return trace.NodeSource(e.Node, e.Namespace), true
	}
	return r.pod(e)
}

func (r *proof) pod(e trace.Endpoint) (inspect.Pod, bool) {
	pod, ok := r.pods[[2]string{e.Namespace, e.Name}]
	return pod, ok && e.Kind == trace.Pod
}
