package trace

import (
	"context"
	"strings"
	"sync"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/judge"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/probe"
)

// prober makes the way into a live cluster.
func prober(cluster *gather.Cluster) func(*inspect.Snapshot) trace.Prober {
	return func(snap *inspect.Snapshot) trace.Prober {
		return probe.New(cluster.Config, cluster.Kubernetes,
			probe.Options{Ways: cluster.Ways(snap.Nodes), Image: cluster.Image})
	}
}

// policies names the network policies of a cluster that select pods. They are read when they are first asked for: a
// trace in which nothing fails does without. What may not be read is not named, and note is told: the cause stands
// without it.
func policies(cluster *gather.Cluster, note func(string)) func(context.Context, []inspect.Pod) []string {
	var once sync.Once
	var all []inspect.Policy
	return func(ctx context.Context, pods []inspect.Pod) []string {
		once.Do(func() {
			var err error
			if all, err = cluster.Policies(ctx); err != nil && ctx.Err() == nil {
				note("a policy may be to blame that is not named: " + strings.ReplaceAll(err.Error(), "\n", "; "))
			}
		})
		return judge.Selecting(all, pods)
	}
}
