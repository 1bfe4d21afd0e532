package trace

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/session"
)

// toRequest resolves the flags into a request, as far as that works without the cluster.
func (f *Flags) toRequest(family inspect.Family, namespace string) (session.Request, error) {
	paths := plan.Request{Family: family, Count: f.Count, Timeout: f.Timeout, Reverse: f.Reverse, MTU: f.MTU, FullMesh: f.FullMesh}
	req := session.Request{DryRun: f.DryRun,
		From: plan.SourceOptions{Namespace: namespace, Pod: f.From, Node: f.FromNode, Selector: f.Selector}}
	if f.Count < 1 || f.Count > maxCount {
		return req, exit.Usagef("--count %d: use a number from 1 to %d", f.Count, maxCount)
	}
	if f.Timeout <= 0 {
		return req, exit.Usagef("--timeout %s: use a time such as 2s", f.Timeout)
	}
	if f.Deadline < 0 || f.Deadline != 0 && f.Deadline < f.Timeout {
		return req, exit.Usagef("--deadline %s: use a time of at least --timeout (%s), or 0 for no limit", f.Deadline, f.Timeout)
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
			return req, exit.Usagef("--%s %q is not an %s address", address.flag, address.text, address.family)
		}
		if reason := plan.Unreachable(ip); reason != "" {
			return req, exit.Usagef("--%s %s cannot be traced: it is %s", address.flag, ip, reason)
		}
		paths.External.Set(address.family, ip.Unmap())
	}
	if paths.Run, err = pattern("run", f.RunOnly); err != nil {
		return req, err
	}
	paths.Skip, err = pattern("skip", f.Skip)
	req.Paths = paths
	return req, err
}

// maxCount is the most echo requests that one ping sends.
const maxCount = 100
