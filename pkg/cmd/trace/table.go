package trace

import (
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// table shows one line for each path. The cause is a sentence and does not fit into a row of a terminal: without -o wide
// it is only below the table.
func table(cause bool) printer.Table[trace.Path] {
	return printer.Table[trace.Path]{
		Kind: trace.Kind,
		Columns: []printer.Column[trace.Path]{
			{Header: "PATH", Wide: true, Value: func(p trace.Path) string { return p.Name }},
			{Header: "SOURCE", Value: source},
			{Header: "TARGET", Value: target},
			{Header: "FAMILY", Value: func(p trace.Path) string { return p.Family.String() }},
			{Header: "CHECK", Value: check},
			{Header: "VERDICT", Value: func(p trace.Path) string { return string(p.Verdict) },
				Health: func(p trace.Path) inspect.Health { return p.Verdict.Health() }},
			{Header: "RTT", Value: rtt},
			{Header: "TTL", Value: ttl},
			{Header: "CAUSE", Wide: true, Hide: !cause, Value: why},
		},
		Name: func(p trace.Path) string { return p.Name },
	}
}

// clusterDomain ends the names of services. The table leaves out this suffix and the source's own namespace.
const clusterDomain = ".svc.cluster.local"

// source is the pod, or node/NAME.
func source(p trace.Path) string {
	if p.Source.Kind == trace.Node {
		return "node/" + p.Source.Name
	}
	return p.Source.Name
}

// target is the target as users know it, by name if it has one, with its port.
func target(p trace.Path) string {
	t := p.Target
	text := t.Name
	switch {
	case t.Kind == trace.Outside, p.Class == trace.Balancer:
		text = ""
	case t.Kind == trace.Svc:
		text = "svc/" + t.Name
	case t.Kind == trace.Node, t.Kind == trace.Switch:
		text = string(t.Kind) + "/" + t.Name
	}
	if t.Name == "" || text == "" {
		if text = printer.Text(t.IP); t.IP.Is6() && t.Port != 0 {
			text = "[" + text + "]"
		}
	}
	if p.Probe.Check == trace.Get && p.Probe.Host != "" {
		text = p.Probe.Host
	}
	if short, ok := strings.CutSuffix(text, clusterDomain); ok {
		text = strings.TrimSuffix(short, "."+p.Source.Namespace)
	}
	if t.Port != 0 && p.Probe.Check != trace.Ping && p.Probe.Check != trace.Ask {
		text += ":" + strconv.Itoa(int(t.Port))
	}
	return text
}

func check(p trace.Path) string {
	text := string(p.Probe.Check)
	if p.Probe.Size > 0 {
		text += " " + strconv.Itoa(p.Probe.Size) + " bytes"
	}
	return text
}

func rtt(p trace.Path) string {
	if p.Result == nil || p.Result.RTT <= 0 {
		return ""
	}
	return strconv.FormatFloat(float64(p.Result.RTT)/float64(time.Millisecond), 'f', 2, 64) + "ms"
}

func ttl(p trace.Path) string {
	switch {
	case p.Evidence.TTL != 0:
		return strconv.Itoa(p.Evidence.TTL)
	case p.Verdict == trace.NotSent && p.Expect.TTL != 0:
		return strconv.Itoa(p.Expect.TTL)
	}
	return ""
}

// why says why a path did not pass.
func why(p trace.Path) string {
	switch {
	case p.Verdict == trace.Skip:
		return p.Skip
	case p.Cause != nil:
		return p.Cause.Summary
	case p.Verdict == trace.Inconclusive && len(p.Evidence.Notes) > 0:
		return p.Evidence.Notes[0]
	case p.Verdict == trace.NotSent:
		if problem := firstProblem(p); problem != nil {
			return problem.Summary
		}
	}
	return ""
}

// firstProblem is the first problem in the tables that stops a planned path.
func firstProblem(p trace.Path) *inspect.Finding {
	for _, hop := range p.Hops {
		if trace.Stops(hop.Problem) {
			return hop.Problem
		}
	}
	return nil
}
