package judge_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/policy"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/judge"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/tracetest"
)

// failing is a path that is not answered, whose packets move all counters before a hop.
func failing(planned trace.Planned, stop int) judge.Findings {
	p, c := pinged(planned)
	*p.Result = trace.Result{Sent: 3, TimedOut: true, Resolved: true}
	for i, hop := range p.Hops {
		if hop.Meter != nil && i >= stop {
			c.After[*hop.Meter] = c.Before[*hop.Meter]
		}
	}
	return judge.Findings{Path: verdict(p, trace.Fail), Alone: c}
}

// indexOf is the first hop of a component, there or back.
func indexOf(hops []trace.Hop, c trace.Component, back bool) int {
	for i, hop := range hops {
		if hop.Component == c && hop.Return == back {
			return i
		}
	}
	panic("no such hop")
}

func verdict(p trace.Probed, v trace.Verdict) trace.Path {
	path := p.Report()
	path.Verdict = v
	return path
}

func peer(p trace.Planned, v trace.Verdict) trace.Path { return verdict(trace.Probed{Planned: p}, v) }

// planned is the plan of a path that was judged.
func planned(p trace.Path) trace.Planned {
	return trace.Planned{Name: p.Name, Class: p.Class, Family: p.Family, Source: p.Source, Target: p.Target, Hops: p.Hops, Probe: p.Probe,
		Expect: p.Expect}
}

func nothingElse(*judge.Findings, inspect.Family) {}

