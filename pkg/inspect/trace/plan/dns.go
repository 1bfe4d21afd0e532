package plan

import (
	"fmt"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// ask plans the question for a name's address in a family; of a service it is known what the answer must be. The
// question itself goes to the DNS service's first address, of whichever family that is.
func (p *planner) ask(host string, source trace.Endpoint, f inspect.Family, svc *inspect.Service) {
	target := trace.Endpoint{Kind: trace.HostName, Name: host}
	label := host
	path := newPath(trace.Name, f, source, target)
	path.Probe = trace.Probe{Check: trace.Ask, Family: f, Host: host, Timeout: p.req.Timeout}
	if svc != nil {
		end := serviceEnd(svc, f)
		label = p.label(end)
		path.Expect.Answers = append(path.Expect.Answers, end.IP)
	}
	w := &walk{planner: p, family: f}
	server := p.dnsService()
	if server == nil {
		w.leave(source, "sent")
		w.add(trace.Hop{Component: trace.ComponentDNS, Action: "unknown", Detail: "no DNS service is known"})
		w.back = true
		w.cable(source, trace.TX, "delivered")
	} else {
		path.Expect.Resolver = server.ClusterIPs[0]
		w.family = inspect.FamilyOf(path.Expect.Resolver)
		p.askServer(w, source, server, fmt.Sprintf("%s %s", trace.RecordType(f), host))
	}
	path.Hops = w.hops
	path.Expect.Still = w.still
	p.put(path, label, "")
}

// dnsService is the service that pods resolve names by, or nil.
func (p *planner) dnsService() *inspect.Service {
	for i := range p.s.Services {
		svc := &p.s.Services[i]
		if svc.Namespace == "kube-system" && (svc.Name == "kube-dns" || svc.Labels["k8s-app"] == "kube-dns") &&
			!svc.Headless && len(svc.ClusterIPs) > 0 {
			return svc
		}
	}
	return nil
}

// askServer goes to the DNS service and back, in the family of its address.
func (p *planner) askServer(w *walk, source trace.Endpoint, server *inspect.Service, question string) {
	if pod := findPod(p.s, source.Namespace, source.Name); pod != nil {
		source = p.podEnd(pod, w.family)
	}
	w.leave(source, "sent")
	target := serviceEnd(server, w.family)
	target.Port = 53
	port := ""
	for _, candidate := range server.Ports {
		if candidate.Port == 53 && candidate.Protocol == "TCP" { // served by the same pods as UDP
			port = candidate.Name
		}
	}
	p.throughService(w, source, target, server, port)
	// The question is put where the service hands it on.
	for i, h := range w.hops {
		if h.Return {
			answer := trace.Hop{Component: trace.ComponentDNS, Action: "answered", Detail: question}
			w.hops = append(w.hops[:i:i], append([]trace.Hop{answer}, w.hops[i:]...)...)
			return
		}
	}
}
