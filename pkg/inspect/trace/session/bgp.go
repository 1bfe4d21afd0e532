package session

import (
	"context"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/bgp"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// sessions reads the BGP sessions of the nodes between which routes are missing, or nil where there are none.
func (r *proof) sessions(ctx context.Context, suspects []*suspect) *bgp.Sessions {
	if r.bgp == nil || late(ctx) != nil {
		return nil
	}
	var nodes []string
	for _, s := range suspects {
		for _, hop := range s.path.Hops {
			if hop.Problem == nil || r.byBGP(&s.path, hop.Problem) == nil {
				continue
			}
			for _, n := range []string{hop.Problem.Node, hop.Problem.RemoteNode} {
				if !slices.Contains(nodes, n) {
					nodes = append(nodes, n)
				}
			}
		}
	}
	if len(nodes) == 0 {
		return nil
	}
	return r.bgp(ctx, r.snap, nodes)
}

// byBGP returns the pool of the pods of another node, if a cause is that the route to them is missing, and BGP would bring it.
func (r *proof) byBGP(p *trace.Path, cause *inspect.Finding) *inspect.IPPool {
	if cause == nil || cause.Code != trace.NoRoute || cause.RemoteNode == "" {
		return nil
	}
	for i := range r.snap.Blocks {
		b := &r.snap.Blocks[i]
		if b.Node != cause.RemoteNode || b.Family() != p.Family {
			continue
		}
		if pool := inspect.PoolOf(r.snap.Pools, b.CIDR.Addr()); pool != nil && pool.VXLANMode.None() {
			return pool
		}
	}
	return nil
}

// withoutSession says of a route that is missing why BGP does not bring it.
func (r *proof) withoutSession(sessions *bgp.Sessions, p *trace.Path, cause *inspect.Finding) *inspect.Finding {
	pool := r.byBGP(p, cause)
	if sessions == nil || pool == nil {
		return cause
	}
	why, about := sessions.Between(cause.Node, cause.RemoteNode, pool)
	if why == "" {
		return cause
	}
	prefix, _, _ := strings.Cut(cause.Summary, "node "+cause.Node) // "endpoint NAME: ", "DNS does not answer: "
	again := trace.Reworded(cause, "%snode %s has no route to pods of node %s by BGP: %s", prefix, cause.Node, cause.RemoteNode, why)
	again.Code, again.Command = trace.NoSession, "kubectl dualstack bgp --family "+strings.ToLower(p.Family.String())
	if about != "" {
		again.Node, again.Command = about, again.Command+" --node "+about
	}
	return again
}
