package session

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/judge"
)

// The limits of a diagnosis. Each round takes a probe's whole timeout, since most get no answer.
const (
	maxRounds    = 12
	maxPerRound  = 4
	maxEndpoints = 3 // whose sockets are looked at, for one service
	maxInquiries = 16
)

// Many packets make a loss stand out from the other traffic of a device, such as the kubelet's own probes of a pod.
const (
	volley     = 16 // copies of a probe sent at once
	clearCount = 8  // echo requests of each
)

// suspect is a path that did not pass, with its findings.
type suspect struct {
	at      int // its place among the paths
	planned trace.Planned
	path    trace.Path
	alone   judge.Counters
	tries   int
	like    *suspect // the one that is probed instead of this one; nil: itself
	// known is set if facts at hand explain the path, so that it need not be probed again.
	known bool
	// flows and rule are such facts, once they were asked for.
	flows []judge.Flow
	rule  *inspect.ServiceRule
	asked bool
	// footings are those of the pods at its ends.
	footings []judge.PodFooting
}

// lookedInto reports whether a path was probed again, or facts at hand explain it, or refuse it.
func (s *suspect) lookedInto() bool {
	if s.like != nil && !s.known {
		return s.like.lookedInto()
	}
	return s.tries > 0 || s.known || s.path.Result != nil && s.path.Result.Refused
}

// group holds what paths share if they fail for one reason.
type group struct {
	from, to trace.Endpoint
	family   inspect.Family
	class    trace.Class
	check    trace.Check
	large    bool
}

func groupOf(p *trace.Planned) group {
	g := group{from: trace.Endpoint{Node: p.Source.Node}, to: trace.Endpoint{Node: p.Target.Node}, family: p.Family,
		class: p.Class, check: p.Probe.Check, large: p.Probe.Size > 0}
	if g.to.Node == "" || p.Class.Translated() || p.Class == trace.Name {
		g.to = p.Target
	}
	return g
}

// pingOf is the group of the pings along a path.
func pingOf(p *trace.Planned) group {
	g := groupOf(p)
	g.check = trace.Ping
	return g
}

// diagnose finds out why paths did not pass, and returns all of them with what it found.
func (r *proof) diagnose(ctx context.Context, planned []trace.Planned, paths []trace.Path) ([]trace.Path, error) {
	all := slices.DeleteFunc(suspects(planned, paths), r.beyondProof)
	if len(all) == 0 {
		return paths, nil
	}
	r.options.progress("looking into " + inspect.Quantity(len(all), "path"))
	r.recognize(ctx, all, paths)
	open := slices.DeleteFunc(alone(all), func(s *suspect) bool { return s.known })
	var noise noise
	if len(open) > 0 {
		var err error
		if noise, err = r.listen(ctx, open); err != nil {
			return nil, err
		}
	}
	if err := r.probeAlone(ctx, open, noise); err != nil {
		return nil, err
	}
	// If the path that represents others passes alone, probe each of the others.
	var rest []*suspect
	for _, s := range all {
		if s.like != nil && s.like.path.Verdict == trace.Pass {
			s.like = nil
			rest = append(rest, s)
		}
	}
	if err := r.probeAlone(ctx, rest, noise); err != nil {
		return nil, err
	}
	if err := r.explain(ctx, all, paths); err != nil {
		return nil, err
	}
	return paths, nil
}

// beyondProof reports whether a path was answered, and a node on its way has counters that cannot be read again: it does not answer.
func (r *proof) beyondProof(s *suspect) bool {
	silent := r.prober.Silent()
	return s.path.Verdict == trace.Inconclusive &&
		slices.ContainsFunc(s.planned.Meters(), func(m trace.Meter) bool { return slices.Contains(silent, m.Node) })
}

