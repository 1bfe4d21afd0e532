package trace

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/session"
)

// toRequest resolves what is to be traced, as far as that can be told without the cluster.
func (f *Flags) toRequest(family inspect.Family, namespace string) (plan.Request, plan.SourceOptions, error) {
	req := plan.Request{Family: family, Count: f.Count, Timeout: f.Timeout, Reverse: f.Reverse, MTU: f.MTU, FullMesh: f.FullMesh}
	sources := plan.SourceOptions{Namespace: namespace, Pod: f.From, Node: f.FromNode, Selector: f.Selector}
	if f.Count < 1 || f.Count > maxCount {
		return req, sources, exit.Usagef("--count %d: use a number from 1 to %d", f.Count, maxCount)
	}
	if f.Timeout <= 0 {
		return req, sources, exit.Usagef("--timeout %s: use a time such as 2s", f.Timeout)
	}
	var err error
	for _, address := range []struct {
		flag, text string
		family     inspect.Family
	}{{"external-ipv4", f.ExternalIPv4, inspect.IPv4}, {"external-ipv6", f.ExternalIPv6, inspect.IPv6}} {
		if address.text == "" {
			continue
		}
		ip, err := netip.ParseAddr(address.text)
		if err != nil || ip.Zone() != "" || inspect.FamilyOf(ip) != address.family {
			return req, sources, exit.Usagef("--%s %q is not an %s address", address.flag, address.text, address.family)
		}
		req.External.Set(address.family, ip.Unmap())
	}
	if req.Run, err = pattern("run", f.RunOnly); err != nil {
		return req, sources, err
	}
	req.Skip, err = pattern("skip", f.Skip)
	return req, sources, err
}

// maxCount is the most echo requests that one ping sends.
const maxCount = 100

// plan predicts the paths. A name that the cluster does not know is looked up first, in a pod; a dry run does without
// and plans only the questions. The prober is nil for a dry run.
func (o *Options) plan(ctx context.Context, snap *inspect.Snapshot, prober trace.Prober) ([]trace.Path, error) {
	req := o.request
	var err error
	if req.Sources, err = plan.Sources(snap, o.sources); err != nil {
		return nil, err
	}
	if o.target != "" {
		if req.Target, err = plan.ParseTarget(snap, o.target, o.sources.Namespace, ""); err != nil {
			return nil, err
		}
		if req.Target.NeedsAnswer() && prober != nil {
			addresses, err := session.Resolve(ctx, prober, req.Sources[0], req.Target.Name, req.Timeout)
			if err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(addresses, func(a netip.Addr) bool { return req.Family.Matches(inspect.FamilyOf(a)) }) {
				return nil, fmt.Errorf("target %q has no %saddress", o.target, familyText(req.Family))
			}
			req.Target.Resolve(addresses)
		}
	}
	planned, err := plan.New(snap, req)
	if err != nil {
		return nil, err
	}
	if o.target != "" && !slices.ContainsFunc(planned.Paths, func(p trace.Path) bool { return p.Skip == "" }) {
		return nil, fmt.Errorf("target %q cannot be traced: %s", o.target, planned.Paths[0].Skip)
	}
	return planned.Paths, nil
}

func familyText(f inspect.Family) string {
	if f == 0 {
		return ""
	}
	return f.String() + " "
}
