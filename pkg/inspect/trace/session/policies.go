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

// policySet makes policies ready to judge in the cluster of a snapshot.
func policySet(all []inspect.Policy, basis inspect.PolicyBasis, snap *inspect.Snapshot) *policy.Set {
	return policy.New(all, basis, snap.EndpointSlices, felix.ReleaseOf(snap.Calico.Version))
}

// predictPolicies adds to planned paths what network policies will say of them, as hops: of egress behind the cable of the source, of
// ingress before that of the target. Paths whose ends no policy selects get none. A snapshot without policies adds nothing.
func predictPolicies(ctx context.Context, snap *inspect.Snapshot, planned []trace.Planned) {
	if len(snap.Policies) == 0 {
		return
	}
	set := policySet(snap.Policies, snap.PolicyBasis, snap)
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
	facts := judge.Findings{Path: path, CalicoGroup: r.snap.Calico.APIGroup, Flows: flows}
	var out, in []trace.Hop
	for i := range flows {
		for _, v := range flows[i].Verdicts {
			switch {
			case v.Policy == nil && len(v.Selecting) == 0 && v.Decision == policy.Allowed: // no policy selects this end
			case v.Egress:
				out = append(out, policyHop(&facts, i, v))
			default:
				in = append(in, policyHop(&facts, i, v))
			}
		}
	}
	p.Hops = withPolicies(p.Hops, distinct(out), distinct(in))
}

// policyHop words a verdict on one of the flows of a path.
func policyHop(facts *judge.Findings, i int, v policy.Verdict) trace.Hop {
	flow := facts.Flows[i]
	hop := trace.Hop{Node: flow.To.Node, Component: trace.ComponentPolicy, Action: string(v.Decision), Detail: v.String()}
	if v.Egress {
		hop.Node = facts.Path.Source.Node
	}
	if v.Decision == policy.Unknown {
		hop.Detail += ": " + v.Why
	}
	if len(facts.Flows) > 1 {
		hop.Detail = fmt.Sprintf("endpoint %s: %s", cmp.Or(flow.To.Name, flow.To.IP.String()), hop.Detail)
	}
	if v.Decision == policy.Denied {
		hop.Problem = judge.DeniedBy(*facts, flow)
		if !judge.Denied(facts.Flows) { // others of the service may answer
			hop.Problem.Severity = inspect.SeverityWarning
		}
	}
	return hop
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
