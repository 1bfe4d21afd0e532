package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// toFrontends plans the paths to a service by its addresses beside the cluster address, or by one of them: node ports on each kind of
// node, and the addresses of load balancers and others that lead to the cluster.
func (p *planner) toFrontends(svc *inspect.Service, source trace.Endpoint, f inspect.Family, only netip.Addr) {
	if !serviceEnd(svc, f).IP.IsValid() {
		return // the path to the cluster address says why
	}
	for i := range svc.Ports {
		port := &svc.Ports[i]
		if !isTCP(port.Protocol) {
			continue
		}
		all := p.endpoints(svc, port.Name, f)
		if port.NodePort != 0 && !only.IsValid() {
			for _, node := range p.entries(all, source.Node) {
				p.toNodePort(svc, port, all, source, node, f)
			}
		}
		found := false
		for _, a := range outside(svc) {
			if inspect.FamilyOf(a.Address) == f && (!only.IsValid() || a.Address == only) {
				p.toOutside(svc, port, all, source, a)
				found = true
			}
		}
		if svc.Type == "LoadBalancer" && !found && !only.IsValid() {
			p.skip(trace.Balancer, f, source, trace.Endpoint{Kind: trace.Svc, Namespace: svc.Namespace, Name: svc.Name}, p.label(serviceEnd(svc, f)),
				fmt.Sprintf("service %s has no %s address of a load balancer", svc.Name, f))
		}
	}
}

// outside are the addresses of a service that are not the cluster's own.
func outside(svc *inspect.Service) []inspect.Frontend {
	var all []inspect.Frontend
	for _, ip := range svc.Ingress {
		all = append(all, inspect.Frontend{Kind: inspect.LoadBalancer, Address: ip})
	}
	for _, ip := range svc.ExternalIPs {
		if !slices.Contains(svc.Ingress, ip) {
			all = append(all, inspect.Frontend{Kind: inspect.ExternalIP, Address: ip})
		}
	}
	return all
}

// entries are the nodes whose node port is tried: one of each kind. They are the source's own, and of the others the first with an
// endpoint, and the first without.
func (p *planner) entries(all backends, own string) []string {
	chosen := []string{own}
	for _, with := range []bool{true, false} {
		i := slices.IndexFunc(p.s.Nodes, func(n inspect.Node) bool {
			has := slices.ContainsFunc(all.ready, func(e trace.Endpoint) bool { return e.Node == n.Name })
			return n.Name != own && n.OS != "windows" && has == with
		})
		if i >= 0 {
			chosen = append(chosen, p.s.Nodes[i].Name)
		}
	}
	return chosen
}

// nodePortEnd is a node at an address on which kube-proxy serves node ports: one in the ranges of nodePortAddresses, where it has any
// of the family. Unserved says that the node has no such address.
func (p *planner) nodePortEnd(name string, f inspect.Family) (end trace.Endpoint, unserved string) {
	end = p.nodeEnd(name, f)
	ranges := p.s.KubeProxy.NodePortRanges(f) // none with "primary", which is the address of nodeEnd
	n := findNode(p.s, name)
	if n == nil || len(ranges) == 0 {
		return end, ""
	}
	for _, ip := range append(slices.Clone(n.InternalIPs), n.Address.Get(f).Addr()) {
		if slices.ContainsFunc(ranges, func(r netip.Prefix) bool { return r.Contains(ip) }) {
			end.IP = ip
			return end, ""
		}
	}
	return end, fmt.Sprintf("node %s has no %s address in kube-proxy's nodePortAddresses", name, f)
}

// nodeEnd is a node as an end of a path, at the address that Kubernetes knows, on which kube-proxy serves node ports in all of its
// modes; or else at Calico's.
func (p *planner) nodeEnd(name string, f inspect.Family) trace.Endpoint {
	end := trace.Endpoint{Kind: trace.Node, Name: name, Node: name}
	n := findNode(p.s, name)
	if n == nil {
		return end
	}
	for _, ip := range n.InternalIPs {
		if inspect.FamilyOf(ip) == f && !end.IP.IsValid() {
			end.IP = ip
		}
	}
	if !end.IP.IsValid() {
		end.IP = n.Address.Get(f).Addr()
	}
	return end
}

// toNodePort plans the path to a node port on a node. With the external traffic policy Local, other nodes than those with an endpoint
// drop what comes from elsewhere, as they should; what is on the node itself reaches every endpoint (KEP-2438).
func (p *planner) toNodePort(
	svc *inspect.Service, port *inspect.ServicePort, all backends, source trace.Endpoint, node string, f inspect.Family,
) {
	end, unserved := p.nodePortEnd(node, f)
	end.Port = uint16(port.NodePort)
	path := newPath(trace.NodePort, f, source, end)
	check := fmt.Sprintf("%s-%d", node, port.NodePort)
	label := p.label(serviceEnd(svc, f))
	local := svc.ExternalTrafficPolicy == "Local" && node != source.Node
	path.Skip = cmp.Or(p.lacking(f, source, end), unserved)
	if path.Skip == "" && local && len(all.ready) > 0 && len(all.on(node).ready) == 0 {
		path.Skip = fmt.Sprintf("node %s has no endpoint of service %s, whose external traffic policy is Local: it drops what comes to the node port",
			node, svc.Name)
	}
	if path.Skip == "" {
		path.Expect.Frontend = &inspect.Frontend{Kind: inspect.NodePort, Node: node, Address: end.IP, Port: end.Port}
		path.Probe = p.connect(end.IP, end.Port, speaksHTTP(port.Name, port.AppProtocol, port.Port))
		p.enter(&path, entry{svc: svc, all: all, local: local, masks: svc.ExternalTrafficPolicy != "Local"})
	}
	p.put(path, label, check)
}

