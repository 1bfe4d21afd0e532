package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// servicesFor are the services that the matrix tries from a namespace: those of the namespace that have addresses. The API
// server's is left out unless it is the only one.
func (p *planner) servicesFor(namespace string) []*inspect.Service {
	var found []*inspect.Service
	var api *inspect.Service
	for i := range p.s.Services {
		svc := &p.s.Services[i]
		switch {
		case svc.Headless || svc.ExternalName != "" || len(svc.ClusterIPs) == 0 || tcpPorts(svc) == 0:
		case svc.Namespace == "default" && svc.Name == "kubernetes":
			api = svc
		case svc.Namespace == namespace:
			found = append(found, svc)
		}
	}
	if len(found) == 0 && api != nil {
		return []*inspect.Service{api}
	}
	slices.SortFunc(found, func(a, b *inspect.Service) int { return cmp.Compare(a.Name, b.Name) })
	return found[:min(len(found), matrixServices)]
}

func tcpPorts(svc *inspect.Service) int {
	n := 0
	for _, port := range svc.Ports {
		if isTCP(port.Protocol) {
			n++
		}
	}
	return n
}

// isTCP reports whether the protocol of a port is TCP, which it is unless it says otherwise.
func isTCP(protocol string) bool { return protocol == "" || protocol == "TCP" }

func (p *planner) fullName(svc *inspect.Service) string { return fullName(svc, p.req.Domain) }

// fullName is the name of a service in DNS.
func fullName(svc *inspect.Service, domain string) string {
	return svc.Name + "." + svc.Namespace + ".svc." + domain
}

// serviceEnd is a service as an end of a path.
func serviceEnd(svc *inspect.Service, f inspect.Family) trace.Endpoint {
	e := trace.Endpoint{Kind: trace.Svc, Namespace: svc.Namespace, Name: svc.Name}
	for _, ip := range svc.ClusterIPs {
		if inspect.FamilyOf(ip) == f {
			e.IP = ip
		}
	}
	return e
}

// toService plans the paths to the address of a service, one for each of its first ports.
func (p *planner) toService(svc *inspect.Service, source trace.Endpoint, f inspect.Family, ports int) {
	end := serviceEnd(svc, f)
	label := p.label(end)
	path := newPath(trace.Service, f, source, end)
	if path.Skip = p.lacking(f, end, source); path.Skip != "" {
		p.put(path, label, "")
		return
	}
	for _, port := range svc.Ports {
		path := newPath(trace.Service, f, source, end)
		path.Target.Port = uint16(port.Port)
		check := fmt.Sprintf("%s-%d", strings.ToLower(cmp.Or(port.Protocol, "TCP")), port.Port)
		if !isTCP(port.Protocol) {
			if ports == allPorts {
				path.Skip = fmt.Sprintf("port %d is %s, of which an answer cannot be told from silence", port.Port, port.Protocol)
				p.put(path, label, check)
			}
			continue
		}
		if ports--; ports < 0 {
			return
		}
		path.Probe = p.connect(end.IP, path.Target.Port, speaksHTTP(port.Name, port.AppProtocol, port.Port))
		if len(svc.Ports) == 1 {
			check = ""
		}
		p.serve(&path, svc, port.Name, f)
		p.put(path, label, check)
	}
}

// byName plans the question for a service's name, and HTTP by that name if the service speaks it.
func (p *planner) byName(svc *inspect.Service, source trace.Endpoint, f inspect.Family, host string) {
	end := serviceEnd(svc, f)
	label := p.label(end)
	path := newPath(trace.Name, f, source, trace.Endpoint{Kind: trace.HostName, Name: host})
	if reason := p.lacking(f, end); reason != "" {
		path.Skip = reason
		p.put(path, label, "")
	} else {
		p.ask(question{host: host, label: label, answers: []netip.Addr{end.IP}}, source, f)
	}
	for _, port := range svc.Ports {
		if !speaksHTTP(port.Name, port.AppProtocol, port.Port) || port.Protocol == "UDP" {
			continue
		}
		path := newPath(trace.Web, f, source, end)
		path.Target.Port = uint16(port.Port)
		if path.Skip = p.lacking(f, end, source); path.Skip == "" {
			path.Probe = trace.Probe{Check: trace.Get, Family: f, Host: host, Port: path.Target.Port, Timeout: p.req.Timeout}
			p.serve(&path, svc, port.Name, f)
			if server := p.dnsService(); server != nil {
				path.Expect.Resolver = server.ClusterIPs[0]
			}
		}
		p.put(path, label, "")
		return
	}
}

// connect is a probe of a port: HTTP if the port speaks it, otherwise a connection.
func (p *planner) connect(to netip.Addr, port uint16, http bool) trace.Probe {
	probe := trace.Probe{Check: trace.TCP, Family: inspect.FamilyOf(to), Target: to, Port: port, Timeout: p.req.Timeout}
	if http {
		probe.Check = trace.Get
	}
	return probe
}

// speaksHTTP guesses whether a port speaks HTTP without encryption.
func speaksHTTP(name, application string, port int32) bool {
	if application != "" {
		return application == "http"
	}
	if strings.HasPrefix(name, "https") {
		return false
	}
	return strings.HasPrefix(name, "http") || slices.Contains([]int32{80, 8000, 8080, 8081}, port)
}

// serve predicts the way to a service's cluster address and back. Any of several endpoints may answer.
func (p *planner) serve(path *trace.Planned, svc *inspect.Service, port string, f inspect.Family) {
	path.Expect.Frontend = &inspect.Frontend{Kind: inspect.ClusterIP, Node: path.Source.Node, Address: path.Target.IP, Port: path.Target.Port}
	w := p.newWay(f)
	w.take(w.walker.Leave(path.Source))
	path.Expect.Endpoints = w.throughService(path.Source, path.Target, svc, port)
	w.settle(path)
}

