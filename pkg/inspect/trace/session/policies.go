package session

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/policy"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/judge"
)

// predictPolicies adds to planned paths what network policies will say of them, as hops: of egress behind the cable of the source, of
// ingress before that of the target. Paths whose ends no policy selects get none. A snapshot without policies adds nothing.
func predictPolicies(ctx context.Context, snap *inspect.Snapshot, planned []trace.Planned) {
	if len(snap.Policies) == 0 {
		return
	}
	set := policy.New(snap.Policies, snap.PolicyBasis, snap.EndpointSlices, felix.ReleaseOf(snap.Calico.Version))
	c := Cluster{Policies: func(context.Context, *inspect.Snapshot) *policy.Set { return set }}
	r := c.newProof(nil, snap, Options{})
	for i := range planned {
		if planned[i].Skip == "" {
			r.predict(ctx, &planned[i])
		}
	}
}

// predict adds the hops of policies to one path.
func (r *proof) predict(ctx context.Context, p *trace.Planned) {
	path := (&trace.Probed{Planned: *p}).Report()
	path.Result = &trace.Result{Resolved: true} // names are thought to be resolved
	flows := r.flows(ctx, &path)
	facts := judge.Findings{Path: path, CalicoGroup: r.snap.Calico.APIGroup}
	var out, in []trace.Hop
	for i := range flows {
		flow := &flows[i]
		for _, v := range flow.Verdicts {
			if v.Policy == nil && len(v.Selecting) == 0 && v.Decision == policy.Allowed {
				continue
			}
			hop := trace.Hop{Node: flow.To.Node, Component: trace.ComponentPolicy, Action: string(v.Decision), Detail: v.String()}
			if v.Egress {
				hop.Node = p.Source.Node
			}
			if v.Decision == policy.Unknown {
				hop.Detail += ": " + v.Why
			}
			if len(flows) > 1 {
				hop.Detail = fmt.Sprintf("endpoint %s: %s", cmp.Or(flow.To.Name, flow.To.IP.String()), hop.Detail)
			}
			if v.Decision == policy.Denied {
				hop.Problem = judge.DeniedBy(facts, *flow)
				if !judge.Denied(flows) { // others of the service may answer
					hop.Problem.Severity = inspect.SeverityWarning
				}
			}
			if v.Egress {
				out = append(out, hop)
			} else {
				in = append(in, hop)
			}
		}
	}
	p.Hops = withPolicies(p.Hops, distinct(out), distinct(in))
}

// distinct leaves out hops that say the same.
func distinct(hops []trace.Hop) []trace.Hop {
	var all []trace.Hop
	for _, hop := range hops {
		if !slices.ContainsFunc(all, func(other trace.Hop) bool {
			return other.Node == hop.Node && other.Action == hop.Action && other.Detail == hop.Detail
		}) {
			all = append(all, hop)
		}
	}
	return all
}

// withPolicies puts the hops of egress behind the first cable, and those of ingress before the last one on the way there, or at its end.
func withPolicies(hops, out, in []trace.Hop) []trace.Hop {
	turn := slices.IndexFunc(hops, func(h trace.Hop) bool { return h.Return })
	if turn < 0 {
		turn = len(hops)
	}
	cable := func(h trace.Hop) bool { return h.Component == trace.ComponentVeth }
	first := slices.IndexFunc(hops[:turn], cable) + 1
	last := turn
	if last > first && cable(hops[last-1]) {
		last--
	}
	return slices.Concat(hops[:first], out, hops[first:last], in, hops[last:])
}