// recognize marks the suspects that facts at hand explain: the tables contradict the path, a policy denies it, kube-proxy has no rule for its service, its other end
// does not answer at all, or an endpoint of the service cannot be reached from the same node on a path of its own. Probing these again, with the
// counters before and after, would tell nothing new, and takes most of the time of a trace.
func (r *proof) recognize(ctx context.Context, all []*suspect, paths []trace.Path) {
	silent := r.prober.Silent()
	var group errgroup.Group
	group.SetLimit(maxInquiries)
	for _, s := range all {
		p := &s.path
		if p.Verdict != trace.Fail || p.Result == nil || p.Result.Failed != "" {
			continue
		}
		s.known = judge.SilentEnd(p, silent) != "" ||
			slices.ContainsFunc(p.Hops, func(h trace.Hop) bool { return trace.Stops(h.Problem) }) ||
			!p.Result.Refused && unreachedEndpoint(p, paths)
		if s.known || s.like != nil {
			continue
		}
		group.Go(func() error {
			s.rule, s.flows, s.footings, s.asked = r.rule(ctx, p), r.flows(ctx, p), r.footings(ctx, p), true
			s.known = s.rule != nil && !s.rule.There || !p.Result.Refused && judge.Denied(s.flows) ||
				slices.ContainsFunc(s.footings, func(f judge.PodFooting) bool { return f.Fault(p.Family) != nil })
			return nil
		})
	}
	_ = group.Wait() // the functions return none
}

// unreachedEndpoint reports whether a path from the same node to the node of an endpoint failed.
func unreachedEndpoint(p *trace.Path, paths []trace.Path) bool {
	return slices.ContainsFunc(p.Expect.Endpoints, func(e trace.Endpoint) bool {
		return e.Node != "" && slices.ContainsFunc(paths, func(peer trace.Path) bool {
			return peer.Verdict == trace.Fail && peer.Family == p.Family && peer.Source.Node == p.Source.Node && peer.Target.Node == e.Node &&
				len(peer.Expect.Endpoints) == 0
		})
	})
}

// alone are the suspects that are probed themselves.
func alone(all []*suspect) []*suspect {
	return slices.DeleteFunc(slices.Clone(all), func(s *suspect) bool { return s.like != nil })
}

// suspects are the paths that failed without saying why, or were answered without evidence.
func suspects(planned []trace.Planned, paths []trace.Path) []*suspect {
	var all []*suspect
	first := map[group]*suspect{}
	for i, p := range paths {
		unclear := p.Verdict == trace.Inconclusive && p.Result != nil && p.Result.Answered && len(p.Evidence.Counters) > 0
		if p.Verdict != trace.Fail && !unclear || p.Cause != nil {
			continue
		}
		own := groupOf(&planned[i])
		s := &suspect{at: i, planned: planned[i], path: p, like: first[own]}
		if s.like == nil && p.Probe.Check == trace.TCP && p.Result.TimedOut {
			s.like = first[pingOf(&planned[i])] // a fault that stops all packets stops these too
		}
		if s.like == nil {
			first[own] = s
		}
		all = append(all, s)
	}
	return all
}

// probeAlone probes paths again in rounds, in which no two share a device that counts.
func (r *proof) probeAlone(ctx context.Context, suspects []*suspect, n noise) error {
	for _, round := range rounds(suspects) {
		if late(ctx) != nil {
			return nil // the others are explained by what is known
		}
		if err := r.probeRound(ctx, round, n); err != nil {
			return err
		}
	}
	return nil
}