// TestExplain holds each cause that the network of package prove's tests does not come to, in both families.
func TestExplain(t *testing.T) {
	no, yes := inspect.ServiceRule{Kind: "iptables"}, inspect.ServiceRule{There: true, Kind: "iptables"}
	blame := func(f *judge.Findings, i int, code inspect.Code) {
		f.Path.Hops[i].Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: code, Node: f.Path.Hops[i].Node, Summary: string(code) + " says the plan"}
	}
	tests := []struct {
		name   string
		path   func(inspect.Family) trace.Planned
		stop   int
		change func(f *judge.Findings, family inspect.Family)
		want   inspect.Code
		says   string
	}{
		{"the first problem on the way", cross(trace.Ping), 4, func(f *judge.Findings, _ inspect.Family) {
			blame(f, 2, trace.NoRoute)
			blame(f, 3, trace.FDBWrong)
		}, trace.NoRoute, "says the plan"},
		{"a device that is down explains the routes that went with it", cross(trace.Ping), 4, func(f *judge.Findings, _ inspect.Family) {
			blame(f, 2, trace.NoRoute)
			blame(f, 3, trace.TunnelDown)
		}, trace.TunnelDown, ""},
		{"a problem behind the loss does not explain it", cross(trace.Ping), 3, func(f *judge.Findings, _ inspect.Family) {
			blame(f, len(f.Path.Hops)-1, trace.NoRoute)
		}, trace.PolicyDrops, "leaves the pod"},
		{"a node port that something drops", nodePort, 100, func(f *judge.Findings, family inspect.Family) {
			f.Path.Result.TimedOut, f.Rule = true, &yes
			f.Peers = append(f.Peers, peer(tracetest.ToService(a, family, trace.TCP), trace.Pass))
		}, trace.PolicyDrops, "node port 30080 of " + b + " is not answered"},
		{"a node port without a rule", nodePort, 100, func(f *judge.Findings, _ inspect.Family) {
			f.Path.Result.TimedOut, f.Rule = true, &no
		}, trace.NoTranslation, "kube-proxy has no rule for IPv"},
		{"a node port, and nothing else that answers", nodePort, 2, func(f *judge.Findings, _ inspect.Family) {
			f.Path.Result.TimedOut, f.Rule = true, &yes
		}, trace.Unreachable, "does not answer"},
		{"a harmless problem does not explain it", cross(trace.Ping), 3, func(f *judge.Findings, _ inspect.Family) {
			blame(f, 2, trace.PathMTU)
			f.Path.Hops[2].Problem.Severity = inspect.SeverityWarning
		}, trace.PolicyDrops, ""},
		{"the pod has lost its address", cross(trace.Ping), 0, func(f *judge.Findings, _ inspect.Family) {
			f.Footings = []judge.PodFooting{{Pod: f.Path.Source, Footing: trace.Footing{Default: true}}}
			f.Flows = denying(true)
		}, trace.AddressLost, "does not hold its address"},
		{"another machine has the pod's address", cross(trace.Ping), 0, func(f *judge.Findings, _ inspect.Family) {
			f.Footings = []judge.PodFooting{{Pod: f.Path.Target, Footing: trace.Footing{Held: true, Tentative: true, Default: true}}}
		}, trace.AddressLost, "may not use its address"},
		{"the pod has lost its default route", cross(trace.Ping), 0, func(f *judge.Findings, _ inspect.Family) {
			f.Footings = []judge.PodFooting{{Pod: f.Path.Source, Footing: trace.Footing{Held: true, Default: true}}, {Pod: f.Path.Target, Footing: trace.Footing{Held: true}}}
		}, trace.NoRoute, "default route"},
		{"the pods have what they need", cross(trace.Ping), 3, func(f *judge.Findings, _ inspect.Family) {
			f.Footings = []judge.PodFooting{{Pod: f.Path.Source, Footing: trace.Footing{Held: true, Default: true}}}
		}, trace.PolicyDrops, "a firewall drops it"},
		{"a problem on the way back", cross(trace.Ping), 100, func(f *judge.Findings, _ inspect.Family) {
			blame(f, indexOf(f.Path.Hops, trace.ComponentRoute, true), trace.NoRoute)
		}, trace.NoRoute, ""},
		{"nothing leaves the pod", cross(trace.Ping), 0, func(f *judge.Findings, _ inspect.Family) {
			f.Path.Result.NoRoute = true
		}, trace.NoRoute, "nothing leaves pod"},
		{"policies are named", cross(trace.Ping), 3, func(f *judge.Findings, _ inspect.Family) {
			f.Flows = denying(true)
		}, trace.PolicyDrops, "no egress rule of NetworkPolicy default/deny admits ICMP"},
		{"a policy of the target, and a loss before it", cross(trace.Ping), 3, func(f *judge.Findings, _ inspect.Family) {
			f.Flows = denying(false)
		}, trace.PolicyDrops, "a firewall drops it"},
		{"nobody answers for the next hop", func(f inspect.Family) trace.Planned { return tracetest.ToExternal(a, f) }, 2, nothingElse,
			trace.Unreachable, "no neighbour answers"},
		{"a policy on the way out", func(f inspect.Family) trace.Planned { return tracetest.ToExternal(a, f) }, 2,
			func(f *judge.Findings, _ inspect.Family) { f.Flows = denying(true) },
			trace.PolicyDrops, "default/deny"},
		{"the switch does not answer a pod's own address", toSwitch(false), 5, nothingElse, trace.NoReturn, "needs a route back to"},
		{"the switch does not answer the node's address", toSwitch(true), 5, nothingElse, trace.Unreachable, "sent to switch"},
		{"the answer does not come back", cross(trace.Ping), 0, func(f *judge.Findings, _ inspect.Family) {
			*f = failing(planned(f.Path), len(f.Path.Hops)-3)
		}, trace.UnderlayBlocks, "the answer is sent by"},
		{"a node between that cannot be read", cross(trace.Ping), 0, func(f *judge.Findings, _ inspect.Family) {
			*f = failing(planned(f.Path), len(f.Path.Hops)-1)
			for m := range f.Alone.After {
				if m.Node == b {
					delete(f.Alone.After, m)
				}
			}
			for _, hop := range f.Path.Hops {
				if hop.Meter != nil && hop.Return && hop.Node == a {
					f.Alone.After[*hop.Meter] = f.Alone.Before[*hop.Meter]
				}
			}
		}, trace.Unknown, "could not be read"},
		{"the pod does not answer", cross(trace.Ping), 0, func(f *judge.Findings, _ inspect.Family) {
			*f = failing(planned(f.Path), indexOf(f.Path.Hops, trace.ComponentPod, true))
		}, trace.Unreachable, "which does not answer"},
		{"nothing listens in either family", cross(trace.TCP), 100, func(f *judge.Findings, _ inspect.Family) {
			f.Path.Result.Refused, f.Path.Result.TimedOut = true, false
			f.Listening = []judge.PodListening{{Pod: f.Path.Target, Port: 80}}
		}, trace.NotListening, "nothing listens on port 80 of pod multitool-worker"},
		{"refused, and nothing is known", cross(trace.TCP), 100, func(f *judge.Findings, _ inspect.Family) {
			f.Path.Result.Refused = true
		}, trace.NotListening, "refuses the connection"},
		{"no endpoint", service(trace.TCP), 100, func(f *judge.Findings, _ inspect.Family) {
			f.Path.Result.Refused = true
			blame(f, indexOf(f.Path.Hops, trace.ComponentService, false), trace.NoEndpoint)
		}, trace.NoEndpoint, ""},
		{"no endpoint, wherever the loss seems to be", service(trace.TCP), 1, func(f *judge.Findings, _ inspect.Family) {
			blame(f, indexOf(f.Path.Hops, trace.ComponentService, false), trace.NoEndpoint)
		}, trace.NoEndpoint, ""},
		{"no ready DNS server", service(trace.Ask), 2, func(f *judge.Findings, _ inspect.Family) {
			blame(f, indexOf(f.Path.Hops, trace.ComponentService, false), trace.NoEndpoint)
		}, trace.NoEndpoint, "DNS does not answer: no-endpoint says the plan"},
		{"no DNS server is left, and kube-proxy refuses", service(trace.Ask), 2, func(f *judge.Findings, _ inspect.Family) {
			f.Path.Result.Refused = true
			f.Rule = &no // what refuses stands in another table
			blame(f, indexOf(f.Path.Hops, trace.ComponentService, false), trace.NoEndpoint)
		}, trace.NoEndpoint, "DNS does not answer: no-endpoint says the plan"},
		{"no rule for DNS", service(trace.Ask), 2, func(f *judge.Findings, _ inspect.Family) { f.Rule = &no }, trace.NoTranslation,
			"DNS does not answer: kube-proxy has no rule for 10.96.0.10 on " + a},
		{"no rule for DNS, which was not asked apart", service(trace.Get), 2, func(f *judge.Findings, _ inspect.Family) {
			f.Path.Result.Resolved, f.Rule = false, &no
		}, trace.NoTranslation, "DNS does not answer: kube-proxy has no rule for 10.96.0.10 on " + a},
		{"a rule for DNS, and silence", service(trace.Ask), 2, func(f *judge.Findings, _ inspect.Family) { f.Rule = &yes },
			trace.DNSSilent, ""},
		{"the name is not resolved", service(trace.Get), 2, func(f *judge.Findings, family inspect.Family) {
			f.Path.Result.Resolved = false
			ask := peer(tracetest.ToService(a, family, trace.Ask), trace.Fail)
			ask.Cause = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.DNSSilent, Summary: "no ready endpoint"}
			f.Peers = []trace.Path{ask}
		}, trace.DNSSilent, "the name is not resolved: no ready endpoint"},
		{"the name is not resolved, and the question asked apart met another endpoint", service(trace.Get), 2, func(f *judge.Findings, family inspect.Family) {
			f.Path.Result.Resolved = false
			ask := peer(tracetest.ToService(a, family.Other(), trace.Ask), trace.Pass)
			ask.Hops[1].Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.NeighborWrong, Summary: "endpoint coredns: another machine"}
			f.Peers = []trace.Path{ask}
		}, trace.NeighborWrong, "the name is not resolved: endpoint coredns: another machine"},
		{"the name is not resolved, and an endpoint could not be reached", service(trace.Get), 2, func(f *judge.Findings, family inspect.Family) {
			f.Path.Result.Resolved = false
			ask := peer(tracetest.ToService(a, family, trace.Ask), trace.Fail)
			ask.Cause = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.DNSSilent, Summary: "no ready endpoint"}
			f.Peers = []trace.Path{ask}
			blame(f, 1, trace.NoRoute)
		}, trace.DNSSilent, "the name is not resolved: no ready endpoint"},
		{"no rule", service(trace.TCP), 2, func(f *judge.Findings, _ inspect.Family) { f.Rule = &no }, trace.NoTranslation, a},
		{"an endpoint cannot be reached", service(trace.TCP), 3, func(f *judge.Findings, family inspect.Family) {
			broken := peer(tracetest.PodToPod(a, b, family, trace.Ping), trace.Fail)
			broken.Cause = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.FDBWrong, Node: a, Summary: "no entry"}
			f.Peers = []trace.Path{broken}
		}, trace.FDBWrong, "endpoint multitool-worker cannot be reached: no entry"},
		{"large packets", cross(trace.Ping), 4, func(f *judge.Findings, family inspect.Family) {
			f.Path.Probe.Size = 1430
			f.Peers = []trace.Path{peer(tracetest.PodToPod(a, b, family, trace.Ping), trace.Pass)}
		}, trace.PathMTU, "packets of 1430 bytes do not pass, small ones do"},
		{"too big, says a router", cross(trace.Ping), 4, func(f *judge.Findings, _ inspect.Family) {
			f.Path.Probe.Size, f.Path.Result.MTU = 1430, 1280
			f.Path.Result.From = netip.MustParseAddr("fd00:10:10::11")
		}, trace.PathMTU, "the MTU is 1280, says fd00:10:10::11"},
		{"large packets where small ones fail too", cross(trace.Ping), 3, func(f *judge.Findings, family inspect.Family) {
			f.Path.Probe.Size = 1430
			f.Peers = []trace.Path{peer(tracetest.PodToPod(a, b, family, trace.Ping), trace.Fail)}
		}, trace.PolicyDrops, ""},
		{"TCP alone is filtered", cross(trace.TCP), 0, func(f *judge.Findings, family inspect.Family) {
			p := f.Path
			*f = failing(planned(p), indexOf(p.Hops, trace.ComponentPod, true)-1)
			f.Peers = []trace.Path{peer(tracetest.PodToPod(a, b, family, trace.Ping), trace.Pass)}
		}, trace.PolicyDrops, "not delivered to the pod"},
		{"the tool is missing", cross(trace.Ping), 100, func(f *judge.Findings, _ inspect.Family) {
			*f.Path.Result = trace.Result{Failed: "the image has no ping"}
		}, trace.NoTool, "the image has no ping"},
	}
	for _, tt := range tests {
		for _, family := range inspect.Families() {
			t.Run(tt.name+"/"+family.String(), func(t *testing.T) {
				f := failing(tt.path(family), tt.stop)
				tt.change(&f, family)
				got := judge.Explain(f)
				if got.Code != tt.want || !strings.Contains(got.Summary, tt.says) {
					t.Errorf("got %+v, want %s: %s", *got, tt.want, tt.says)
				}
			})
		}
	}
}

