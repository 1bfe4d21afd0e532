package plan

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// allPorts is more ports than any target has.
const allPorts = 1 << 16

// aimed plans the paths from each source to one target.
func (p *planner) aimed(t Target) error {
	p.page = t.page
	if f := inspect.FamilyOf(t.IP); t.IP.IsValid() && !p.req.Family.Matches(f) {
		return fmt.Errorf("target %s is an %s address, and only %s is asked for", t.IP, f, p.req.Family)
	}
	for i := range p.req.Sources {
		for _, f := range p.families() {
			if t.IP.IsValid() && inspect.FamilyOf(t.IP) != f {
				continue
			}
			p.aim(t, &p.req.Sources[i], f)
		}
	}
	return nil
}

func (p *planner) aim(t Target, source *inspect.Pod, f inspect.Family) {
	end := p.podEnd(source, f)
	switch t.Kind {
	case trace.Pod:
		pod := findPod(p.s, t.Namespace, t.Name)
		if samePod(pod, source) {
			target := p.podEnd(pod, f)
			p.skip(trace.SameNode, f, end, target, p.label(target), "it is the pod that is probed from")
			return
		}
		p.toPodOrPage(pod, end, f, allPorts)
		if p.page == nil {
			p.toHostPorts(pod, end, f)
		}
		if p.req.Reverse && canProbe(pod) {
			p.back(source, p.podEnd(pod, f), f)
		}
	case trace.Svc:
		p.aimAtService(p.serviceOf(&t), t.IP, end, f)
	case trace.HostName:
		p.toHost(t, end, f)
	case trace.Node:
		p.toNode(t, end, f)
	default:
		p.toAddress(t, end, f, t.IP.String())
	}
}

// back plans the paths from a target to the source.
func (p *planner) back(source *inspect.Pod, from trace.Endpoint, f inspect.Family) {
	if trace.IsNode(*source) {
		p.toNode(Target{Kind: trace.Node, Name: source.Node}, from, f)
		return
	}
	p.toPod(source, from, f, 0)
}

// aimAtService plans the paths to a service, in all the ways in which it can be reached, or at one of its addresses.
func (p *planner) aimAtService(svc *inspect.Service, at netip.Addr, source trace.Endpoint, f inspect.Family) {
	switch {
	case svc.Headless:
		p.toHeadless(svc, source, f)
	case !at.IsValid():
		p.byName(svc, source, f, p.fullName(svc))
		p.toService(svc, source, f, allPorts)
		p.toFrontends(svc, source, f, at)
	case slices.Contains(svc.ClusterIPs, at):
		p.toService(svc, source, f, allPorts)
	default:
		p.toFrontends(svc, source, f, at)
	}
}

// toNode plans a ping of a node at an address that was given, or at all that it has: Calico's, and those that Kubernetes knows besides.
func (p *planner) toNode(t Target, source trace.Endpoint, f inspect.Family) {
	if t.IP.IsValid() {
		p.toAddress(t, source, f, t.IP.String())
		return
	}
	n := findNode(p.s, t.Name)
	addresses := []netip.Addr{n.Address.Get(f).Addr()}
	for _, a := range n.InternalIPs {
		if inspect.FamilyOf(a) == f {
			addresses = append(addresses, a)
		}
	}
	addresses = slices.DeleteFunc(addresses, func(a netip.Addr) bool { return !a.IsValid() })
	if len(addresses) == 0 {
		p.skip(trace.ToNode, f, source, trace.Endpoint{Kind: trace.Node, Name: t.Name, Node: t.Name}, t.Name,
			fmt.Sprintf("node %s has no %s address", t.Name, f))
		return
	}
	for i, a := range addresses {
		if slices.Contains(addresses[:i], a) {
			continue
		}
		label := t.Name
		if i > 0 {
			label = a.String()
		}
		t.IP = a
		p.toAddress(t, source, f, label)
	}
}

// toHost plans the question for a name and, once its addresses are known, the paths to them.
func (p *planner) toHost(t Target, source trace.Endpoint, f inspect.Family) {
	p.ask(question{host: t.Name, label: t.Name}, source, f)
	if !t.resolved {
		return
	}
	found := slices.DeleteFunc(slices.Clone(t.addresses), func(a netip.Addr) bool { return inspect.FamilyOf(a) != f })
	if len(found) == 0 {
		p.skip(trace.External, f, source, trace.Endpoint{Kind: trace.HostName, Name: t.Name}, t.Name, fmt.Sprintf("%s has no %s address", t.Name, f))
		return
	}
	for i, ip := range found {
		label := t.Name
		if i > 0 {
			label = ip.String()
		}
		known := p.identify(ip)
		known.Host = t.Name
		switch known.Kind {
		case trace.Pod:
			if known.Namespace == source.Namespace && known.Name == source.Name {
				p.skip(trace.External, f, source, trace.Endpoint{Kind: trace.HostName, Name: t.Name}, label, t.Name+" leads to the pod that is probed from")
				continue
			}
			p.toPodOrPage(findPod(p.s, known.Namespace, known.Name), source, f, 0)
		case trace.Svc:
			p.aimAtService(p.serviceOf(known), ip, source, f)
		default:
			p.toAddress(*known, source, f, label)
		}
	}
}

// toAddress plans a ping of a node, the switch, or an outside address.
func (p *planner) toAddress(t Target, source trace.Endpoint, f inspect.Family, label string) {
	end := trace.Endpoint{Kind: t.Kind, Name: t.Name, IP: t.IP}
	class := trace.External
	if reason := Unreachable(t.IP); reason != "" {
		p.skip(class, f, source, end, label, notTraced(t, reason))
		return
	}
	if t.Kind == trace.Node {
		class, end.Node = trace.ToNode, t.Name
	}
	p.echo(class, f, source, end, label, true)
	p.toPage(class, f, source, end, label)
}

// serviceOf is the service of a target, with one port if a page of it is asked for.
func (p *planner) serviceOf(t *Target) *inspect.Service {
	svc := findService(p.s, t.Namespace, t.Name)
	if p.page == nil {
		return svc
	}
	return onPort(svc, p.page)
}

// toPodOrPage plans the paths to a pod, at the ports that it declares, or at the page's.
func (p *planner) toPodOrPage(target *inspect.Pod, source trace.Endpoint, f inspect.Family, ports int) {
	if p.page == nil {
		p.toPod(target, source, f, ports)
		return
	}
	p.toPod(target, source, f, 0)
	end := p.podEnd(target, f)
	p.toPage(classTo(source, end), f, source, end, p.label(end))
}

// notTraced says why a trace sends nothing to an address.
func notTraced(t Target, reason string) string {
	switch {
	case t.Host == "":
		return fmt.Sprintf("%s is %s", t.IP, reason)
	case t.IP.IsUnspecified() || t.IP.IsLoopback():
		return fmt.Sprintf("DNS answers %s with %s, as name blockers do: it is %s", t.Host, t.IP, reason)
	default:
		return fmt.Sprintf("DNS answers %s with %s: it is %s", t.Host, t.IP, reason)
	}
}
