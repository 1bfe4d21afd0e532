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

// How far a diagnosis goes. Each round of probes takes as long as a probe may, since most of them will not be answered.
const (
	maxRounds    = 12
	maxPerRound  = 4
	maxEndpoints = 3 // whose sockets are looked at, for one service
	maxInquiries = 16
)

// What makes a loss stand out from what else a device carries, such as the kubelet's own probes of a pod: many packets.
const (
	volley     = 16 // times that a probe is sent at once
	clearCount = 8  // echo requests of each
)

// finding is a path that did not pass, and what was found out about it.
type finding struct {
	path  *trace.Path
	alone judge.Counters
	tries int
	like  *finding // the one that was probed in place of this one; nil: itself
}

// group is what paths have in common that fail for one reason.
type group struct {
	from, to trace.Endpoint
	family   inspect.Family
	class    trace.Class
	check    trace.Check
	large    bool
}

func groupOf(p *trace.Path) group {
	g := group{from: trace.Endpoint{Node: p.Source.Node}, to: trace.Endpoint{Node: p.Target.Node}, family: p.Family,
		class: p.Class, check: p.Probe.Check, large: p.Probe.Size > 0}
	if g.to.Node == "" || p.Class == trace.Service || p.Class == trace.Web || p.Class == trace.Name {
		g.to = p.Target
	}
	return g
}

// pingOf is the group of the pings that go the way of a path.
func pingOf(p *trace.Path) group {
	g := groupOf(p)
	g.check = trace.Ping
	return g
}

// diagnose finds out why paths did not pass.
func (r *run) diagnose(ctx context.Context, all []*trace.Path) error {
	findings := suspects(all)
	if len(findings) == 0 {
		return nil
	}
	r.progress("looking into " + trace.Quantity(len(findings), "path"))
	if err := r.listen(ctx, findings); err != nil {
		return err
	}
	var representatives []*finding
	for _, f := range findings {
		if f.like == nil {
			representatives = append(representatives, f)
		}
	}
	if err := r.probeAlone(ctx, representatives); err != nil {
		return err
	}
	// Where the representative passes when it is alone, the others have to be tried themselves.
	var rest []*finding
	for _, f := range findings {
		if f.like != nil && f.like.path.Verdict == trace.Pass {
			f.like = nil
			rest = append(rest, f)
		}
	}
	if err := r.probeAlone(ctx, rest); err != nil {
		return err
	}
	return r.explain(ctx, findings, all)
}

// suspects are the paths that failed without saying why, or were answered without evidence.
func suspects(all []*trace.Path) []*finding {
	var findings []*finding
	first := map[group]*finding{}
	for _, p := range all {
		unclear := p.Verdict == trace.Inconclusive && p.Result != nil && p.Result.Answered && len(p.Evidence.Counters) > 0
		if p.Verdict != trace.Fail && !unclear || p.Cause != nil {
			continue
		}
		f := &finding{path: p, like: first[groupOf(p)]}
		if ping := first[pingOf(p)]; f.like == nil && p.Probe.Check == trace.TCP && p.Result.TimedOut {
			f.like = ping // what stops all packets stops these
		}
		if f.like == nil {
			first[groupOf(p)] = f
		}
		findings = append(findings, f)
	}
	return findings
}

// probeAlone probes paths again in rounds, in which no two share a device that counts.
func (r *run) probeAlone(ctx context.Context, findings []*finding) error {
	for _, round := range rounds(findings) {
		if err := r.probeRound(ctx, round); err != nil {
			return err
		}
	}
	return nil
}

// probeRound sends each probe of a round many times at once, between two readings of the counters.
func (r *run) probeRound(ctx context.Context, round []*finding) error {
	again := make([]trace.Path, volley*len(round))
	copies := make([]*trace.Path, len(again))
	for i := range again {
		again[i] = *round[i/volley].path
		if again[i].Probe.Check == trace.Ping {
			again[i].Probe.Count = max(again[i].Probe.Count, clearCount)
		}
		copies[i] = &again[i]
	}
	nodes := nodesOf(copies)
	started := time.Now()
	before, missing := r.prober.Counters(ctx, nodes)
	if err := r.probe(ctx, copies); err != nil && ctx.Err() != nil {
		return err
	}
	after, missingAfter := r.prober.Counters(ctx, nodes)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	alone := judge.Counters{Before: before, After: after, Missing: append(missing, missingAfter...),
		Noise: r.noise.during(time.Since(started))}
	merged, answered := make([]trace.Path, len(round)), make([]int, len(round))
	for i := range round {
		merged[i], answered[i] = merge(again[i*volley : (i+1)*volley])
	}
	verdicts := judge.NewRound(merged, alone)
	for i, f := range round {
		f.settle(verdicts.Judge(merged[i]), answered[i], alone)
	}
	return nil
}

