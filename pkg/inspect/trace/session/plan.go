package session

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
)

// Plan chooses the sources and the target of a request and plans the paths. It first looks up names unknown to the
// cluster, in the first source. Without a prober it plans only the questions for them.
func Plan(ctx context.Context, prober trace.Prober, snap *inspect.Snapshot, req Request) ([]trace.Planned, error) {
	paths := req.Paths
	var err error
	if paths.Sources, err = plan.Sources(snap, req.From); err != nil {
		return nil, err
	}
	if req.Target != "" {
		if paths.Target, err = plan.ParseTarget(snap, req.Target, req.From.Namespace, paths.Domain); err != nil {
			return nil, err
		}
		if err := resolve(ctx, prober, paths); err != nil {
			return nil, err
		}
	}
	planned, err := plan.New(snap, paths)
	if err != nil {
		return nil, err
	}
	if reason := untraceable(planned, paths.Target); reason != "" {
		return nil, fmt.Errorf("target %q cannot be traced: %s", req.Target, reason)
	}
	return planned, nil
}

// untraceable says why a trace can send nothing to a target. An answer of DNS for its name is not enough.
func untraceable(planned []trace.Planned, target *plan.Target) string {
	var reasons []string
	for i := range planned {
		p := &planned[i]
		switch {
		case target == nil, p.Skip == "" && (p.Class != trace.Name || target.Kind != trace.HostName || target.NeedsAnswer()):
			return ""
		case p.Skip != "" && !slices.Contains(reasons, p.Skip):
			reasons = append(reasons, p.Skip)
		}
	}
	return strings.Join(reasons, "; ")
}

// resolve gives the target its addresses, if it is a name that needs a look-up.
func resolve(ctx context.Context, prober trace.Prober, paths plan.Request) error {
	if prober == nil || !paths.Target.NeedsAnswer() {
		return nil
	}
	addresses, err := lookUp(ctx, prober, paths.Sources[0], paths.Target.Name, paths.Timeout)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(addresses, func(a netip.Addr) bool { return paths.Family.Matches(inspect.FamilyOf(a)) }) {
		return fmt.Errorf("target %q has no %s", paths.Target.Name, strings.TrimSpace(paths.Family.String()+" address"))
	}
	paths.Target.Resolve(addresses)
	return nil
}

// lookUp looks a name up in a pod, in both families. A name without addresses gives none; it is an error if neither
// question is answered.
func lookUp(ctx context.Context, prober trace.Prober, pod inspect.Pod, host string, timeout time.Duration) ([]netip.Addr, error) {
	var probes []trace.Probe
	for _, f := range inspect.Families() {
		probes = append(probes, trace.Probe{Check: trace.Ask, Family: f, Host: host, Timeout: timeout})
	}
	results, err := prober.Probe(ctx, pod, probes)
	if err != nil {
		return nil, fmt.Errorf("look up %s in pod %s: %w", host, pod.Name, err)
	}
	var addresses []netip.Addr
	answered := false
	for _, r := range results {
		answered = answered || r.Answered
		addresses = append(addresses, r.Answers...)
	}
	if !answered {
		why := "no answer: trace a service, to see whether DNS works"
		if len(results) > 0 && results[0].Failed != "" {
			why = results[0].Failed
		}
		return nil, fmt.Errorf("look up %s in pod %s: %s", host, pod.Name, why)
	}
	return addresses, nil
}
