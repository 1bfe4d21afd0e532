package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// shownEndpoints is how many endpoints of a service the plan follows.
const shownEndpoints = 8

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
		if port.Protocol == "" || port.Protocol == "TCP" {
			n++
		}
	}
	return n
}

func (p *planner) fullName(svc *inspect.Service) string {
	return svc.Name + "." + svc.Namespace + ".svc." + p.req.Domain
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

// unusable says why a service has no address in a family, or nothing.
func (p *planner) unusable(svc *inspect.Service, end trace.Endpoint, f inspect.Family) string {
	switch {
	case svc.ExternalName != "":
		return fmt.Sprintf("service %s is a name for %s: it has no address", svc.Name, svc.ExternalName)
	case svc.Headless:
		return fmt.Sprintf("service %s is headless: it has no address of its own", svc.Name)
	default:
		return p.lacking(f, end)
	}
}

// toService plans the paths to the address of a service, one for each of its first ports.
func (p *planner) toService(svc *inspect.Service, source trace.Endpoint, f inspect.Family, ports int) {
	end := serviceEnd(svc, f)
	label := p.label(end)
	path := newPath(trace.Service, f, source, end)
	if path.Skip = cmp.Or(p.unusable(svc, end, f), p.lacking(f, source)); path.Skip != "" {
		p.put(path, label, "")
		return
	}
	for _, port := range svc.Ports {
		path := newPath(trace.Service, f, source, end)
		path.Target.Port = uint16(port.Port)
		check := fmt.Sprintf("%s-%d", strings.ToLower(cmp.Or(port.Protocol, "TCP")), port.Port)
		if port.Protocol != "" && port.Protocol != "TCP" {
			if ports == allPorts {
				path.Skip = fmt.Sprintf("port %d is %s, of which an answer cannot be told from silence", port.Port, port.Protocol)
				p.put(path, label, check)
			}
			continue
		}
		if ports--; ports < 0 {
			return
		}
		path.Probe = p.connect(f, end, path.Target.Port, port.Name, port.AppProtocol)
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
	if reason := p.unusable(svc, end, f); reason != "" {
		path.Skip = reason
		p.put(path, label, "")
	} else {
		p.ask(host, source, f, svc)
	}
	for _, port := range svc.Ports {
		if !speaksHTTP(port.Name, port.AppProtocol, port.Port) || port.Protocol == "UDP" {
			continue
		}
		path := newPath(trace.Web, f, source, end)
		path.Target.Port = uint16(port.Port)
		if path.Skip = cmp.Or(p.unusable(svc, end, f), p.lacking(f, source)); path.Skip == "" {
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
func (p *planner) connect(f inspect.Family, to trace.Endpoint, port uint16, name, application string) trace.Probe {
	probe := trace.Probe{Check: trace.TCP, Family: f, Target: to.IP, Port: port, Timeout: p.req.Timeout}
	if speaksHTTP(name, application, int32(port)) {
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

// serve predicts the way to a service and back. Any of several endpoints may answer.
func (p *planner) serve(path *trace.Planned, svc *inspect.Service, port string, f inspect.Family) {
	w := p.newWay(f)
	w.take(w.walker.Leave(path.Source))
	path.Expect.Endpoints = w.throughService(path.Source, path.Target, svc, port)
	w.settle(path)
}

// throughService goes from a pod's node to the endpoints of a service, and back into the pod.
func (w *way) throughService(source, target trace.Endpoint, svc *inspect.Service, port string) []trace.Endpoint {
	ready, total := w.endpoints(svc, port, w.family)
	hop := trace.Hop{Node: source.Node, Component: trace.ComponentService, Action: "translated"}
	if reason := w.s.Lacks(inspect.FactEndpointSlices, ""); reason != "" {
		hop.Action, hop.Detail = "unknown", reason
	} else if len(ready) == 0 {
		hop.Action, hop.Detail = "refused", "no ready endpoint"
		hop.Problem = trace.Cause(trace.NoEndpoint, "",
			trace.Kubectl("get", "endpointslices", "-n", svc.Namespace, "-l", "kubernetes.io/service-name="+svc.Name),
			"service %s/%s has no ready %s endpoint%s", svc.Namespace, svc.Name, w.family, notReady(total))
	} else {
		hop.Detail = fmt.Sprintf("%s: %s -> %s", w.balancer(source.Node), socket(target), listed(ready))
	}
	w.hops = append(w.hops, hop)
	if len(ready) == 1 {
		w.take(w.walker.RoundTrip(source, ready[0]))
		return ready
	}
	for _, e := range ready[:min(len(ready), shownEndpoints)] {
		w.hops = append(w.hops, w.branch(source, e))
	}
	w.hops = append(w.hops, trace.Hop{Node: source.Node, Component: trace.ComponentService, Action: "translated back", Return: true,
		Detail: "source " + socket(target)})
	w.take(w.walker.Return(source))
	return ready
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
	one.take(one.walker.RoundTrip(source, e))
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

func notReady(total int) string {
	if total == 0 {
		return ""
	}
	return fmt.Sprintf(": %d not ready", total)
}

func socket(e trace.Endpoint) string {
	if e.IP.Is6() {
		return fmt.Sprintf("[%s]:%d", e.IP, e.Port)
	}
	return fmt.Sprintf("%s:%d", e.IP, e.Port)
}

func listed(all []trace.Endpoint) string {
	var names []string
	for _, e := range all[:min(len(all), shownEndpoints)] {
		names = append(names, socket(e))
	}
	if rest := len(all) - len(names); rest > 0 {
		names = append(names, fmt.Sprintf("%d more", rest))
	}
	if len(names) == 1 {
		return names[0]
	}
	return "one of " + strings.Join(names, ", ")
}

// endpoints are the ready endpoints of a service's port in a family, and how many there are in all.
func (p *planner) endpoints(svc *inspect.Service, port string, f inspect.Family) (ready []trace.Endpoint, total int) {
	for _, slice := range p.s.EndpointSlices {
		if slice.Namespace != svc.Namespace || slice.Service != svc.Name || slice.Family != f {
			continue
		}
		number, ok := portOf(slice.Ports, port)
		if !ok {
			continue
		}
		for _, e := range slice.Endpoints {
			total += len(e.Addresses)
			if !e.Ready {
				continue
			}
			for _, ip := range e.Addresses {
				end := trace.Endpoint{Kind: trace.Pod, Namespace: slice.Namespace, Name: e.Pod, Node: e.Node, IP: ip, Port: number}
				if pod := p.pods[ip]; pod != nil {
					end.Interface = p.podEnd(pod, f).Interface
				} else if name := p.ground.Hosts[ip]; name != "" {
					end = trace.Endpoint{Kind: trace.Node, Name: cmp.Or(e.Pod, name), Node: name, IP: ip, Port: number}
				}
				ready = append(ready, end)
			}
		}
	}
	slices.SortFunc(ready, func(a, b trace.Endpoint) int { return a.IP.Compare(b.IP) })
	return slices.CompactFunc(ready, func(a, b trace.Endpoint) bool { return a.IP == b.IP }), total
}

func portOf(ports []inspect.EndpointPort, name string) (uint16, bool) {
	for _, p := range ports {
		if p.Name == name && p.Protocol != "UDP" && p.Protocol != "SCTP" {
			return uint16(p.Port), true
		}
	}
	return 0, false
}
