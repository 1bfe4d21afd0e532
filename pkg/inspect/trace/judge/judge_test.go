package judge_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/judge"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/tracetest"
)

const (
	a = inspecttest.ControlPlane
	b = inspecttest.Worker
)

// pinged is a path with a result, and the counters around it: each moved by as much as the probe took.
func pinged(planned trace.Planned) (trace.Probed, judge.Counters) {
	p := trace.Probed{Planned: planned}
	p.Result = &trace.Result{Answered: true, Sent: 3, Received: 3, TTL: p.Expect.TTL, Resolved: true, Status: 200}
	c := judge.Counters{Before: trace.Readings{}, After: trace.Readings{}}
	for _, hop := range p.Hops {
		if hop.Meter != nil {
			c.Before[*hop.Meter], c.After[*hop.Meter] = 100, 103
		}
	}
	for _, m := range p.Expect.Still {
		c.Before[m], c.After[m] = 100, 100
	}
	return p, c
}

func judged(p trace.Probed, c judge.Counters) trace.Path {
	return judge.NewRound([]trace.Probed{p}, c).Judge(p)
}

func tunnel(node string, d trace.Direction) trace.Meter {
	return trace.Meter{Node: node, Device: inspecttest.Device6, Direction: d}
}

func tunnel4(d trace.Direction) trace.Meter {
	return trace.Meter{Node: a, Device: inspecttest.Device4, Direction: d}
}

// TestJudge holds what an answer needs to pass.
func TestJudge(t *testing.T) {
	type change func(p *trace.Probed, c *judge.Counters)
	tests := []struct {
		name   string
		path   trace.Planned
		change change
		want   trace.Verdict
		note   string
	}{
		{"answered, with evidence", tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), nil, trace.Pass, ""},
		{"direct, the tunnel still", tracetest.PodToPod(a, b, inspect.IPv4, trace.Ping), nil, trace.Pass, ""},
		{"one request unanswered", tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), func(p *trace.Probed, _ *judge.Counters) {
			p.Result.Received = 2
		}, trace.Pass, "2 of 3 requests"},
		{"other traffic on the way", tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), func(_ *trace.Probed, c *judge.Counters) {
			c.After[tunnel(a, trace.TX)] += 1000
		}, trace.Pass, ""},
		{"other traffic in the tunnel of a direct path", tracetest.PodToPod(a, b, inspect.IPv4, trace.Ping),
			func(_ *trace.Probed, c *judge.Counters) { c.After[tunnel4(trace.TX)] += 1000 }, trace.Pass, "other traffic"},
		{"a wrong TTL", tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), func(p *trace.Probed, _ *judge.Counters) {
			p.Result.TTL = 61
		}, trace.Inconclusive, "TTL 61 instead of 62"},
		{"no TTL", tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), func(p *trace.Probed, _ *judge.Counters) {
			p.Result.TTL = 0
		}, trace.Inconclusive, "does not tell"},
		{"the tunnel does not move", tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), func(_ *trace.Probed, c *judge.Counters) {
			c.After[tunnel(b, trace.RX)] = 100
		}, trace.Inconclusive, "moved by 0 packets, the probes took 3 packets"},
		{"a device made anew", tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), func(_ *trace.Probed, c *judge.Counters) {
			c.After[tunnel(b, trace.RX)] = 3
		}, trace.Inconclusive, "could not be read"},
		{"a node that cannot be read", tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), func(_ *trace.Probed, c *judge.Counters) {
			delete(c.After, tunnel(b, trace.RX))
			c.Missing = []inspect.Missing{{Fact: inspect.FactTables, Node: b, Reason: "no way in"}}
		}, trace.Inconclusive, "no way in"},
		{"the probe broke", tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), func(p *trace.Probed, _ *judge.Counters) {
			*p.Result = trace.Result{Failed: "no output"}
		}, trace.Inconclusive, ""},
		{"not answered", tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), func(p *trace.Probed, _ *judge.Counters) {
			*p.Result = trace.Result{Sent: 3}
		}, trace.Fail, ""},
		{"works in spite of a deviation", tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), func(p *trace.Probed, _ *judge.Counters) {
			p.Hops[5].Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.PathMTU, Summary: "MTU 1400 instead of 1430"}
		}, trace.Pass, "in spite of: MTU 1400"},
		{"HTTP without a status", tracetest.ToService(a, inspect.IPv6, trace.Get), func(p *trace.Probed, _ *judge.Counters) {
			p.Result.Status = 0
		}, trace.Fail, ""},
		{"skipped", trace.Planned{Skip: "no such family"}, nil, trace.Skip, ""},
		{"not probed", trace.Planned{}, func(p *trace.Probed, _ *judge.Counters) { p.Result = nil }, trace.Inconclusive, "not probed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, c := pinged(tt.path)
			if tt.change != nil {
				tt.change(&p, &c)
			}
			got := judged(p, c)
			notes := strings.Join(got.Evidence.Notes, "; ")
			if got.Verdict != tt.want || !strings.Contains(notes, tt.note) || tt.note == "" && notes != "" {
				t.Errorf("got %s, notes %q; want %s, %q", got.Verdict, notes, tt.want, tt.note)
			}
		})
	}
}