// toOutside plans the path to an address of a service outside of the cluster. The source's own node translates it.
func (p *planner) toOutside(
	svc *inspect.Service, port *inspect.ServicePort, all backends, source trace.Endpoint, at inspect.Frontend,
) {
	f := inspect.FamilyOf(at.Address)
	end := trace.Endpoint{Kind: trace.Svc, Namespace: svc.Namespace, Name: svc.Name, IP: at.Address, Port: uint16(port.Port)}
	path := newPath(trace.Balancer, f, source, end)
	if path.Skip = p.lacking(f, source); path.Skip == "" {
		at.Node, at.Port = source.Node, end.Port
		path.Expect.Frontend = &at
		path.Probe = p.connect(end.IP, end.Port, speaksHTTP(port.Name, port.AppProtocol, port.Port))
		p.enter(&path, entry{svc: svc, all: all, masks: svc.ExternalTrafficPolicy != "Local"})
	}
	p.put(path, p.label(serviceEnd(svc, f)), fmt.Sprintf("%s-%d", at.Address, port.Port))
}

// toHostPorts plans the paths to the ports of a pod on the address of its node, one for each that it declares.
func (p *planner) toHostPorts(pod *inspect.Pod, source trace.Endpoint, f inspect.Family) {
	target := p.podEnd(pod, f)
	for _, port := range pod.Ports {
		if port.HostPort == 0 || pod.HostNetwork || !isTCP(port.Protocol) ||
			port.HostIP.IsValid() && !port.HostIP.IsUnspecified() && inspect.FamilyOf(port.HostIP) != f {
			continue
		}
		end := p.nodeEnd(pod.Node, f)
		if port.HostIP.IsValid() && !port.HostIP.IsUnspecified() {
			end.IP = port.HostIP
		}
		end.Port = uint16(port.HostPort)
		path := newPath(trace.HostPort, f, source, end)
		if path.Skip = p.lacking(f, source, target, end); path.Skip == "" {
			path.Expect.Frontend = &inspect.Frontend{Kind: inspect.HostPort, Node: pod.Node, Address: end.IP, Port: end.Port}
			path.Probe = p.connect(end.IP, end.Port, speaksHTTP(port.Name, "", port.Port))
			target.Port = uint16(port.Port)
			p.enter(&path, entry{all: backends{ready: []trace.Endpoint{target}, total: 1}})
		}
		p.put(path, p.label(target), fmt.Sprintf("%s-%d", pod.Node, port.HostPort))
	}
}

// entry is what a node does with packets for a frontend other than a cluster address.
type entry struct {
	svc   *inspect.Service // nil for a host port
	all   backends
	local bool // only endpoints of the node
	masks bool // it gives its own address to the packets
}

// enter predicts the way to a frontend, from there to the endpoints, and back.
func (p *planner) enter(path *trace.Planned, e entry) {
	path.Source = p.sender(path.Source, path.Target.IP)
	at, source := path.Expect.Frontend, path.Source
	w := p.newWay(path.Family)
	w.take(w.walker.Leave(source))
	seen := source.IP
	if at.Node != source.Node {
		w.take(w.walker.There(source, path.Target))
		seen = cmp.Or(w.walker.Masked(), source.IP)
	}
	var ready []trace.Endpoint
	if e.svc == nil {
		ready = e.all.ready
		w.hops = append(w.hops, trace.Hop{Node: at.Node, Component: trace.ComponentService, Action: "translated",
			Detail: fmt.Sprintf("the CNI plugin portmap: %s -> %s", socket(path.Target), e.all)})
	} else {
		var hop trace.Hop
		hop, ready = w.translation(at.Node, path.Target, e.svc, e.all, e.local)
		if e.masks && len(ready) > 0 {
			hop.Detail += ", source masqueraded"
		}
		w.hops = append(w.hops, hop)
	}
	ready = slices.Clone(ready) // each path has its own view of the sources
	relay := p.nodeEnd(at.Node, path.Family)
	for i := range ready {
		to := &ready[i]
		if to.SeenFrom = seen; e.masks && to.Node != at.Node {
			to.SeenFrom = cmp.Or(p.ground.SourceOn(at.Node, to.IP), relay.IP)
		}
		if i < shownEndpoints {
			from := relay
			from.IP = to.SeenFrom
			w.hops = append(w.hops, w.branch(from, *to))
		}
		if to.SeenFrom == source.IP {
			to.SeenFrom = netip.Addr{}
		}
	}
	w.hops = append(w.hops, translatedBack(at.Node, path.Target))
	path.Expect.Endpoints = ready
	w.take(w.walker.Return(source))
	w.settle(path)
}