// merge makes one path of several probes of it. It is answered if all of them were: a service one of whose endpoints
// cannot be reached answers now and then. Of those that were not, one counts that was told why: routers say so to a few
// only (RFC 4443, 2.4 (f)).
func merge(tries []trace.Path) (merged trace.Path, answered int) {
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

// settle takes over what the second probe of a path has come to.
func (f *finding) settle(again trace.Path, answered int, alone judge.Counters) {
	f.alone, f.tries = alone, volley
	again.Probe = f.path.Probe
	if f.path.Verdict == trace.Fail && again.Verdict == trace.Pass {
		again.Evidence.Notes = append(again.Evidence.Notes, "was not answered at first, beside the other probes")
	}
	if again.Verdict == trace.Fail && answered > 0 {
		again.Evidence.Notes = append(again.Evidence.Notes, fmt.Sprintf("%d of %d tries were answered", answered, volley))
	}
	*f.path = again
}

// rounds puts findings together that share no device, apart from the wire, which all share.
func rounds(findings []*finding) [][]*finding {
	var all [][]*finding
	var taken []map[trace.Meter]bool
next:
	for _, f := range findings {
		own := ownMeters(f.path)
		for i := range all {
			if len(all[i]) < maxPerRound && !slices.ContainsFunc(own, func(m trace.Meter) bool { return taken[i][m] }) {
				all[i] = append(all[i], f)
				mark(taken[i], own)
				continue next
			}
		}
		if len(all) == maxRounds {
			continue
		}
		all = append(all, []*finding{f})
		taken = append(taken, map[trace.Meter]bool{})
		mark(taken[len(taken)-1], own)
	}
	return all
}

func ownMeters(p *trace.Path) []trace.Meter {
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

// explain gives a cause to each path that fails: those between pods and to DNS first, since they explain services and
// names.
func (r *run) explain(ctx context.Context, findings []*finding, all []*trace.Path) error {
	failing := slices.DeleteFunc(slices.Clone(findings), func(f *finding) bool { return f.path.Verdict != trace.Fail })
	facts := r.inquire(ctx, failing)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	for _, derived := range []bool{false, true} {
		peers := make([]trace.Path, len(all))
		for i, p := range all {
			peers[i] = *p
		}
		for _, f := range failing {
			if (f.path.Class == trace.Service || f.path.Class == trace.Web) != derived || f.path.Cause != nil {
				continue
			}
			if f.like != nil {
				f.path.Cause = f.like.path.Cause
				continue
			}
			about := facts[f]
			about.Path, about.Alone, about.Tries, about.Peers = *f.path, f.alone, f.tries, peers
			f.path.Cause = judge.Explain(about)
		}
	}
	return nil
}

// inquire looks at what only matters to paths that fail: sockets, kube-proxy's rules, network policies.
func (r *run) inquire(ctx context.Context, failing []*finding) map[*finding]judge.Findings {
	facts := make([]judge.Findings, len(failing))
	var group errgroup.Group
	group.SetLimit(maxInquiries)
	for i, f := range failing {
		if f.like != nil || f.path.Result == nil || f.path.Result.Failed != "" || f.path.Cause != nil {
			continue
		}
		group.Go(func() error {
			facts[i] = judge.Findings{Listening: r.listening(ctx, f.path), Rule: r.rule(ctx, f.path),
				Policies: r.policies(ctx, f.path)}
			return nil
		})
	}
	_ = group.Wait() // the functions return none
	byFinding := map[*finding]judge.Findings{}
	for i, f := range failing {
		byFinding[f] = facts[i]
	}
	return byFinding
}

// listening is what listens in the pods that could have answered a connection.
func (r *run) listening(ctx context.Context, p *trace.Path) []judge.PodListening {
	if p.Probe.Check != trace.TCP && p.Probe.Check != trace.Get {
		return nil
	}
	targets := p.Expect.Endpoints
	if len(targets) == 0 {
		targets = []trace.Endpoint{p.Target}
	}
	var all []judge.PodListening
	for _, target := range targets[:min(len(targets), maxEndpoints)] {
		pod, ok := r.pod(target)
		port := target.Port
		if port == 0 {
			port = p.Probe.Port
		}
		if !ok || port == 0 {
			continue
		}
		if l, err := r.prober.Listeners(ctx, pod, port); err == nil {
			all = append(all, judge.PodListening{Pod: target, Port: port, Listening: l})
		}
	}
	return all
}

// rule is whether kube-proxy knows the service that a path goes to, or by which it resolves its name.
func (r *run) rule(ctx context.Context, p *trace.Path) *bool {
	address := judge.ServiceAddress(p)
	if !address.IsValid() || p.Source.Node == "" {
		return nil
	}
	there, err := r.prober.ServiceRule(ctx, p.Source.Node, address.Addr(), address.Port())
	if err != nil {
		return nil
	}
	return &there
}

// policies names the network policies that select an end of the path.
func (r *run) policies(ctx context.Context, p *trace.Path) []string {
	if r.options.Policies == nil {
		return nil
	}
	var pods []inspect.Pod
	for _, end := range append([]trace.Endpoint{p.Source, p.Target}, p.Expect.Endpoints...) {
		if pod, ok := r.pod(end); ok {
			pods = append(pods, pod)
		}
	}
	return r.options.Policies(ctx, pods)
}