func cross(check trace.Check) func(inspect.Family) trace.Planned {
	return func(f inspect.Family) trace.Planned { return tracetest.PodToPod(a, b, f, check) }
}

func service(check trace.Check) func(inspect.Family) trace.Planned {
	return func(f inspect.Family) trace.Planned { return tracetest.ToService(a, f, check) }
}

// TestReverseFilter has a node drop what it would not answer by the same door. IPv6 has no such filter.
func TestReverseFilter(t *testing.T) {
	for family, want := range map[inspect.Family]inspect.Code{inspect.IPv4: trace.NoRoute, inspect.IPv6: trace.PolicyDrops} {
		p := cross(trace.Ping)(family)
		delivery := indexOf(p.Hops, trace.ComponentPod, true) - 1
		f := failing(p, delivery)
		back := indexOf(p.Hops, trace.ComponentRoute, true)
		f.Path.Hops[back].Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: trace.NoRoute, Node: f.Path.Hops[back].Node, Summary: "no way back"}
		if got := judge.Explain(f); got.Code != want {
			t.Errorf("%s: got %+v, want %s", family, got, want)
		}
		// A route that is missing elsewhere filters nothing here.
		f.Path.Hops[back].Problem.Node = a
		if got := judge.Explain(f); got.Code != trace.PolicyDrops {
			t.Errorf("%s, elsewhere: got %+v", family, got)
		}
	}
}

