package judge

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// gap is where the packets of a path are lost: between the last counter that they moved and the first that they did not.
// The indices are those of the path's hops.
type gap struct {
	last   int // -1: none moved
	silent int // -1: none is known to have stood still
	unread bool
	noisy  bool // between them are counters that other traffic moved as much
}

// findGap looks along the path, there and back, for the first counter that the packets of a probe did not move.
// Half of the packets, beside the noise, are enough to tell that they pass; fewer than half tell that they do not. What is
// between says nothing.
func findGap(p *trace.Path, c Counters, tries int) gap {
	g := gap{last: -1, silent: -1}
	sent := max(tries, 1)
	if p.Probe.Check == trace.Ping {
		sent = max(sent, p.Result.Sent)
	}
	need := uint64(sent+1) / 2
	for i, hop := range p.Hops {
		if hop.Meter == nil {
			continue
		}
		packets, ok := c.moved(*hop.Meter)
		switch {
		case !ok:
			g.unread = true
		case packets >= need+c.Noise[*hop.Meter]:
			g.last, g.unread, g.noisy = i, false, false
		case packets >= need:
			g.noisy = true
		default:
			g.silent = i
			return g
		}
	}
	return g
}

// lostInGap explains a loss by where it is, when nothing in the tables does.
func lostInGap(f *Findings, g gap) *inspect.Finding {
	p := &f.Path
	switch {
	case g.silent < 0:
		return silentTarget(f, g)
	case g.last < 0:
		return notSent(p, p.Hops[g.silent])
	}
	from, to := p.Hops[g.last], p.Hops[g.silent]
	switch {
	case g.unread:
		return &inspect.Finding{Severity: inspect.SeverityError, Code: trace.Unknown, Summary: fmt.Sprintf("it is lost between %s and %s; what is between them "+
			"could not be read", meterText(*from.Meter), meterText(*to.Meter))}
	case !from.Return && to.Return:
		return silentTarget(f, g)
	case from.Node != to.Node && g.noisy && from.Component == trace.ComponentVeth:
		return lostAmongNoise(f, from, to)
	case from.Node != to.Node:
		return underlay(from, to)
	case to.Component == trace.ComponentVeth || to.Component == trace.ComponentPod:
		return dropped(f, to, "arrives at the node, and is not delivered to the pod")
	case to.Component == trace.ComponentUnderlay && !to.Return && p.Target.Kind != trace.Pod && len(f.Policies) == 0:
		return notResolved(p, to)
	case from.Component != trace.ComponentVeth:
		return dropped(f, to, "arrives at the node, and is not sent on")
	default:
		return dropped(f, to, "leaves the pod, and is not sent on by the node")
	}
}

// lostAmongNoise is a loss on the way from pod to pod, whose counters in between tell nothing.
func lostAmongNoise(f *Findings, from, to trace.Hop) *inspect.Finding {
	if len(f.Policies) > 0 {
		return dropped(f, to, "is not delivered to the pod")
	}
	return &inspect.Finding{Severity: inspect.SeverityError, Code: trace.Unknown, Summary: fmt.Sprintf("it is lost between %s and %s; what is between them carries too much else "+
		"to tell where", meterText(*from.Meter), meterText(*to.Meter))}
}

// notResolved is a node that sends nothing to what is outside. That is how it looks, too, when nobody on the wire answers
// for the next hop.
func notResolved(p *trace.Path, to trace.Hop) *inspect.Finding {
	return &inspect.Finding{Severity: inspect.SeverityError, Code: trace.Unreachable, Node: to.Node,
		Summary: fmt.Sprintf("%s sends nothing through %s to %s: no neighbour answers for it, or a firewall drops it", to.Node,
			to.Meter.Device, targetText(p)),
		Command: trace.OnNode(to.Node, "ip", ipFlag(p.Family), "neigh", "show", "dev", to.Meter.Device)}
}

