package judge

import (
	"cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// Counters are what the counters of nodes showed before and after probes were under way.
type Counters struct {
	Before, After trace.Readings
	Missing       []inspect.Missing // the nodes that could not be read, and why
	// Noise is by how much counters would have moved without the probes, as far as that was measured.
	Noise trace.Readings
}

// moved returns by how much a counter moved. A counter that went back, as where a device was made anew, tells nothing.
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

// least is the least number of packets that an answered probe sends, or gets back. TCP and HTTP may take more.
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

// Round is a set of probes that were under way at once, with the counters around it.
type Round struct {
	Counters
	load trace.Readings // the least that the answered probes together must have moved
}

// NewRound sums up what the packets of probed paths must have moved.
func NewRound(paths []trace.Probed, c Counters) *Round {
	r := &Round{Counters: c, load: trace.Readings{}}
	for i := range paths {
		for _, hop := range paths[i].Hops {
			if hop.Meter != nil {
				r.load[*hop.Meter] += least(paths[i].Probe, paths[i].Result, hop.Return)
			}
		}
	}
	return r
}

// counts are the counters along an answered path. The second result says what keeps them from being evidence.
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
				trace.Quantity(packets, "packet")+", the probes took "+trace.Quantity(want, "packet"))
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
			notes = append(notes, meterText(m)+" moved by "+trace.Quantity(packets, "packet")+
				", which this path does not need: other traffic uses it")
		}
		counts = append(counts, trace.Count{Meter: m, Packets: packets, Want: want, Still: true})
	}
	return counts, notes, lacking
}