// TestNoise has other traffic move the wire as much as the probes would: it is not taken for a place where they are lost.
func TestNoise(t *testing.T) {
	for _, family := range inspect.Families() {
		p := cross(trace.Ping)(family)
		f := failing(p, indexOf(p.Hops, trace.ComponentPod, true)-1)
		f.Alone.Noise = trace.Readings{}
		for _, hop := range p.Hops {
			if hop.Meter != nil && hop.Component == trace.ComponentUnderlay {
				f.Alone.Noise[*hop.Meter] = 1000
			}
		}
		want := trace.Unknown
		if family == inspect.IPv6 {
			want = trace.PolicyDrops // the tunnel's counters tell
		}
		if got := judge.Explain(f); got.Code != want {
			t.Errorf("%s: got %+v, want %s", family, got, want)
		}
		f.Flows = denying(false)
		if got := judge.Explain(f); got.Code != trace.PolicyDrops || got.Node != b {
			t.Errorf("%s, with a policy: got %+v", family, got)
		}
	}
}

// TestDetour has answers go back through a third node, which drops them.
func TestDetour(t *testing.T) {
	for _, family := range inspect.Families() {
		p := cross(trace.Ping)(family)
		back := indexOf(p.Hops, trace.ComponentRoute, true)
		f := failing(p, back+1)
		f.Path.Hops[back].Problem = &inspect.Finding{Severity: inspect.SeverityWarning, Code: trace.WrongRoute, Node: b, Summary: "it leads to c"}
		if got := judge.Explain(f); got.Code == trace.WrongRoute {
			t.Errorf("%s: no third node, and %+v", family, got)
		}
		f.Path.Hops[back+1].Node = "c"
		if got := judge.Explain(f); got.Code != trace.WrongRoute || !trace.Stops(got) || got.Node != b || !strings.Contains(got.Summary, "c sees one direction only") {
			t.Errorf("%s: got %+v", family, got)
		}

		// A service behind it answers the first packet of a connection, and no other.
		reached := peer(planned(f.Path), trace.Pass)
		f = failing(tracetest.ToService(a, family, trace.Get), 3)
		f.Peers = []trace.Path{peer(tracetest.PodToPod(a, b, family, trace.Ping), trace.Pass)}
		if got := judge.Explain(f); got.Code == trace.WrongRoute {
			t.Errorf("%s: no detour, and %+v", family, got)
		}
		f.Peers = []trace.Path{reached}
		if got := judge.Explain(f); got.Code != trace.WrongRoute || got.Node != b || !strings.Contains(got.Summary, "endpoint multitool-worker cannot be reached") {
			t.Errorf("%s: got %+v", family, got)
		}
	}
}