// throughService goes from a pod's node to the endpoints of a service, and back into the pod.
func (w *way) throughService(source, target trace.Endpoint, svc *inspect.Service, port string) []trace.Endpoint {
	all := w.endpoints(svc, port, w.family)
	local := svc.InternalTrafficPolicy == "Local"
	if source.Kind == trace.Node {
		w.hops = append(w.hops, w.routeToService(source.Node, target))
	}
	hop, ready := w.translation(source.Node, target, svc, all, local)
	w.hops = append(w.hops, hop)
	for i := range ready {
		if source.Kind == trace.Node { // kube-proxy masquerades what is not from a pod
			ready[i].SeenFrom = w.sender(source, ready[i].IP).IP
		}
	}
	if len(ready) == 1 {
		w.take(w.walker.RoundTrip(w.sender(source, ready[0].IP), ready[0]))
		return ready
	}
	for _, e := range ready[:min(len(ready), shownEndpoints)] {
		w.hops = append(w.hops, w.branch(w.sender(source, e.IP), e))
	}
	w.hops = append(w.hops, translatedBack(source.Node, target))
	w.take(w.walker.Return(source))
	return ready
}

// routeToService is the first hop of a packet that a node itself sends to a service: the kernel looks for a route before kube-proxy's
// rules see it, though it is translated afterwards and takes another one (net/ipv4/route.c, net/ipv6/ip6_output.c).
func (w *way) routeToService(node string, target trace.Endpoint) trace.Hop {
	hop := trace.Hop{Node: node, Component: trace.ComponentRoute}
	n := w.ground.Nodes[node]
	if n == nil || n.Kernel == nil {
		hop.Action, hop.Detail = "unknown", "the node's tables were not read"
		return hop
	}
	d := n.Kernel.Lookup(netip.Addr{}, target.IP)
	hop.Action, hop.Detail = "chosen", routeText(&d)+", before the address is translated"
	if d.Drops() {
		hop.Action, hop.Detail = "refused", routeText(&d)
		hop.Problem = trace.Cause(dropCode(&d), node, w.routeGet(node, target.IP),
			"node %s has no route to the service address %s, and its kernel asks for one before kube-proxy translates the address: %s; "+
				"a default route, or one to the range of services, is enough", node, target.IP, insteadText(&d))
	}
	return hop
}

// translation is the hop at which a node translates the address of a service, and the endpoints that it may choose: with a traffic
// policy Local, those on the node.
func (w *way) translation(node string, target trace.Endpoint, svc *inspect.Service, all backends, local bool) (trace.Hop, []trace.Endpoint) {
	hop := trace.Hop{Node: node, Component: trace.ComponentService, Action: "translated"}
	chosen, where := all, ""
	if local {
		chosen, where = all.on(node), " on node "+node+", and its traffic policy is Local"
	}
	switch reason := w.s.Lacks(inspect.FactEndpointSlices, ""); {
	case reason != "":
		hop.Action, hop.Detail = "unknown", reason
	case len(chosen.ready) == 0:
		hop.Action, hop.Detail = "refused", "no ready endpoint"+where
		hop.Problem = trace.Cause(trace.NoEndpoint, "",
			trace.Kubectl("get", "endpointslices", "-n", svc.Namespace, "-l", "kubernetes.io/service-name="+svc.Name),
			"service %s/%s has no ready %s endpoint%s%s", svc.Namespace, svc.Name, w.family, where, others(all))
		if local {
			hop.Problem.Node = node
		}
	default:
		hop.Detail = fmt.Sprintf("%s: %s -> %s", w.balancer(node), socket(target), chosen)
	}
	return hop, chosen.ready
}

// others counts the endpoints that a service has all the same.
func others(all backends) string {
	switch {
	case len(all.ready) > 0:
		return fmt.Sprintf(": %d elsewhere", len(all.ready))
	case all.total > 0:
		return fmt.Sprintf(": %d not ready", all.total)
	}
	return ""
}

// translatedBack is the hop at which an answer gets the address that was asked.
func translatedBack(node string, target trace.Endpoint) trace.Hop {
	return trace.Hop{Node: node, Component: trace.ComponentService, Action: "translated back", Return: true, Detail: "source " + socket(target)}
}

// balancer names the program that translates service addresses on a node.
func (p *planner) balancer(node string) string {
	if bpf(p.felix[node]) {
		return "Calico's eBPF data plane"
	}
	return "kube-proxy"
}

// branch is the way to one of several endpoints in one hop, with the first problem on it.
func (w *way) branch(source, e trace.Endpoint) trace.Hop {
	one := w.newWay(w.family)
	one.take(one.walker.Relay(source, e))
	hop := trace.Hop{Node: source.Node, Component: trace.ComponentRoute, Action: "forwarded",
		Detail: fmt.Sprintf("to %s (%s on %s)", socket(e), cmp.Or(e.Name, "endpoint"), cmp.Or(e.Node, "no node"))}
	for _, h := range one.hops {
		if h.Component == trace.ComponentRoute && !h.Return {
			hop.Detail += ": " + h.Detail
			break
		}
	}
	for _, h := range one.hops {
		if trace.Stops(h.Problem) {
			hop.Problem = trace.Reworded(h.Problem, "endpoint %s: %s", cmp.Or(e.Name, e.IP.String()), h.Problem.Summary)
			break
		}
	}
	return hop
}
