package session

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/policy"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/judge"
)

// flows are the ways that the packets of a path may take, each with what network policies say of it.
func (r *proof) flows(ctx context.Context, p *trace.Path) []judge.Flow {
	if r.policies == nil {
		return nil
	}
	set := r.policies(ctx, r.snap)
	if set == nil {
		return nil
	}
	// What another node translates leaves the pod as a packet for that node.
	var there []policy.Verdict
	if at := p.Expect.Frontend; at != nil && at == judge.Frontend(p) && at.Node != p.Source.Node {
		first := judge.Flow{To: p.Target, Protocol: "TCP", Port: at.Port}
		first.Verdicts = set.Judge(r.policyFlow(p, &first))
		if there = first.Verdicts; judge.Denied([]judge.Flow{first}) {
			return []judge.Flow{first}
		}
	}
	flows := r.ends(p)
	for i := range flows {
		flow := r.policyFlow(p, &flows[i])
		if there != nil && flow.SeenFrom.IsValid() {
			flow.From = policy.End{IP: flow.SeenFrom}
		}
		flows[i].Verdicts = slices.Concat(there, set.Judge(flow))
	}
	return flows
}

// policyFlow is a flow as policies see it.
func (r *proof) policyFlow(p *trace.Path, flow *judge.Flow) policy.Flow {
	return policy.Flow{Family: inspect.FamilyOf(flow.To.IP), Protocol: flow.Protocol, Port: flow.Port, SeenFrom: flow.To.SeenFrom,
		From: r.policyEnd(p.Source, p.Family, r.source), To: r.policyEnd(flow.To, p.Family, r.pod)}
}

// ends are the ends that packets of a path reach, after the address of a service has become that of an endpoint.
func (r *proof) ends(p *trace.Path) []judge.Flow {
	flow := judge.Flow{To: p.Target, Protocol: "TCP", Port: p.Probe.Port}
	at := judge.Frontend(p)
	switch {
	case p.Probe.Check == trace.Ping:
		flow.Protocol, flow.Port = "ICMP", 0
	case p.Probe.Check == trace.Ask || at != nil && at != p.Expect.Frontend:
		if at == nil {
			return nil
		}
		return r.endpointsOf(netip.AddrPortFrom(at.Address, at.Port), "UDP")
	case len(p.Expect.Endpoints) > 0:
		var all []judge.Flow
		for _, e := range p.Expect.Endpoints {
			all = append(all, judge.Flow{To: e, Protocol: flow.Protocol, Port: e.Port})
		}
		return all
	case at != nil: // no endpoint is known
		return nil
	}
	if !flow.To.IP.IsValid() {
		return nil
	}
	return []judge.Flow{flow}
}

// endpointsOf are the ready endpoints behind a cluster address and port.
func (r *proof) endpointsOf(address netip.AddrPort, protocol string) []judge.Flow {
	i := slices.IndexFunc(r.snap.Services, func(s inspect.Service) bool { return slices.Contains(s.ClusterIPs, address.Addr()) })
	if i < 0 {
		return nil
	}
	svc := &r.snap.Services[i]
	at := slices.IndexFunc(svc.Ports, func(p inspect.ServicePort) bool { return p.Port == int32(address.Port()) && p.Protocol == protocol })
	if at < 0 {
		return nil
	}
	var all []judge.Flow
	for _, slice := range r.snap.EndpointSlices {
		if slice.Namespace != svc.Namespace || slice.Service != svc.Name || slice.Family != inspect.FamilyOf(address.Addr()) {
			continue
		}
		for _, port := range slice.Ports {
			if port.Name != svc.Ports[at].Name {
				continue
			}
			for _, e := range slice.Endpoints {
				if e.Ready && len(e.Addresses) > 0 {
					all = append(all, judge.Flow{Protocol: protocol, Port: uint16(port.Port), To: trace.Endpoint{Kind: trace.Pod,
						Namespace: slice.Namespace, Name: e.Pod, Node: e.Node, IP: e.Addresses[0]}})
				}
			}
		}
	}
	return all
}

// policyEnd is an end of a path as policies see it.
func (r *proof) policyEnd(e trace.Endpoint, f inspect.Family, find func(trace.Endpoint) (inspect.Pod, bool)) policy.End {
	end := policy.End{IP: e.IP}
	pod, ok := find(e)
	if !ok {
		return end
	}
	end.Pod = &pod
	if !end.IP.IsValid() {
		if i := slices.IndexFunc(pod.IPs, func(ip netip.Addr) bool { return inspect.FamilyOf(ip) == f }); i >= 0 {
			end.IP = pod.IPs[i]
		}
	}
	return end
}

// nftables reports whether Felix makes its rules with nft: because it is told so, or since it follows kube-proxy.
func (r *proof) nftables(rule *inspect.ServiceRule) bool {
	mode := cmp.Or(r.snap.Calico.FelixEnv.NFTablesMode, r.snap.Calico.Felix["default"].NFTablesMode)
	if strings.EqualFold(mode, "Enabled") {
		return true
	}
	return !strings.EqualFold(mode, "Disabled") && rule != nil && rule.Kind == "nftables"
}