// toSwitch is a path to the address of a lab's switch, whose source is translated or not.
func toSwitch(translated bool) func(inspect.Family) trace.Planned {
	return func(f inspect.Family) trace.Planned {
		p := tracetest.ToExternal(a, f)
		p.Target.Kind = trace.Switch
		if !translated {
			p.Hops = slices.DeleteFunc(p.Hops, func(h trace.Hop) bool { return h.Component == trace.ComponentNAT })
		}
		return p
	}
}

// TestCommands quotes what a shell would take for more than a word.
func TestCommands(t *testing.T) {
	f := failing(tracetest.PodToPod(a, b, inspect.IPv6, trace.Ping), 0)
	f.Path.Source.Name = "x; rm -rf '/'"
	want := `kubectl exec -n default 'x; rm -rf '"'"'/'"'"'' -- ip -6 route`
	if got := judge.Explain(f).Command; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// denying is what a policy that selects the source (egress) or the target says, which has no rule.
func denying(egress bool) []judge.Flow {
	p := &inspect.Policy{Kind: "NetworkPolicy", Namespace: "default", Name: "deny"}
	v := policy.Verdict{Decision: policy.Denied, Egress: egress, Tier: "default", Selecting: []*inspect.Policy{p}}
	verdicts := []policy.Verdict{{Decision: policy.Allowed, Egress: true}, v}
	if egress {
		verdicts = []policy.Verdict{v}
	}
	return []judge.Flow{{To: trace.Endpoint{Name: "target", Node: b}, Protocol: "ICMP", Verdicts: verdicts}}
}

// TestOffload: TCP fails where ICMP passes. Pods that have received broken segments have an offload fault before them, and
// pods that have not a firewall: they would answer what reaches them.
func TestOffload(t *testing.T) {
	for _, family := range inspect.Families() {
		for intact, want := range map[bool]inspect.Code{false: trace.Offload, true: trace.PolicyDrops} {
			p := cross(trace.TCP)(family)
			f := failing(p, indexOf(p.Hops, trace.ComponentPod, true)+1)
			f.Path.Result.TimedOut = true
			f.Listening = []judge.PodListening{{Pod: p.Target, Port: 80, Listening: trace.Listening{IPv4: true, IPv6: true, Intact: intact}}}
			ping, _ := pinged(cross(trace.Ping)(family))
			f.Peers = []trace.Path{verdict(ping, trace.Pass)}
			got := judge.Explain(f)
			if got.Code != want || want == trace.PolicyDrops && got.Node != b {
				t.Errorf("%s, intact %v: got %+v", family, intact, got)
			}
		}
	}
}

// nodePort is a path to a node port of another node.
func nodePort(f inspect.Family) trace.Planned {
	p := tracetest.ToService(a, f, trace.TCP)
	p.Class, p.Target.Kind, p.Target.Name, p.Target.Node, p.Target.Port = trace.NodePort, trace.Node, b, b, 30080
	p.Expect.Frontend = &inspect.Frontend{Kind: inspect.NodePort, Node: b, Address: p.Target.IP, Port: 30080}
	return p
}
