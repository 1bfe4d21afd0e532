package judge

import (
	"fmt"
	"strconv"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// gap is where the packets of a path are lost: between the last counter that they moved and the first one still.
// The indices are those of the path's hops.
type gap struct {
	last   int // -1: none moved
	silent int // -1: no counter is known to be still
	unread bool
	noisy  bool // other traffic moved the counters in between as much
}

// findGap looks along the path, there and back, for the first counter that the packets of a probe did not move.
// Half of the packets on top of the noise prove that they pass; fewer than half, without the noise, that they do not.
// Anything in between proves nothing.
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

// lostInGap explains a loss by its place, when nothing in the tables explains it.
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
		return trace.Cause(trace.Unknown, "", "", "it is lost between %s and %s; what is between them could not be read",
			meterText(*from.Meter), meterText(*to.Meter))
	case !from.Return && to.Return:
		return silentTarget(f, g)
	case from.Node != to.Node && g.noisy && from.Component == trace.ComponentVeth:
		return lostAmongNoise(f, from, to)
	case from.Node != to.Node:
		return underlay(from, to)
	case to.Component == trace.ComponentVeth || to.Component == trace.ComponentPod:
		return dropped(f, to, "arrives at the node, and is not delivered to the pod")
	case to.Component == trace.ComponentUnderlay && !to.Return && p.Target.Kind != trace.Pod && !f.selected():
		return notResolved(p, to)
	case from.Component != trace.ComponentVeth:
		return dropped(f, to, "arrives at the node, and is not sent on")
	default:
		return dropped(f, to, "leaves the pod, and is not sent on by the node")
	}
}

// lostAmongNoise is a loss between two pods, where the counters between them tell nothing.
func lostAmongNoise(f *Findings, from, to trace.Hop) *inspect.Finding {
	if f.selected() {
		return dropped(f, to, "is not delivered to the pod")
	}
	return trace.Cause(trace.Unknown, "", "", "it is lost between %s and %s; the devices between them carry too much other traffic to tell where",
		meterText(*from.Meter), meterText(*to.Meter))
}

// notResolved is a node that sends nothing out of the cluster. It looks the same if no machine on the wire answers for the
// next hop.
func notResolved(p *trace.Path, to trace.Hop) *inspect.Finding {
	return trace.Cause(trace.Unreachable, to.Node, trace.OnNode(to.Node, "ip", ipFlag(p.Family), "neigh", "show", "dev", to.Meter.Device),
		"%s sends nothing through %s to %s: no neighbour answers for it, or a firewall drops it", to.Node, to.Meter.Device, targetText(p))
}

// notSent is a probe that moved no counter.
func notSent(p *trace.Path, hop trace.Hop) *inspect.Finding {
	cause := trace.Cause(trace.NoRoute, hop.Node, podCommand(p.Source, "ip", ipFlag(p.Family), "route"), "%s leaves %s",
		nothing(hop.Return), sourceText(p.Source))
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

// packet names the lost packet: the request, or its answer.
func packet(back bool) string {
	if back {
		return "the answer"
	}
	return "the request"
}

// underlay is a loss between two nodes.
func underlay(from, to trace.Hop) *inspect.Finding {
	filter, port := []string{"tcpdump", "-ni", "any"}, ""
	if from.UDPPort != 0 {
		port = fmt.Sprintf(": the network between the nodes does not carry UDP port %d", from.UDPPort)
		filter = append(filter, "udp", "port", strconv.Itoa(from.UDPPort))
	}
	return trace.Cause(trace.UnderlayBlocks, to.Node, trace.OnNode(to.Node, filter...), "%s is sent by %s on %s, and does not arrive on %s%s",
		packet(to.Return), from.Meter.Device, from.Node, to.Node, port)
}

// dropped is a loss within a node whose tables are right: something filters.
func dropped(f *Findings, to trace.Hop, where string) *inspect.Finding {
	who, show := filters(f, to.Node)
	return trace.Cause(trace.PolicyDrops, to.Node, show, "%s %s: %s", packet(to.Return), where, who)
}

// silentTarget is a request that arrived without an answer.
func silentTarget(f *Findings, g gap) *inspect.Finding {
	p := &f.Path
	if g.last < 0 && g.silent < 0 && !p.Target.IP.IsValid() {
		return nil
	}
	who := targetText(p)
	switch {
	case p.Probe.Check == trace.Ask:
		return trace.Cause(trace.DNSSilent, "", digCommand(p), "the DNS server does not answer")
	case (p.Target.Kind == trace.Outside || p.Target.Kind == trace.Switch) && !translated(p):
		return trace.Cause(trace.NoReturn, p.Source.Node, trace.Kubectl("get", "ippools", "-o", "custom-columns=CIDR:.spec.cidr,NAT:.spec.natOutgoing"),
			"%s does not answer: the source address is not translated (natOutgoing), so it needs a route back to %s", who, addressText(p.Source))
	case g.silent < 0 && g.last >= 0 && p.Hops[g.last].Return:
		return trace.Cause(trace.Unknown, "", "", "the answer reaches the pod's cable, and not the program that waits for it")
	case g.last >= 0:
		return trace.Cause(trace.Unreachable, "", "", "the request is sent to %s, which does not answer", who)
	default:
		return trace.Cause(trace.Unreachable, "", "", "%s does not answer", who)
	}
}

// translated reports whether a node translates the source address on the way.
func translated(p *trace.Path) bool {
	for _, hop := range p.Hops {
		if hop.Component == trace.ComponentNAT && !hop.Return {
			return hop.Problem == nil
		}
	}
	return false
}
