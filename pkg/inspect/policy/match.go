package policy

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico/selector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// maybeAbout notes what a maybe is about.
func (w *walk) maybeAbout(what string) answer {
	if w.doubt == "" {
		w.doubt = what
	}
	return maybe
}

// selects reports whether a policy selects the pod of the walk.
func (w *walk) selects(p *inspect.Policy) answer {
	if p.Unread {
		return w.maybeAbout(p.String() + " could not be read")
	}
	if p.Namespace != "" && p.Namespace != w.pod.Namespace {
		return no
	}
	a := w.evaluate(p.Calico, p.Selector, w.labels(p.Calico, w.pod))
	if p.Namespaces != "" {
		a = a.and(w.inNamespaces(p.Calico, p.Namespaces, w.pod.Namespace))
	}
	if p.ServiceAccounts != "" {
		a = a.and(w.accounts(p.ServiceAccounts))
	}
	return a
}

// evaluate evaluates a selector. One that cannot be read may select anything.
func (w *walk) evaluate(calico bool, text string, set map[string]string) answer {
	if calico {
		ok, err := selector.Selects(text, set)
		if err != nil {
			return w.maybeAbout("its " + err.Error())
		}
		return is(ok)
	}
	s, err := labels.Parse(text)
	if err != nil {
		return w.maybeAbout("its selector " + strconv.Quote(text) + " makes no sense")
	}
	return is(s.Matches(labels.Set(set)))
}

// accounts evaluates a selector of service accounts, whose labels are not read.
func (w *walk) accounts(text string) answer {
	if text == "all()" {
		return yes
	}
	return w.maybeAbout("it selects by the labels of service accounts, which are not read")
}

// inNamespaces evaluates a selector of namespaces.
func (w *walk) inNamespaces(calico bool, text, namespace string) answer {
	if calico && text == "all()" || !calico && text == "" {
		return yes
	}
	set, ok := w.set.namespaces[namespace]
	if !ok {
		return w.maybeAbout("the labels of namespace " + namespace + " were not read")
	}
	own := map[string]string{"projectcalico.org/name": namespace}
	maps.Copy(own, set)
	return w.evaluate(calico, text, own)
}

// labels are the labels of a pod. For Calico's selectors, they include those that Calico adds
// (libcalico-go/lib/backend/k8s/conversion/workload_endpoint_default.go) and those of its namespace's profile.
func (w *walk) labels(calico bool, p *inspect.Pod) map[string]string {
	if !calico {
		return p.Labels
	}
	own := map[string]string{}
	for key, value := range w.set.namespaces[p.Namespace] {
		own["pcns."+key] = value
	}
	maps.Copy(own, p.Labels)
	own["projectcalico.org/namespace"], own["projectcalico.org/orchestrator"] = p.Namespace, "k8s"
	if p.ServiceAccount != "" {
		own["projectcalico.org/serviceaccount"] = p.ServiceAccount
	}
	return own
}

// matches reports whether a rule matches the connection of the walk.
func (w *walk) matches(p *inspect.Policy, r *inspect.PolicyRule) answer {
	a := is(r.Family.Matches(w.flow.Family)).and(w.protocol(r))
	if a == no {
		return no
	}
	a = a.and(w.end(p, &r.Source, &w.flow.From, 0, false)).and(w.end(p, &r.Destination, &w.flow.To, w.flow.Port, true))
	if a != no && r.Unread != "" {
		return w.maybeAbout("its rule " + strconv.Itoa(r.Number) + " has " + r.Unread + ", which is not judged here")
	}
	return a
}

// protocol compares the protocol: by name or number, as written.
func (w *walk) protocol(r *inspect.PolicyRule) answer {
	own := w.flow.Protocol
	if own == "ICMP" && w.flow.Family == inspect.IPv6 {
		own = "ICMPv6"
	}
	if r.Protocol != "" && !sameProtocol(r.Protocol, own) || r.NotProtocol != "" && sameProtocol(r.NotProtocol, own) {
		return no
	}
	if r.ICMPType != nil {
		echo := 8 // RFC 792
		if own == "ICMPv6" {
			echo = 128 // RFC 4443
		}
		return is(*r.ICMPType == echo)
	}
	return yes
}

func sameProtocol(a, b string) bool {
	numbers := map[string]string{"icmp": "1", "tcp": "6", "udp": "17", "icmpv6": "58", "sctp": "132", "udplite": "136"}
	number := func(s string) string {
		if n, ok := numbers[strings.ToLower(s)]; ok {
			return n
		}
		return s
	}
	return number(a) == number(b)
}

