package session

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// probe runs the probes of all paths, with one exec for each source. It fails if no source can be entered.
func (r *proof) probe(ctx context.Context, paths []trace.Planned) ([]trace.Probed, error) {
	probed := make([]trace.Probed, len(paths))
	for i := range paths {
		probed[i].Planned = paths[i]
	}
	sources := bySource(paths)
	failed := make([]error, len(sources))
	var group errgroup.Group
	group.SetLimit(sourcesAtOnce)
	for i, own := range sources {
		group.Go(func() error {
			failed[i] = r.probeFrom(ctx, own, probed)
			return nil
		})
	}
	_ = group.Wait() // the functions return none
	if err := interrupted(ctx); err != nil {
		return nil, err
	}
	if late(ctx) == nil && len(failed) > 0 && !slices.Contains(failed, nil) {
		return probed, failed[0]
	}
	return probed, nil
}

// probeFrom runs the probes of one source, of the paths with the given indices.
func (r *proof) probeFrom(ctx context.Context, own []int, probed []trace.Probed) error {
	source := probed[own[0]].Source
	probes := make([]trace.Probe, len(own))
	for i, at := range own {
		probes[i] = probed[at].Probe
	}
	var results []trace.Result
	pod, ok := r.source(source)
	err := fmt.Errorf("pod %s/%s: there is no such pod", source.Namespace, source.Name)
	if ok {
		results, err = r.prober.Probe(ctx, pod, probes)
	}
	if err == nil && len(results) != len(probes) {
		err = fmt.Errorf("pod %s/%s: %d of %d probes came back", source.Namespace, source.Name, len(results), len(probes))
	}
	if passed := late(ctx); err != nil && passed != nil {
		err = passed
	}
	for i, at := range own {
		if err != nil {
			probed[at].Result = &trace.Result{Failed: access.WithoutQueries(err.Error()), Silent: access.IsNoAnswer(err)}
		} else {
			probed[at].Result = &results[i]
		}
	}
	return err
}

// bySource groups the indices of the paths that are to be probed by their source, in order.
func bySource(paths []trace.Planned) [][]int {
	var groups [][]int
	index := map[[2]string]int{}
	for _, at := range toProbe(paths) {
		key := [2]string{paths[at].Source.Namespace, paths[at].Source.Name}
		i, ok := index[key]
		if !ok {
			i = len(groups)
			index[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], at)
	}
	return groups
}

// toProbe are the indices of the paths that have a probe.
func toProbe(paths []trace.Planned) []int {
	var all []int
	for i := range paths {
		if paths[i].Skip == "" {
			all = append(all, i)
		}
	}
	return all
}

// nodesOf names the nodes whose counters the paths move or must not move, sorted.
func nodesOf(paths []trace.Planned) []string {
	var nodes []string
	for _, i := range toProbe(paths) {
		for _, m := range paths[i].Meters() {
			nodes = append(nodes, m.Node)
		}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}