// notSent is a probe that no counter has seen.
func notSent(p *trace.Path, hop trace.Hop) *inspect.Finding {
	cause := &inspect.Finding{Severity: inspect.SeverityError, Code: trace.NoRoute, Node: hop.Node,
		Summary: fmt.Sprintf("%s leaves pod %s", nothing(hop.Return), p.Source.Name),
		Command: podCommand(p.Source, "ip", ipFlag(p.Family), "route")}
	if !p.Result.NoRoute {
		cause.Code = trace.Unknown
	}
	return cause
}

func nothing(back bool) string {
	if back {
		return "no answer"
	}
	return "nothing"
}

// packet names what is lost: the question, or the answer to it.
func packet(back bool) string {
	if back {
		return "the answer"
	}
	return "the request"
}

// underlay is a loss between two nodes.
func underlay(from, to trace.Hop) *inspect.Finding {
	message := fmt.Sprintf("%s is sent by %s on %s, and does not arrive on %s", packet(to.Return), from.Meter.Device,
		from.Node, to.Node)
	filter := []string{"tcpdump", "-ni", "any"}
	if from.UDPPort != 0 {
		message += fmt.Sprintf(": the network between the nodes does not carry UDP port %d", from.UDPPort)
		filter = append(filter, "udp", "port", strconv.Itoa(from.UDPPort))
	}
	return &inspect.Finding{Severity: inspect.SeverityError, Code: trace.UnderlayBlocks, Node: to.Node, Summary: message, Command: trace.OnNode(to.Node, filter...)}
}

// dropped is a loss within a node whose tables are in order: something filters.
func dropped(f *Findings, to trace.Hop, where string) *inspect.Finding {
	cause := &inspect.Finding{Severity: inspect.SeverityError, Code: trace.PolicyDrops, Node: to.Node,
		Summary: fmt.Sprintf("%s %s: a network policy or a firewall drops it", packet(to.Return), where)}
	if len(f.Policies) > 0 {
		cause.Summary += " (" + listed(f.Policies) + ")"
	}
	namespace := cmp.Or(f.Path.Target.Namespace, f.Path.Source.Namespace)
	cause.Command = trace.Kubectl("get", "networkpolicies", "-n", namespace)
	if len(f.Policies) == 0 {
		cause.Command = trace.OnNode(to.Node, iptables(f.Path.Family), "-L", "FORWARD", "-nv")
	}
	return cause
}

// silentTarget is a request that went all the way, with no answer on the way back.
func silentTarget(f *Findings, g gap) *inspect.Finding {
	p := &f.Path
	if g.last < 0 && g.silent < 0 && !p.Target.IP.IsValid() {
		return nil
	}
	who := targetText(p)
	switch {
	case p.Probe.Check == trace.Ask:
		return &inspect.Finding{Severity: inspect.SeverityError, Code: trace.DNSSilent, Summary: "the DNS server does not answer", Command: digCommand(p)}
	case (p.Target.Kind == trace.Outside || p.Target.Kind == trace.Switch) && !translated(p):
		return &inspect.Finding{Severity: inspect.SeverityError, Code: trace.NoReturn, Node: p.Source.Node, Summary: fmt.Sprintf("%s does not answer: the "+
			"source address is not translated (natOutgoing), so it needs a route back to %s", who, addressText(p.Source)),
			Command: trace.Kubectl("get", "ippools", "-o", "custom-columns=CIDR:.spec.cidr,NAT:.spec.natOutgoing")}
	case g.silent < 0 && g.last >= 0 && p.Hops[g.last].Return:
		return &inspect.Finding{Severity: inspect.SeverityError, Code: trace.Unknown, Summary: "the answer reaches the pod's cable, and not the program that waits for it"}
	case g.last >= 0:
		return &inspect.Finding{Severity: inspect.SeverityError, Code: trace.Unreachable, Summary: fmt.Sprintf("the request is sent to %s, which does not answer", who)}
	default:
		return &inspect.Finding{Severity: inspect.SeverityError, Code: trace.Unreachable, Summary: who + " does not answer"}
	}
}

// translated reports whether the source address is translated on the way.
func translated(p *trace.Path) bool {
	for _, hop := range p.Hops {
		if hop.Component == trace.ComponentNAT && !hop.Return {
			return hop.Problem == nil
		}
	}
	return false
}
