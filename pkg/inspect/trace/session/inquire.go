package session

import (
	"context"
	"net/netip"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/judge"
)

// inquire reads facts that only matter to paths that fail: sockets, kube-proxy's rules, network policies.
func (r *proof) inquire(ctx context.Context, suspects []*suspect) []judge.Findings {
	facts := make([]judge.Findings, len(suspects))
	silent := r.prober.Silent()
	var group errgroup.Group
	group.SetLimit(maxInquiries)
	for i, s := range suspects {
		p := &s.path
		facts[i].Silent = silent
		if p.Verdict != trace.Fail || s.like != nil || p.Result == nil || p.Result.Failed != "" || p.Cause != nil {
			continue
		}
		group.Go(func() error {
			f := &facts[i]
			if !s.asked {
				s.flows = r.flows(ctx, p)
			}
			if !s.asked && !s.known {
				s.rule = r.rule(ctx, p)
			}
			if !s.known { // else the cause is known by the facts at hand
				f.Listening = r.listening(ctx, p)
			}
			f.Footings = s.footings
			f.Flows, f.Rule, f.CalicoGroup, f.NFTables = s.flows, s.rule, r.snap.Calico.APIGroup, r.nftables(s.rule)
			return nil
		})
	}
	_ = group.Wait() // the functions return none
	return facts
}

// footings asks the pods at the ends of a path, as far as this trace sends from them, what their networks have. Others are left alone:
// asking one that has no shell would add a container to it.
func (r *proof) footings(ctx context.Context, p *trace.Path) []judge.PodFooting {
	var all []judge.PodFooting
	for _, end := range []trace.Endpoint{p.Source, p.Target} {
		if end.Kind != trace.Pod || !r.sources[[2]string{end.Namespace, end.Name}] || inspect.FamilyOf(end.IP) != p.Family {
			continue
		}
		pod, ok := r.pod(end)
		if !ok || pod.HostNetwork {
			continue
		}
		if f, err := r.footing(ctx, pod, end.IP); err == nil {
			all = append(all, judge.PodFooting{Pod: end, Footing: f})
		}
	}
	return all
}

// footing asks a pod once for each of its addresses.
func (r *proof) footing(ctx context.Context, pod inspect.Pod, own netip.Addr) (trace.Footing, error) {
	r.asking.Lock()
	ask, ok := r.footingOf[own]
	if !ok {
		ask = sync.OnceValues(func() (trace.Footing, error) { return r.prober.Footing(ctx, pod, own) })
		r.footingOf[own] = ask
	}
	r.asking.Unlock()
	return ask()
}

// listening says what listens in the pods that could have answered a connection.
func (r *proof) listening(ctx context.Context, p *trace.Path) []judge.PodListening {
	if p.Probe.Check != trace.TCP && p.Probe.Check != trace.Get {
		return nil
	}
	targets := p.Expect.Endpoints
	if len(targets) == 0 {
		targets = []trace.Endpoint{p.Target}
	}
	var all []judge.PodListening
	for _, target := range targets[:min(len(targets), maxEndpoints)] {
		pod, ok := r.pod(target)
		port := target.Port
		if port == 0 {
			port = p.Probe.Port
		}
		if !ok || port == 0 {
			continue
		}
		if l, err := r.prober.Listeners(ctx, pod, port); err == nil {
			all = append(all, judge.PodListening{Pod: target, Port: port, Listening: l})
		}
	}
	return all
}

// rule says whether the node that translates the address that a path goes to, or that of DNS for its name, has a rule for it.
func (r *proof) rule(ctx context.Context, p *trace.Path) *inspect.ServiceRule {
	at := judge.Frontend(p)
	if at == nil || at.Node == "" || p.Expect.EBPF {
		return nil
	}
	there, err := r.prober.ServiceRule(ctx, *at)
	if err != nil {
		return nil
	}
	return &there
}