// TestShared wants a counter to have moved by the packets of all paths that share it.
func TestShared(t *testing.T) {
	p, c := pinged(tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping))
	round := judge.NewRound([]trace.Probed{p, p}, c)
	if got := round.Judge(p); got.Verdict != trace.Inconclusive {
		t.Errorf("3 packets prove two paths: %s", got.Verdict)
	}
}

func addrs(texts ...string) []netip.Addr {
	var all []netip.Addr
	for _, text := range texts {
		all = append(all, netip.MustParseAddr(text))
	}
	return all
}

// TestAnswers holds what a DNS server may say.
func TestAnswers(t *testing.T) {
	tests := []struct {
		name   string
		expect trace.Expect
		code   string
		got    []netip.Addr
		want   inspect.Code // empty passes
	}{
		{"the address", trace.Expect{Answers: addrs("fd00::1")}, "NOERROR", addrs("fd00::1"), ""},
		{"all addresses in another order", trace.Expect{Answers: addrs("fd00::1", "fd00::2")}, "NOERROR", addrs("fd00::2", "fd00::1"), ""},
		{"any address where none is known", trace.Expect{}, "NOERROR", addrs("fd00::9"), ""},
		{"another address", trace.Expect{Answers: addrs("fd00::1")}, "NOERROR", addrs("fd00::2"), trace.NoRecord},
		{"one address of two", trace.Expect{Answers: addrs("fd00::1", "fd00::2")}, "NOERROR", addrs("fd00::2"), trace.NoRecord},
		{"no record", trace.Expect{Answers: addrs("fd00::1")}, "NOERROR", nil, trace.NoRecord},
		{"no such name", trace.Expect{Answers: addrs("fd00::1")}, "NXDOMAIN", nil, trace.NoRecord},
		{"an error", trace.Expect{Answers: addrs("fd00::1")}, "SERVFAIL", nil, trace.DNSSilent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, c := pinged(tracetest.ToService(a, inspect.IPv6, trace.Ask))
			p.Expect = tt.expect
			p.Result.Code, p.Result.Answers = tt.code, tt.got
			got := judged(p, c)
			var code inspect.Code
			if got.Cause != nil {
				code = got.Cause.Code
			}
			if code != tt.want || (got.Verdict == trace.Pass) != (tt.want == "") {
				t.Errorf("got %s %+v, want %q", got.Verdict, got.Cause, tt.want)
			}
		})
	}
}

// TestEndpoint finds the pod that a body names.
func TestEndpoint(t *testing.T) {
	p, c := pinged(tracetest.ToService(a, inspect.IPv6, trace.Get))
	ip := inspecttest.HostOf(b, inspect.IPv6).Pod.String()
	for body, want := range map[string]string{
		"Multitool - multitool-worker2 - HTTP": "multitool-worker2",
		"Multitool - multitool-worker - HTTP":  "multitool-worker",
		"served by [" + ip + "]":               "multitool-worker",
		"prefix" + ip[:len(ip)-1]:              "",
		"hello":                                "",
	} {
		p.Result.Body = body
		if got := judged(p, c).Evidence.Endpoint; got != want {
			t.Errorf("%q: got %q, want %q", body, got, want)
		}
	}
}

