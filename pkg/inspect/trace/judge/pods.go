package judge

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// PodFooting is what the network of a pod has for the address that it has in a path.
type PodFooting struct {
	Pod trace.Endpoint
	trace.Footing
}

// footing is a pod that cannot send in a family, whatever its node and the network do: it does not hold its address, or has no way out.
func footing(f *Findings, _ gap) *inspect.Finding {
	for _, p := range f.Footings {
		if cause := p.Fault(f.Path.Family); cause != nil {
			return cause
		}
	}
	return nil
}

// Fault says what a pod's network lacks, or nil.
func (p PodFooting) Fault(f inspect.Family) *inspect.Finding {
	table, routes := "/proc/net/if_inet6", "/proc/net/ipv6_route"
	if f == inspect.IPv4 {
		table, routes = "/proc/net/fib_trie", "/proc/net/route"
	}
	switch {
	case !p.Held:
		return trace.Cause(trace.AddressLost, p.Pod.Node, trace.InPod(p.Pod.Namespace, p.Pod.Name, "cat", table),
			"pod %s does not hold its address %s: Calico gave it, and something in the pod took it away", p.Pod.Name, p.Pod.IP)
	case p.Tentative:
		return trace.Cause(trace.AddressLost, p.Pod.Node, trace.InPod(p.Pod.Namespace, p.Pod.Name, "cat", table),
			"pod %s may not use its address %s yet: it is tentative, or another machine has it", p.Pod.Name, p.Pod.IP)
	case !p.Default:
		return trace.Cause(trace.NoRoute, p.Pod.Node, trace.InPod(p.Pod.Namespace, p.Pod.Name, "cat", routes),
			"pod %s has no %s default route: Calico gave it one, and something in the pod took it away", p.Pod.Name, f)
	default:
		return nil
	}
}

// notListening is a pod that does not accept connections in this family.
func notListening(f *Findings, _ gap) *inspect.Finding {
	p := &f.Path
	if p.Probe.Check != trace.TCP && p.Probe.Check != trace.Get {
		return nil
	}
	for _, l := range f.Listening {
		here, there := l.IPv4, l.IPv6
		wildcard, other, table := "[::]", "IPv6", "tcp"
		if p.Family == inspect.IPv6 {
			here, there = l.IPv6, l.IPv4
			wildcard, other, table = "0.0.0.0", "IPv4", "tcp6"
		}
		if here {
			continue
		}
		show := trace.InPod(l.Pod.Namespace, l.Pod.Name, "cat", "/proc/net/"+table)
		if there {
			return trace.Cause(trace.NotListening, l.Pod.Node, show, "pod %s listens on port %d in %s only (%s): /proc/net/%s has no listener",
				l.Pod.Name, l.Port, other, wildcard, table)
		}
		return trace.Cause(trace.NotListening, l.Pod.Node, show, "nothing listens on port %d of pod %s", l.Port, l.Pod.Name)
	}
	if p.Result.Refused {
		return trace.Cause(trace.NotListening, p.Target.Node, "", "%s refuses the connection", targetText(p))
	}
	return nil
}
