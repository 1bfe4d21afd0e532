package judge

import (
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/policy"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// Findings are the facts about a path that does not work.
type Findings struct {
	// Path has the result of a probe that ran alone.
	Path trace.Path
	// Alone are the counters around that probe.
	Alone Counters
	// Tries is how many copies of the probe were sent at once; 0 is one.
	Tries int
	// Silent are the nodes whose kubelet does not answer.
	Silent []string
	// Listening has the listening sockets of the pods that could answer; only for TCP and HTTP.
	Listening []PodListening
	// Footings are what the networks of the pods at the ends have, as far as they were asked.
	Footings []PodFooting
	// Rule is whether there is a rule for the path's Frontend on its node; nil is unknown.
	Rule *inspect.ServiceRule
	// Flows are the ways that the packets may take, with what network policies say of them; none where those are not known.
	Flows []Flow
	// CalicoGroup is the API group of Calico's objects.
	CalicoGroup string
	// NFTables is set where Felix makes its rules with nft, and not with iptables.
	NFTables bool
	// Peers are all paths of the trace, judged.
	Peers []trace.Path
}

// PodListening says which families listen on a port of a pod.
type PodListening struct {
	Pod  trace.Endpoint
	Port uint16
	trace.Listening
}

// selected reports whether a network policy selects an end of the path.
func (f *Findings) selected() bool {
	return slices.ContainsFunc(f.Flows, func(flow Flow) bool {
		return slices.ContainsFunc(flow.Verdicts, func(v policy.Verdict) bool { return len(v.Selecting) > 0 || v.Policy != nil })
	})
}

// causes are the functions that explain a path, in the order of the calls. The first answer wins. A new cause is a file
// with such a function and its code, and its name here.
func causes() []func(*Findings, gap) *inspect.Finding {
	return []func(*Findings, gap) *inspect.Finding{
		footing, unresolved, silentNode, problem, noRule, denied, notListening, tooLarge, offload, brokenEndpoint, deniedEndpoint, closedPort, detour, toldByRouter, lostInGap,
	}
}

// Explain returns why a path does not work. The other paths of the trace give facts that one path cannot.
func Explain(f Findings) *inspect.Finding {
	p := &f.Path
	switch {
	case p.Result == nil:
		return trace.Cause(trace.Unknown, "", "", "it was not probed")
	case p.Result.Silent:
		return p.Cause
	case p.Result.Failed != "":
		return trace.Cause(trace.NoTool, "", "", "%s", p.Result.Failed)
	case p.Cause != nil: // the answer itself is wrong
		return p.Cause
	}
	g := findGap(p, f.Alone, f.Tries)
	for _, explain := range causes() {
		if cause := explain(&f, g); cause != nil {
			return cause
		}
	}
	return trace.Cause(trace.Unknown, "", "", "it is not answered, and nothing that was read says why")
}
