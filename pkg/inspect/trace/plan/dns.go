package plan

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// question is one for the addresses of a name.
type question struct {
	host, label string
	answers     []netip.Addr // where they are known
}

// ask plans a question in a family. It goes to the first address of the DNS service, of either family.
func (p *planner) ask(q question, source trace.Endpoint, f inspect.Family) {
	path := newPath(trace.Name, f, source, trace.Endpoint{Kind: trace.HostName, Name: q.host})
	path.Probe = trace.Probe{Check: trace.Ask, Family: f, Host: q.host, Timeout: p.req.Timeout}
	path.Expect.Answers = q.answers
	w := p.newWay(f)
	if server := p.dnsService(); server == nil {
		w.take(w.walker.Leave(source))
		w.hops = append(w.hops, trace.Hop{Component: trace.ComponentDNS, Action: "unknown", Detail: "no DNS service is known"})
		w.take(w.walker.Return(source))
	} else {
		path.Expect.Resolver = server.ClusterIPs[0]
		w = p.newWay(inspect.FamilyOf(path.Expect.Resolver))
		w.askServer(source, server, fmt.Sprintf("%s %s", trace.RecordType(f), q.host))
	}
	w.settle(&path)
	p.put(path, q.label, "")
}

// dnsService is the service that resolves names for pods, or nil: kube-system/kube-dns, or else the only service in
// kube-system that has its label and serves DNS.
func (p *planner) dnsService() *inspect.Service {
	var labelled []*inspect.Service
	for i := range p.s.Services {
		svc := &p.s.Services[i]
		serves := slices.ContainsFunc(svc.Ports, func(port inspect.ServicePort) bool { return port.Port == 53 })
		switch {
		case svc.Namespace != "kube-system" || svc.Headless || len(svc.ClusterIPs) == 0 || !serves:
		case svc.Name == "kube-dns":
			return svc
		case svc.Labels["k8s-app"] == "kube-dns":
			labelled = append(labelled, svc)
		}
	}
	if len(labelled) == 1 {
		return labelled[0]
	}
	return nil
}

// askServer goes to the DNS service and back, in the family of its address.
func (w *way) askServer(source trace.Endpoint, server *inspect.Service, question string) {
	if source.Kind == trace.Node {
		source = w.nodeEnd(source.Node, w.family)
	} else if pod := findPod(w.s, source.Namespace, source.Name); pod != nil {
		source = w.podEnd(pod, w.family)
	}
	w.take(w.walker.Leave(source))
	target := serviceEnd(server, w.family)
	target.Port = 53
	port := ""
	for _, candidate := range server.Ports {
		if candidate.Port == 53 && candidate.Protocol == "TCP" { // served by the same pods as UDP
			port = candidate.Name
		}
	}
	w.throughService(source, target, server, port)
	// The DNS server answers where the way turns.
	if i := slices.IndexFunc(w.hops, func(h trace.Hop) bool { return h.Return }); i >= 0 {
		w.hops = slices.Insert(w.hops, i, trace.Hop{Component: trace.ComponentDNS, Action: "answered", Detail: question})
	}
}