// TestEvidenceOfItsOwn lets nothing pass by what the traffic of other pods does to the counters.
func TestEvidenceOfItsOwn(t *testing.T) {
	type change func(p *trace.Probed, c *judge.Counters)
	busy := func(component trace.Component) change {
		return func(p *trace.Probed, c *judge.Counters) {
			for _, hop := range p.Hops {
				if hop.Meter != nil && (component == "" || hop.Component == component) {
					c.After[*hop.Meter] += 1000
				}
			}
		}
	}
	outside := func(f inspect.Family) trace.Planned {
		p := tracetest.ToExternal(a, f)
		p.Target.Kind, p.Expect.TTL = trace.Outside, 0
		return p
	}
	ttl := func(n int) change { return func(p *trace.Probed, _ *judge.Counters) { p.Result.TTL = n } }
	both := func(all ...change) change {
		return func(p *trace.Probed, c *judge.Counters) {
			for _, one := range all {
				one(p, c)
			}
		}
	}
	measured := func(noise uint64) change {
		return func(p *trace.Probed, c *judge.Counters) {
			c.Noise = trace.Readings{}
			for _, hop := range p.Hops {
				if hop.Meter != nil {
					c.Noise[*hop.Meter] = noise
				}
			}
		}
	}
	unknown := func(f inspect.Family) trace.Planned {
		p := tracetest.PodToPod(a, b, f, trace.Ping)
		p.Expect.TTL = 0
		return p
	}
	tests := []struct {
		name   string
		path   func(inspect.Family) trace.Planned
		change change
		want   trace.Verdict
	}{
		{"outside, through a router", outside, both(ttl(53), busy("")), trace.Pass},
		{"outside, the pod itself answers", outside, both(ttl(64), busy("")), trace.Inconclusive},
		{"outside, its node answers, which begins with 255", outside, both(ttl(255), busy("")), trace.Inconclusive},
		{"outside, answered without a router on a quiet network", outside, ttl(64), trace.Inconclusive},
		{"a connection on a quiet network", cross(trace.TCP), func(*trace.Probed, *judge.Counters) {}, trace.Pass},
		{"a connection, and others move the wire", cross(trace.TCP), both(busy(trace.ComponentUnderlay), busy(trace.ComponentTunnel)), trace.Pass},
		{"a connection, and others move all counters", cross(trace.TCP), busy(""), trace.Inconclusive},
		{"a request whose answer names no pod, and others move all counters", service(trace.Get), busy(""), trace.Inconclusive},
		{"a request whose answer names its pod, and others move all counters", service(trace.Get), both(busy(""),
			func(p *trace.Probed, _ *judge.Counters) { p.Result.Body = p.Expect.Endpoints[0].Name }), trace.Pass},
		{"a name whose address is known, and others move all counters", service(trace.Ask), both(busy(""),
			func(p *trace.Probed, _ *judge.Counters) {
				p.Result.Answers, p.Result.Code = p.Expect.Answers, "NOERROR"
			}), trace.Pass},
		{"a ping of known TTL, and others move all counters", cross(trace.Ping), busy(""), trace.Pass},
		{"a ping of unknown TTL, and others move all counters", unknown, busy(""), trace.Inconclusive},
		{"a connection alone, above the noise that was measured", cross(trace.TCP), both(busy(""), measured(900)), trace.Pass},
		{"a connection alone, within the noise that was measured", cross(trace.TCP), both(busy(""), measured(1100)), trace.Inconclusive},
	}
	for _, tt := range tests {
		for _, family := range inspect.Families() {
			t.Run(tt.name+"/"+family.String(), func(t *testing.T) {
				p, c := pinged(tt.path(family))
				tt.change(&p, &c)
				if got := judged(p, c); got.Verdict != tt.want {
					t.Errorf("got %s %v, want %s", got.Verdict, got.Evidence.Notes, tt.want)
				}
			})
		}
	}
}
