package probe

import (
	"context"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather/nodetables"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// Counters implements trace.Prober.
func (p *Prober) Counters(ctx context.Context, nodes []string) (trace.Readings, []inspect.Missing) {
	links, missing := nodetables.Links(ctx, p.opts.Ways, nodes, p.nodeOptions())
	all := trace.Readings{}
	for node, ls := range links {
		all.Add(node, ls)
	}
	return all, missing
}

// Silent implements trace.Prober.
func (p *Prober) Silent() []string { return p.opts.Silence.Nodes() }

// ServiceRule implements trace.Prober.
func (p *Prober) ServiceRule(ctx context.Context, at inspect.Frontend) (inspect.ServiceRule, error) {
	return nodetables.ServiceRule(ctx, p.opts.Ways, at, p.nodeOptions())
}

func (p *Prober) nodeOptions() nodetables.Options {
	return nodetables.Options{Concurrency: p.opts.Concurrency, Pause: p.opts.Pause}
}
