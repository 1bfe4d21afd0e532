package judge

import (
	"cmp"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// Counters are the counters of nodes before and after probes.
type Counters struct {
	Before, After trace.Readings
	Missing       []inspect.Missing // the nodes that could not be read, and why
	// Noise is how much the counters move with no probe running; nil where it was not measured.
	Noise trace.Readings
}

// moved returns how much a counter moved. A counter that went back, such as that of a recreated device, tells nothing.
func (c Counters) moved(m trace.Meter) (uint64, bool) {
	before, ok := c.Before[m]
	if !ok {
		return 0, false
	}
	after, ok := c.After[m]
	if !ok || after < before {
		return 0, false
	}
	return after - before, true
}

// unread says why a counter tells nothing.
func (c Counters) unread(m trace.Meter) string {
	for _, missing := range c.Missing {
		if missing.Node == m.Node || missing.Node == "" {
			return missing.Reason
		}
	}
	return "the counters of " + m.Device + " on " + m.Node + " could not be read"
}

// least is the least number of packets that an answered probe sends or receives. TCP and HTTP may use more.
func least(probe trace.Probe, result *trace.Result, back bool) uint64 {
	switch {
	case result == nil || !result.Answered:
		return 0
	case probe.Check == trace.Ping:
		return uint64(max(result.Received, 1))
	case probe.Check == trace.TCP && !back:
		return 2 // SYN, ACK
	case probe.Check == trace.Get && !back:
		return 3 // SYN, ACK, the request
	case probe.Check == trace.Get:
		return 2 // SYN and ACK, the response
	}
	return 1
}

// stray is how many other packets the cable of a quiet pod may see: ARP, neighbour discovery, a check of the kubelet.
const stray = 16

// atMost is more packets than a probe sends or receives with any tool, including DNS questions for its name.
func atMost(probe trace.Probe) uint64 {
	names := 0
	if probe.Host != "" {
		names = 24 // A and AAAA, twice, for each domain of a search list
	}
	switch probe.Check {
	case trace.Ping:
		return uint64(max(probe.Count, 1) + names)
	case trace.TCP:
		return uint64(8 + names)
	default:
		return uint64(24 + names)
	}
}

// Round is a set of concurrent probes, with the counters before and after.
type Round struct {
	Counters
	load trace.Readings // the least movement that all answered probes cause
	most trace.Readings // the most movement that all probes can cause
}

// NewRound sums up how much the probed paths' packets move the counters.
func NewRound(paths []trace.Probed, c Counters) *Round {
	r := &Round{Counters: c, load: trace.Readings{}, most: trace.Readings{}}
	for i := range paths {
		p := &paths[i]
		for _, hop := range p.Hops {
			if hop.Meter != nil {
				r.load[*hop.Meter] += least(p.Probe, p.Result, hop.Return)
				r.most[*hop.Meter] += atMost(p.Probe)
			}
		}
	}
	return r
}

// proven reports whether there is evidence that other traffic cannot give: the answer itself, or the cable of a quiet
// pod. Counters of shared devices, such as the wire or a tunnel, can contradict a path but never prove one.
func (r *Round) proven(p *trace.Path) bool {
	switch {
	case p.Probe.Check == trace.Ping && (p.Expect.TTL != 0 || beyond(p)): // judgeTTL has compared it
	case p.Probe.Check == trace.Ask && len(p.Expect.Answers) > 0: // wrongAnswer has compared them
	case p.Evidence.Endpoint != "":
	case p.Source.Kind == trace.Node && !slices.ContainsFunc(p.Hops, onCable): // there is no cable of a pod on the way: the answer is all there can be
	default:
		return slices.ContainsFunc(p.Hops, func(hop trace.Hop) bool {
			return onCable(hop) && r.tells(*hop.Meter)
		})
	}
	return true
}

// onCable reports whether a hop counts on the cable of a pod.
func onCable(hop trace.Hop) bool { return hop.Component == trace.ComponentVeth && hop.Meter != nil }

// tells reports whether only the probes can have moved a counter so.
func (r *Round) tells(m trace.Meter) bool {
	packets, ok := r.moved(m)
	if r.Noise != nil {
		return ok && packets >= r.load[m]+r.Noise[m]
	}
	return ok && packets >= r.load[m] && packets <= r.most[m]+stray
}

// counts are the counters along an answered path. The second result says why they are no evidence.
func (r *Round) counts(p *trace.Path) (counts []trace.Count, notes []string, lacking string) {
	for _, hop := range p.Hops {
		if hop.Meter == nil {
			continue
		}
		packets, ok := r.moved(*hop.Meter)
		want := r.load[*hop.Meter]
		switch {
		case !ok:
			lacking = cmp.Or(lacking, "no evidence of the way: "+r.unread(*hop.Meter))
			continue
		case packets < want:
			lacking = cmp.Or(lacking, "no evidence of the way: "+meterText(*hop.Meter)+" moved by "+
				inspect.Quantity(packets, "packet")+", the probes took "+inspect.Quantity(want, "packet"))
		}
		counts = append(counts, trace.Count{Meter: *hop.Meter, Packets: packets, Want: want})
	}
	metered := len(counts) > 0
	for _, m := range p.Expect.Still {
		packets, ok := r.moved(m)
		want := least(p.Probe, p.Result, false)
		switch {
		case !ok:
			lacking = cmp.Or(lacking, "no evidence of the way: "+r.unread(m))
			continue
		case packets >= want && r.load[m] > 0:
			continue // other probes of the round go there: it tells nothing about this one
		case packets >= want && !metered:
			lacking = cmp.Or(lacking, "no evidence of the way: "+meterText(m)+" moved, which a direct path does not need")
		case packets >= want:
			notes = append(notes, meterText(m)+" moved by "+inspect.Quantity(packets, "packet")+
				", which this path does not need: other traffic uses it")
		}
		counts = append(counts, trace.Count{Meter: m, Packets: packets, Want: want, Still: true})
	}
	return counts, notes, lacking
}
