package session

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/policy"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/probe"
)

// On returns the cluster of a source. A recorded one allows only dry runs. Note is told of additions to the cluster and
// of read errors; it may be nil.
func On(source gather.Source, note func(string)) Cluster {
	if note == nil {
		note = func(string) {}
	}
	c := Cluster{Facts: func(ctx context.Context) (*inspect.Snapshot, error) {
		return source.Snapshot(ctx, gather.Request{Facts: plan.Needs()})
	}}
	live, err := source.Cluster()
	if err != nil {
		return c
	}
	extend := func() {}
	c.Slow = func(f func()) { extend = f } // before Enter
	c.Enter = func(snap *inspect.Snapshot) trace.Prober {
		return probe.New(live.Config, live.Kubernetes, probe.Options{Ways: live.Ways(snap.Nodes), Namespace: gather.DebugNamespace, Image: live.Image, Silence: &live.Silence,
			Note: func(text string) {
				extend()
				note(text)
			}})
	}
	c.Policies = policies(live, note)
	c.BGP = sessions(source, live)
	return c
}

// sessions reads the BGP sessions of some nodes, and what asks for them.
func sessions(source gather.Source, cluster *gather.Cluster) func(context.Context, *inspect.Snapshot, []string) *bgp.Sessions {
	return func(ctx context.Context, snap *inspect.Snapshot, nodes []string) *bgp.Sessions {
		asked, err := source.Snapshot(ctx, gather.Request{Facts: []inspect.Fact{inspect.FactBGP, inspect.FactBGPPeers, inspect.FactCalicoNode, inspect.FactOperator}})
		if err != nil {
			return nil
		}
		joined := *snap
		joined.Calico.BGP, joined.Calico.Peers = asked.Calico.BGP, asked.Calico.Peers
		joined.Calico.Node, joined.Calico.Operator = asked.Calico.Node, asked.Calico.Operator
		if bgp.Off(&joined) != "" {
			return nil
		}
		read, missing := cluster.BIRD(ctx, snap.Nodes, nodes)
		joined.BIRD, joined.Missing = read.BIRD, slices.Concat(snap.Missing, asked.Missing, missing)
		return bgp.NewSessions(&joined)
	}
}

// policies reads the network policies of a cluster at the first call: a trace without failures needs none. If some cannot be
// read, note is told: the cause stands without them.
func policies(cluster *gather.Cluster, note func(string)) func(context.Context, *inspect.Snapshot) *policy.Set {
	var once sync.Once
	var set *policy.Set
	return func(ctx context.Context, snap *inspect.Snapshot) *policy.Set {
		once.Do(func() {
			all, basis, err := cluster.Policies(ctx)
			if err != nil {
				if ctx.Err() == nil {
					note("a policy may be to blame that is not named: " + strings.ReplaceAll(err.Error(), "\n", "; "))
				}
				if len(all) == 0 {
					return
				}
			}
			set = policySet(all, basis, snap)
		})
		return set
	}
}