// probeRound sends each probe of a round many times at once, between two readings of the counters.
func (r *proof) probeRound(ctx context.Context, round []*suspect, n noise) error {
	copies := make([]trace.Planned, volley*len(round))
	for i := range copies {
		copies[i] = round[i/volley].planned
		if copies[i].Probe.Check == trace.Ping {
			copies[i].Probe.Count = max(copies[i].Probe.Count, clearCount)
		}
	}
	nodes := nodesOf(copies)
	started := time.Now()
	before, missing := r.prober.Counters(ctx, nodes)
	again, err := r.probe(ctx, copies)
	if err != nil && interrupted(ctx) != nil {
		return err
	}
	after, missingAfter := r.prober.Counters(ctx, nodes)
	if late(ctx) != nil {
		return nil // a round that was cut short proves nothing
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	counters := judge.Counters{Before: before, After: after, Missing: append(missing, missingAfter...), Noise: n.during(time.Since(started))}
	merged, answered := make([]trace.Probed, len(round)), make([]int, len(round))
	for i := range round {
		merged[i], answered[i] = merge(again[i*volley : (i+1)*volley])
	}
	verdicts := judge.NewRound(merged, counters)
	for i, s := range round {
		s.settle(verdicts.Judge(merged[i]), answered[i], counters)
	}
	return nil
}

// merge joins several probes of a path. The path is answered if all of them are: a service with one unreachable endpoint
// answers sometimes. Of the unanswered ones it prefers one with an ICMP error: routers limit these (RFC 4443, 2.4 (f)).
func merge(tries []trace.Probed) (merged trace.Probed, answered int) {
	merged = tries[0]
	sent, received := 0, 0
	for i := range tries {
		res := tries[i].Result
		sent, received = sent+res.Sent, received+res.Received
		switch {
		case res.Answered:
			answered++
		case merged.Result.Answered, merged.Result.Said == "" && res.Said != "":
			merged = tries[i]
		}
	}
	result := *merged.Result
	result.Sent, result.Received = sent, received
	merged.Result = &result
	return merged, answered
}

// settle replaces the first verdict of a path by the second probe's.
func (s *suspect) settle(again trace.Path, answered int, alone judge.Counters) {
	s.alone, s.tries = alone, volley
	again.Probe = s.planned.Probe
	if s.path.Verdict == trace.Fail && again.Verdict == trace.Pass {
		again.Evidence.Notes = append(again.Evidence.Notes, "was not answered at first, beside the other probes")
	}
	if again.Verdict == trace.Fail && answered > 0 {
		again.Evidence.Notes = append(again.Evidence.Notes, fmt.Sprintf("%d of %d tries were answered", answered, volley))
	}
	s.path = again
}

// rounds groups suspects that share no device, apart from the wire.
func rounds(suspects []*suspect) [][]*suspect {
	var all [][]*suspect
	var taken []map[trace.Meter]bool
next:
	for _, s := range suspects {
		own := ownMeters(&s.planned)
		for i := range all {
			if len(all[i]) < maxPerRound && !slices.ContainsFunc(own, func(m trace.Meter) bool { return taken[i][m] }) {
				all[i] = append(all[i], s)
				mark(taken[i], own)
				continue next
			}
		}
		if len(all) == maxRounds {
			continue
		}
		all = append(all, []*suspect{s})
		taken = append(taken, map[trace.Meter]bool{})
		mark(taken[len(taken)-1], own)
	}
	return all
}

func ownMeters(p *trace.Planned) []trace.Meter {
	var own []trace.Meter
	for _, hop := range p.Hops {
		if hop.Meter != nil && hop.Component != trace.ComponentUnderlay {
			own = append(own, *hop.Meter)
		}
	}
	return own
}

func mark(taken map[trace.Meter]bool, meters []trace.Meter) {
	for _, m := range meters {
		taken[m] = true
	}
}

// explain gives a cause to each path that fails, and puts all suspects back among the paths: those between pods and to DNS
// first, since they explain services and names.
func (r *proof) explain(ctx context.Context, suspects []*suspect, paths []trace.Path) error {
	facts := r.inquire(ctx, suspects)
	if err := interrupted(ctx); err != nil {
		return err
	}
	for _, s := range suspects {
		paths[s.at] = s.path
	}
	sessions := r.sessions(ctx, suspects)
	for _, derived := range []bool{false, true} {
		peers := slices.Clone(paths)
		for i, s := range suspects {
			p := &paths[s.at]
			if p.Verdict != trace.Fail || p.Cause != nil || p.Class.Translated() != derived {
				continue
			}
			if passed := late(ctx); passed != nil && !s.lookedInto() {
				// Beside so many other probes, silence alone is no failure.
				p.Verdict = trace.Inconclusive
				p.Evidence.Notes = append(p.Evidence.Notes, "not answered beside the other probes, and not probed again: "+passed.Error())
				continue
			}
			if s.like != nil {
				p.Cause = paths[s.like.at].Cause
				continue
			}
			about := facts[i]
			about.Path, about.Alone, about.Tries, about.Peers = *p, s.alone, s.tries, peers
			p.Cause = r.withoutSession(sessions, p, judge.Explain(about))
		}
	}
	return nil
}