// end reports whether an end of the connection is what a rule asks for. Only the port of a destination is known.
func (w *walk) end(p *inspect.Policy, want *inspect.PolicyEnd, e *End, port uint16, destination bool) answer {
	a := yes
	if len(want.Nets) > 0 {
		a = is(within(want.Nets, e.IP))
	}
	a = a.and(is(!within(want.NotNets, e.IP)))
	if want.Selected {
		a = a.and(w.chosen(p, want, e))
	}
	if want.NotSelector != "" {
		not := inspect.PolicyEnd{Selector: want.NotSelector, Namespaces: want.Namespaces, OwnNamespace: want.OwnNamespace}
		a = a.and(w.chosen(p, &not, e).not())
	}
	if want.Service != "" {
		a = a.and(w.endpoint(want.Service, e.IP, port, destination))
	}
	if len(want.Ports)+len(want.NotPorts) == 0 {
		return a
	}
	if !destination { // the port of the source is any
		if a == no || len(want.Ports) == 0 {
			return a
		}
		return w.maybeAbout("it asks for ports of the source")
	}
	if len(want.Ports) > 0 {
		a = a.and(is(w.onPort(want.Ports, e, port)))
	}
	return a.and(is(!w.onPort(want.NotPorts, e, port)))
}

func within(nets []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(nets, func(n netip.Prefix) bool { return n.Contains(ip) })
}

// onPort reports whether a port is among those of a rule. Names are those of the ports that a pod declares.
func (w *walk) onPort(ports []inspect.PolicyPort, e *End, port uint16) bool {
	if port == 0 {
		return false
	}
	return slices.ContainsFunc(ports, func(p inspect.PolicyPort) bool {
		if p.Name == "" {
			return port >= p.Min && port <= p.Max
		}
		return e.Pod != nil && slices.ContainsFunc(e.Pod.Ports, func(own inspect.ContainerPort) bool {
			return own.Name == p.Name && own.Port == int32(port) && strings.EqualFold(orTCP(own.Protocol), w.flow.Protocol)
		})
	})
}

func orTCP(protocol string) string {
	if protocol == "" {
		return "TCP"
	}
	return protocol
}

// chosen reports whether selectors choose an end: a pod with a network of its own, or an address in a network set.
func (w *walk) chosen(p *inspect.Policy, want *inspect.PolicyEnd, e *End) answer {
	a := no
	if e.Pod != nil && !e.Pod.HostNetwork {
		a = w.choosesPod(p, want, e.Pod)
	}
	if !p.Calico || len(want.ServiceAccounts) > 0 || want.ServiceAccountSelector != "" {
		return a
	}
	for i := range w.set.sets {
		set := &w.set.sets[i]
		if !within(set.Nets, e.IP) {
			continue
		}
		own := map[string]string{}
		maps.Copy(own, set.Labels)
		in := w.evaluate(true, want.Selector, own)
		switch {
		case want.OwnNamespace:
			in = in.and(is(set.Namespace == p.Namespace))
		case want.Namespaces == "global()":
			in = in.and(is(set.Namespace == ""))
		case want.Namespaces != "" && set.Namespace == "":
			in = no
		case want.Namespaces != "":
			in = in.and(w.inNamespaces(true, want.Namespaces, set.Namespace))
		}
		a = a.or(in)
	}
	return a
}

func (w *walk) choosesPod(p *inspect.Policy, want *inspect.PolicyEnd, pod *inspect.Pod) answer {
	if want.OwnNamespace && pod.Namespace != p.Namespace {
		return no
	}
	a := w.evaluate(p.Calico, want.Selector, w.labels(p.Calico, pod))
	if want.Namespaces != "" {
		a = a.and(w.inNamespaces(p.Calico, want.Namespaces, pod.Namespace))
	}
	if len(want.ServiceAccounts) > 0 {
		in := is(slices.Contains(want.ServiceAccounts, pod.ServiceAccount))
		if pod.ServiceAccount == "" {
			in = w.maybeAbout("the service accounts of pods were not read")
		}
		a = a.and(in)
	}
	if want.ServiceAccountSelector != "" {
		a = a.and(w.accounts(want.ServiceAccountSelector))
	}
	return a
}

// endpoint reports whether an address, and for a destination its port, is an endpoint of a service.
func (w *walk) endpoint(service string, ip netip.Addr, port uint16, destination bool) answer {
	if w.set.slices == nil {
		return w.maybeAbout("the endpoints of service " + service + " were not read")
	}
	for i := range w.set.slices {
		s := &w.set.slices[i]
		if s.Namespace+"/"+s.Service != service {
			continue
		}
		there := slices.ContainsFunc(s.Endpoints, func(e inspect.Endpoint) bool { return slices.Contains(e.Addresses, ip) })
		if there && (!destination || slices.ContainsFunc(s.Ports, func(p inspect.EndpointPort) bool { return p.Port == int32(port) })) {
			return yes
		}
	}
	return no
}
