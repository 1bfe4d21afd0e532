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

// shownEndpoints is how many endpoints of a service the plan follows.
const shownEndpoints = 8

// backends are the endpoints of a service's port in a family.
type backends struct {
	ready []trace.Endpoint // those that nodes send to, by address
	total int              // of all, ready or not
	// ending is set if none is ready, and those in ready serve while they terminate (KEP-1669).
	ending bool
}

// on keeps those on a node, for a traffic policy Local.
func (b backends) on(node string) backends {
	b.ready = slices.DeleteFunc(slices.Clone(b.ready), func(e trace.Endpoint) bool { return e.Node != node })
	return b
}

// endpoints are the endpoints of a service's port in a family.
func (p *planner) endpoints(svc *inspect.Service, port string, f inspect.Family) backends {
	var b backends
	var ending []trace.Endpoint
	for _, slice := range p.s.EndpointSlices {
		if slice.Namespace != svc.Namespace || slice.Service != svc.Name || slice.Family != f {
			continue
		}
		number, ok := portOf(slice.Ports, port)
		if !ok {
			continue
		}
		for _, e := range slice.Endpoints {
			b.total += len(e.Addresses)
			for _, ip := range e.Addresses {
				end := p.backend(slice.Namespace, e, ip, number)
				switch {
				case e.Ready:
					b.ready = append(b.ready, end)
				case e.Ends:
					ending = append(ending, end)
				}
			}
		}
	}
	if len(b.ready) == 0 && len(ending) > 0 {
		b.ready, b.ending = ending, true
	}
	slices.SortFunc(b.ready, func(a, b trace.Endpoint) int { return a.IP.Compare(b.IP) })
	b.ready = slices.CompactFunc(b.ready, func(a, b trace.Endpoint) bool { return a.IP == b.IP })
	return b
}

// backend is an address of an endpoint as an end of a path.
func (p *planner) backend(namespace string, e inspect.Endpoint, ip netip.Addr, port uint16) trace.Endpoint {
	end := trace.Endpoint{Kind: trace.Pod, Namespace: namespace, Name: e.Pod, Node: e.Node, IP: ip, Port: port}
	if pod := p.pods[ip]; pod != nil {
		end.Interface = p.podEnd(pod, inspect.FamilyOf(ip)).Interface
	} else if name := p.ground.Hosts[ip]; name != "" {
		end = trace.Endpoint{Kind: trace.Node, Name: cmp.Or(e.Pod, name), Node: name, IP: ip, Port: port}
	}
	return end
}

func portOf(ports []inspect.EndpointPort, name string) (uint16, bool) {
	for _, p := range ports {
		if p.Name == name && p.Protocol != "UDP" && p.Protocol != "SCTP" {
			return uint16(p.Port), true
		}
	}
	return 0, false
}

func socket(e trace.Endpoint) string {
	if e.IP.Is6() {
		return fmt.Sprintf("[%s]:%d", e.IP, e.Port)
	}
	return fmt.Sprintf("%s:%d", e.IP, e.Port)
}

// String lists the sockets of endpoints.
func (b backends) String() string {
	var names []string
	for _, e := range b.ready[:min(len(b.ready), shownEndpoints)] {
		names = append(names, socket(e))
	}
	if rest := len(b.ready) - len(names); rest > 0 {
		names = append(names, fmt.Sprintf("%d more", rest))
	}
	text := strings.Join(names, ", ")
	if len(names) > 1 {
		text = "one of " + text
	}
	if b.ending {
		text += " (no endpoint is ready: these serve while they terminate)"
	}
	return text
}
