// Package judge compares the answers to probes and the counters of nodes with the planned paths. Judge says whether a
// path works and gives the proof, Explain says why it does not. It does no I/O.
package judge

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// Judge gives a probed path a verdict and the evidence for it. An answer passes only with evidence that it came the
// planned way. Failed paths get no cause here, unless the answer is the cause.
func (r *Round) Judge(probed trace.Probed) trace.Path {
	p := probed.Report()
	switch {
	case p.Skip != "":
		p.Verdict = trace.Skip
	case p.Result == nil:
		inconclusive(&p, "it was not probed")
	case p.Result.Silent:
		p.Verdict = trace.Inconclusive
		p.Cause = silent(p.Source.Node, "nothing can be probed from its pods ("+p.Result.Failed+")")
	case p.Result.Failed != "":
		p.Verdict = trace.Inconclusive
		p.Cause = trace.Cause(trace.NoTool, "", "", "%s", p.Result.Failed)
	case !p.Result.Answered || p.Probe.Check == trace.Get && p.Result.Status == 0:
		p.Verdict = trace.Fail
	default:
		r.judgeAnswer(&p)
	}
	return p
}

func inconclusive(p *trace.Path, why string) {
	p.Verdict = trace.Inconclusive
	p.Evidence.Notes = append(p.Evidence.Notes, why)
}

// judgeAnswer judges a path that was answered.
func (r *Round) judgeAnswer(p *trace.Path) {
	res := p.Result
	p.Verdict = trace.Pass
	p.Evidence.TTL, p.Evidence.Status = res.TTL, res.Status
	if p.Probe.Check == trace.Ask {
		p.Evidence.DNS = res.Answers
		if p.Cause = wrongAnswer(p); p.Cause != nil {
			p.Verdict = trace.Fail
			return
		}
	}
	p.Evidence.Endpoint = answeredBy(res.Body, p.Expect.Endpoints)
	var notes []string
	var lacking string
	p.Evidence.Counters, notes, lacking = r.counts(p)
	p.Evidence.Notes = append(p.Evidence.Notes, notes...)
	if lacking != "" {
		inconclusive(p, lacking)
	}
	switch why := judgeTTL(p); {
	case why != "":
		inconclusive(p, why)
	case lacking == "" && !r.proven(p):
		inconclusive(p, "no evidence of its own: the cables of its pods carry other traffic as well")
	}
	if p.Probe.Check == trace.Ping && res.Received < res.Sent {
		p.Evidence.Notes = append(p.Evidence.Notes, fmt.Sprintf("%d of %d requests were answered", res.Received, res.Sent))
	}
	p.Evidence.Notes = append(p.Evidence.Notes, deviations(p)...)
}

// judgeTTL says how the TTL of echo replies is wrong, or nothing. Replies from beyond the nodes pass at least one router,
// the pod's node: a reply with an initial TTL comes from the pod itself, or its node.
func judgeTTL(p *trace.Path) string {
	switch ttl := p.Result.TTL; {
	case p.Probe.Check != trace.Ping:
		return ""
	case p.Expect.TTL != 0 && ttl == 0:
		return "the tool does not tell the TTL of the replies"
	case p.Expect.TTL != 0 && ttl != p.Expect.TTL:
		return fmt.Sprintf("the replies have TTL %d instead of %d: they do not come the way that the tables say", ttl, p.Expect.TTL)
	case p.Expect.TTL == 0 && beyond(p) && p.Source.Kind == trace.Pod && slices.Contains([]int{0, 32, 64, 128, 255}, ttl):
		return fmt.Sprintf("the replies have TTL %d, so no router has passed them on: the pod or its node answers, and not %s", ttl, targetText(p))
	default:
		return ""
	}
}

// beyond reports whether the target is not in the cluster.
func beyond(p *trace.Path) bool {
	return p.Target.Kind == trace.Outside || p.Target.Kind == trace.Switch
}

// deviations are the problems in the tables of a path that works.
func deviations(p *trace.Path) []string {
	var notes []string
	for _, hop := range p.Hops {
		if hop.Problem != nil {
			notes = append(notes, "works in spite of: "+hop.Problem.Summary)
		}
	}
	return notes
}

// wrongAnswer says how the answer to a question for a name is wrong, or nil.
func wrongAnswer(p *trace.Path) *inspect.Finding {
	res, record := p.Result, trace.RecordType(p.Family)
	cause := func(format string, args ...any) *inspect.Finding {
		return trace.Cause(trace.NoRecord, "", digCommand(p), format, args...)
	}
	switch {
	case len(res.Answers) == 0 && res.Code != "" && res.Code != "NOERROR" && res.Code != "NXDOMAIN":
		return trace.Cause(trace.DNSSilent, "", digCommand(p), "the DNS server answers with %s", res.Code)
	case len(res.Answers) == 0 && res.Code == "NXDOMAIN":
		return cause("there is no such name as %s", p.Probe.Host)
	case len(res.Answers) == 0:
		return cause("%s has no %s record: it has no %s address", p.Probe.Host, record, p.Family)
	case len(p.Expect.Answers) > 0 && !sameAddresses(res.Answers, p.Expect.Answers):
		return cause("%s has %s %s instead of %s", p.Probe.Host, record, join(res.Answers), join(p.Expect.Answers))
	default:
		return nil
	}
}

func sameAddresses(a, b []netip.Addr) bool {
	within := func(a, b []netip.Addr) bool {
		return !slices.ContainsFunc(a, func(x netip.Addr) bool { return !slices.Contains(b, x) })
	}
	return within(a, b) && within(b, a)
}

func join(addresses []netip.Addr) string {
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, ", ")
}

// answeredBy finds the endpoint that a body names, by the longest name, so that "web-1" does not stand for "web-10". Most
// services name none.
func answeredBy(body string, endpoints []trace.Endpoint) string {
	var found string
	for _, e := range endpoints {
		if e.Name != "" && strings.Contains(body, e.Name) && len(e.Name) > len(found) {
			found = e.Name
		}
	}
	if found != "" {
		return found
	}
	words := strings.FieldsFunc(body, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF:.", r) })
	for _, e := range endpoints {
		if e.IP.IsValid() && slices.Contains(words, e.IP.String()) {
			return cmp.Or(e.Name, e.IP.String())
		}
	}
	return ""
}
