package tracetest

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// Network is a trace.Prober that carries packets along planned paths, moves the counters that they pass, and counts its
// execs.
type Network struct {
	Paths []trace.Planned
	// Lose reports whether packets of a path are lost on the way to a hop. Nil loses none.
	Lose func(p *trace.Planned, hop trace.Hop) bool
	// Edit changes a result, as another answer of the target would. Nil changes none.
	Edit func(p *trace.Planned, r *trace.Result)
	// Unreadable are nodes whose counters cannot be read.
	Unreadable []string
	// Refuse is the error of Probe for a pod.
	Refuse map[string]error
	// Sockets are the listening families, by pod; an absent pod listens in both.
	Sockets map[string]trace.Listening
	// Footings are what pods' networks have, by the pods' addresses; an absent one has all.
	Footings map[netip.Addr]trace.Footing
	// Rules are the addresses that kube-proxy knows; nil knows all.
	Rules map[netip.Addr]bool
	// Mute are the nodes whose kubelet does not answer.
	Mute []string
	// Noise is how much each reading moves a counter, beside the probes.
	Noise uint64

	mu       sync.Mutex
	counters trace.Readings

	Probes, Readings int // execs for each
	Closed           int
	Hang             chan struct{} // Probe says so here and waits for its context, if it is not nil
}

var _ trace.Prober = (*Network)(nil)

// Probe implements trace.Prober.
func (n *Network) Probe(ctx context.Context, source inspect.Pod, probes []trace.Probe) ([]trace.Result, error) {
	if n.Hang != nil {
		n.Hang <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Probes++
	if slices.Contains(n.Mute, source.Node) {
		return nil, access.NoAnswerError{Why: "nothing came within 8s"}
	}
	if err := n.Refuse[source.Name]; err != nil {
		return nil, err
	}
	results := make([]trace.Result, len(probes))
	for i, probe := range probes {
		results[i] = n.carry(source, probe)
	}
	return results, nil
}

// carry sends one probe along its path.
func (n *Network) carry(source inspect.Pod, probe trace.Probe) trace.Result {
	i := slices.IndexFunc(n.Paths, func(p trace.Planned) bool {
		own := p.Probe
		own.Count = probe.Count
		return p.Source.Name == source.Name && own == probe
	})
	if i < 0 {
		return trace.Result{Failed: "no such path"}
	}
	p := &n.Paths[i]
	packets := uint64(max(probe.Count, 3))
	result := trace.Result{Tool: "fake", Answered: true, RTT: time.Millisecond, Resolved: true}
	if n.counters == nil {
		n.counters = trace.Readings{}
	}
	for _, hop := range p.Hops {
		if n.Lose != nil && n.Lose(p, hop) {
			result.Answered = false
			break
		}
		if hop.Meter != nil {
			n.counters[*hop.Meter] += packets
		}
	}
	fill(&result, p, int(packets))
	if n.Edit != nil {
		n.Edit(p, &result)
	}
	return result
}

// fill completes a result as a tool would.
func fill(r *trace.Result, p *trace.Planned, packets int) {
	if p.Probe.Check == trace.Ping {
		r.Sent = packets
	}
	if !r.Answered {
		r.TimedOut, r.RTT = true, 0
		return
	}
	switch p.Probe.Check {
	case trace.Ping:
		r.Received, r.TTL = packets, p.Expect.TTL
	case trace.Ask:
		r.Answers, r.Code = p.Expect.Answers, "NOERROR"
	case trace.Get:
		r.Status, r.Body = 200, "I am "+p.Expect.Endpoints[1].Name+"\n"
	}
}

// Counters implements trace.Prober.
func (n *Network) Counters(_ context.Context, nodes []string) (trace.Readings, []inspect.Missing) {
	n.mu.Lock()
	defer n.mu.Unlock()
	readings := trace.Readings{}
	var missing []inspect.Missing
	for _, node := range nodes {
		n.Readings++
		if slices.Contains(n.Unreadable, node) {
			missing = append(missing, inspect.Missing{Fact: inspect.FactTables, Node: node, Reason: "cannot enter node " + node})
		}
	}
	for _, p := range n.Paths {
		for _, m := range p.Meters() {
			if slices.Contains(nodes, m.Node) && !slices.Contains(n.Unreadable, m.Node) {
				readings[m] = n.counters[m]
			}
		}
	}
	if n.Noise > 0 {
		for m := range maps.Clone(readings) {
			n.counters[m] += n.Noise
		}
	}
	return readings, missing
}

// Listeners implements trace.Prober.
func (n *Network) Listeners(_ context.Context, pod inspect.Pod, _ uint16) (trace.Listening, error) {
	if l, ok := n.Sockets[pod.Name]; ok {
		return l, nil
	}
	return trace.Listening{IPv4: true, IPv6: true}, nil
}

// Footing implements trace.Prober.
func (n *Network) Footing(_ context.Context, pod inspect.Pod, own netip.Addr) (trace.Footing, error) {
	if f, ok := n.Footings[own]; ok {
		return f, nil
	}
	return trace.Footing{Held: slices.Contains(pod.IPs, own), Default: true}, nil
}

// ServiceRule implements trace.Prober.
func (n *Network) ServiceRule(_ context.Context, at inspect.Frontend) (inspect.ServiceRule, error) {
	if at.Port == 0 {
		return inspect.ServiceRule{}, errors.New("no service has a port 0")
	}
	return inspect.ServiceRule{There: n.Rules == nil || n.Rules[at.Address], Kind: "nft"}, nil
}

// Silent implements trace.Prober.
func (n *Network) Silent() []string { return n.Mute }

// Close implements trace.Prober.
func (n *Network) Close(ctx context.Context) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.Closed++
	if ctx.Err() != nil {
		return nil, errors.New("closed with a context that has ended")
	}
	return nil, nil
}

// Prepare gives a snapshot the counters from which a network starts.
func (n *Network) Prepare(s *inspect.Snapshot) *inspect.Snapshot {
	for i := range n.Paths {
		for _, m := range n.Paths[i].Meters() {
			table, ok := s.Tables[m.Node]
			if ok && !slices.ContainsFunc(table.Links, func(l inspect.Link) bool { return l.Name == m.Device }) {
				table.Links = append(table.Links, inspect.Link{Name: m.Device})
				s.Tables[m.Node] = table
			}
		}
	}
	return s
}
