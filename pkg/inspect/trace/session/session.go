// Package session runs a trace: it has the paths of a plan probed, all at once, holds the answers against the plan, and
// looks into those that did not pass one by one. All of its I/O is the Prober's.
package session

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/judge"
)

const (
	// sourcesAtOnce bounds the execs that are under way.
	sourcesAtOnce = 32
	// closeTimeout is for taking away what was left running, after whatever happened.
	closeTimeout = 20 * time.Second
)

// Options are what a run can do without.
type Options struct {
	// Policies names the network policies that select one of the pods, as "kind namespace/name". It is asked once for
	// each path that fails; nil is not asked.
	Policies func(ctx context.Context, pods []inspect.Pod) []string
	// Progress is told what is being done.
	Progress func(string)
	// Calm is how long counters are watched before what failed is probed again; 0 is the default.
	Calm time.Duration
}

// Run probes the paths and returns them judged, in their order. The snapshot is that of the plan: its pods are the
// sources, and the counters of its tables are those of before. The error is for traces that show nothing: all sources
// refused, or interrupted. Whatever happens, Close has to be called in the end.
func Run(
	ctx context.Context, prober trace.Prober, snap *inspect.Snapshot, paths []trace.Path, o Options,
) (*inspect.Report[trace.Path], error) {
	r := newRun(prober, snap, o)
	paths = slices.Clone(paths)
	all := make([]*trace.Path, len(paths))
	for i := range paths {
		all[i] = &paths[i]
	}
	r.progress("probing " + trace.Quantity(len(probed(all)), "path"))
	if err := r.probe(ctx, all); err != nil {
		return nil, err
	}
	after, missing := r.prober.Counters(ctx, nodesOf(all))
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	round := judge.NewRound(paths, judge.Counters{Before: trace.CountersOf(snap.Tables), After: after, Missing: append(missing, snap.Missing...)})
	for i := range paths {
		paths[i] = round.Judge(paths[i])
	}
	if err := r.diagnose(ctx, all); err != nil {
		return nil, err
	}
	return inspect.NewReport(trace.Kind, paths), nil
}

// Close ends what a prober has left running in the cluster, also after an interrupt, and notes what it was.
func Close(ctx context.Context, prober trace.Prober, note func(string)) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	notes, err := prober.Close(ctx)
	for _, text := range notes {
		note(text)
	}
	return err
}

// run is one Run.
type run struct {
	prober  trace.Prober
	pods    map[[2]string]inspect.Pod // by namespace and name
	options Options
	calm    time.Duration
	noise   noise
}

func newRun(prober trace.Prober, snap *inspect.Snapshot, o Options) *run {
	r := &run{prober: prober, pods: make(map[[2]string]inspect.Pod, len(snap.Pods)), options: o,
		calm: cmp.Or(o.Calm, calm)}
	for _, pod := range snap.Pods {
		r.pods[[2]string{pod.Namespace, pod.Name}] = pod
	}
	return r
}

func (r *run) progress(text string) {
	if r.options.Progress != nil {
		r.options.Progress(text)
	}
}

func (r *run) pod(e trace.Endpoint) (inspect.Pod, bool) {
	pod, ok := r.pods[[2]string{e.Namespace, e.Name}]
	return pod, ok && e.Kind == trace.Pod
}

// probe runs the probes of all paths, with one exec for each source, and leaves the results in the paths. It is an
// error if no source at all could be entered.
func (r *run) probe(ctx context.Context, paths []*trace.Path) error {
	sources := bySource(paths)
	var mu sync.Mutex
	var failed []error
	var group errgroup.Group
	group.SetLimit(sourcesAtOnce)
	for _, own := range sources {
		group.Go(func() error {
			if err := r.probeFrom(ctx, own); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
			return nil
		})
	}
	_ = group.Wait() // the functions return none
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if len(failed) > 0 && len(failed) == len(sources) {
		return failed[0]
	}
	return nil
}

// probeFrom runs the probes of the paths of one source.
func (r *run) probeFrom(ctx context.Context, paths []*trace.Path) error {
	source := paths[0].Source
	pod, ok := r.pod(source)
	if !ok {
		return setResults(paths, nil, fmt.Errorf("pod %s/%s: there is no such pod", source.Namespace, source.Name))
	}
	probes := make([]trace.Probe, len(paths))
	for i, p := range paths {
		probes[i] = p.Probe
	}
	results, err := r.prober.Probe(ctx, pod, probes)
	if err == nil && len(results) != len(probes) {
		err = fmt.Errorf("pod %s/%s: %d of %d probes came back", source.Namespace, source.Name, len(results), len(probes))
	}
	return setResults(paths, results, err)
}

// setResults leaves results in paths, or an error that kept them from being probed.
func setResults(paths []*trace.Path, results []trace.Result, err error) error {
	for i, p := range paths {
		if err != nil {
			p.Result = &trace.Result{Failed: err.Error()}
		} else {
			p.Result = &results[i]
		}
	}
	return err
}

// bySource groups the paths that are to be probed by their source, in order.
func bySource(paths []*trace.Path) [][]*trace.Path {
	var groups [][]*trace.Path
	index := map[[2]string]int{}
	for _, p := range probed(paths) {
		key := [2]string{p.Source.Namespace, p.Source.Name}
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
}

// probed are the paths for which there is something to probe.
func probed(paths []*trace.Path) []*trace.Path {
	return slices.DeleteFunc(slices.Clone(paths), func(p *trace.Path) bool { return p.Skip != "" })
}

// nodesOf names the nodes whose counters the paths move or must not move, sorted.
func nodesOf(paths []*trace.Path) []string {
	var nodes []string
	for _, p := range probed(paths) {
		for _, m := range meters(p) {
			nodes = append(nodes, m.Node)
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// meters are the counters of a path: those that must move, and those that must not.
func meters(p *trace.Path) []trace.Meter {
	own := slices.Clone(p.Expect.Still)
	for _, hop := range p.Hops {
		if hop.Meter != nil {
			own = append(own, *hop.Meter)
		}
	}
	return own
}
