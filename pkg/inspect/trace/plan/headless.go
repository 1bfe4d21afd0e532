package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// toHeadless plans the question for the name of a headless service, whose answer is its endpoints, and the paths to these.
func (p *planner) toHeadless(svc *inspect.Service, source trace.Endpoint, f inspect.Family) {
	ports := slices.DeleteFunc(slices.Clone(svc.Ports), func(port inspect.ServicePort) bool { return !isTCP(port.Protocol) })
	if len(ports) == 0 {
		ports = []inspect.ServicePort{{}} // of a service without ports, or with UDP alone: its endpoints are pinged
	}
	end := serviceEnd(svc, f)
	label := p.label(end)
	for _, port := range ports {
		all := p.endpoints(svc, port.Name, f)
		if len(all.ready) == 0 {
			p.skip(trace.Service, f, source, end, label, fmt.Sprintf("service %s is headless and has no ready %s endpoint%s", svc.Name, f, others(all)))
			continue
		}
		var answers []netip.Addr
		for _, e := range all.ready {
			answers = append(answers, e.IP)
		}
		p.ask(question{host: p.fullName(svc), label: label, answers: answers}, source, f) // once: put knows the name of the path
		for _, e := range all.ready[:min(len(all.ready), shownEndpoints)] {
			p.toEndpoint(e, &port, source, f)
		}
	}
}

// toEndpoint plans the path to an endpoint of a headless service.
func (p *planner) toEndpoint(e trace.Endpoint, port *inspect.ServicePort, source trace.Endpoint, f inspect.Family) {
	class := trace.CrossNode
	switch {
	case e.Namespace == source.Namespace && e.Name == source.Name && e.Kind == source.Kind:
		return
	case e.Kind == trace.Node:
		class = trace.ToNode
	case e.Node == "":
		class = trace.External
	case e.Node == source.Node:
		class = trace.SameNode
	}
	label := cmp.Or(e.Name, e.IP.String())
	if port.Port == 0 {
		p.echo(class, f, source, e, label, false)
		return
	}
	path := newPath(class, f, source, e)
	if path.Skip = p.lacking(f, source); path.Skip == "" {
		path.Probe = p.connect(e.IP, e.Port, speaksHTTP(port.Name, port.AppProtocol, port.Port))
		p.follow(&path)
	}
	p.put(path, label, fmt.Sprintf("%s-%d", path.Probe.Check, e.Port))
}
