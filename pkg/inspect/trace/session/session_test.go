package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/policy"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/session"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/tracetest"
)

const (
	a = inspecttest.ControlPlane
	b = inspecttest.Worker
	c = inspecttest.Worker2
)

// run traces the matrix over a network.
func run(t *testing.T, n *tracetest.Network, o session.Options) []trace.Path {
	t.Helper()
	if n.Paths == nil {
		n.Paths = tracetest.Matrix()
	}
	paths, err := session.Cluster{}.Prove(t.Context(), n, n.Prepare(inspecttest.Lab()), n.Paths, o)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// TestHealthy passes every path, with one exec for each source and one for each node after.
func TestHealthy(t *testing.T) {
	for _, noise := range []uint64{0, 50} {
		n := &tracetest.Network{Noise: noise}
		for _, p := range run(t, n, session.Options{Calm: 1}) {
			want := trace.Pass
			if p.Skip != "" {
				want = trace.Skip
			}
			if p.Verdict != want || p.Cause != nil {
				t.Errorf("%s: %s, %+v, %v", p.Name, p.Verdict, p.Cause, p.Evidence.Notes)
			}
		}
		if n.Probes != 3 || n.Readings != 3 {
			t.Errorf("noise %d: %d execs for probes and %d for counters, want 3 and 3", noise, n.Probes, n.Readings)
		}
	}
}

// at loses packets of a family, or of both, on the way to a meter.
func at(f inspect.Family, node, device string, d trace.Direction) func(*trace.Planned, trace.Hop) bool {
	return func(p *trace.Planned, hop trace.Hop) bool {
		return f.Matches(p.Family) && hop.Meter != nil && *hop.Meter == trace.Meter{Node: node, Device: device, Direction: d}
	}
}

func tcp(p *trace.Planned) bool { return p.Probe.Check == trace.TCP || p.Probe.Check == trace.Get }

func crosses(p *trace.Planned, from, to string) bool {
	return p.Class == trace.CrossNode && (p.Source.Node == from && p.Target.Node == to || p.Source.Node == to && p.Target.Node == from)
}

// fault is a network with a fault, which paths it breaks, and what must be said of them.
type fault struct {
	name    string
	network *tracetest.Network
	// broken reports whether a path must fail; it must pass otherwise.
	broken func(p *trace.Planned) bool
	code   inspect.Code
	says   string
	node   string
}

func faults() []fault {
	var all []fault
	for _, f := range inspect.Families() {
		all = append(all, pathFaults(f)...)
		all = append(all, applicationFaults(f)...)
	}
	return append(all,
		fault{name: "UDP 4789 dropped on the receiver",
			network: &tracetest.Network{Lose: at(inspect.IPv6, b, inspecttest.Device6, trace.RX)},
			broken:  func(p *trace.Planned) bool { return p.Family == inspect.IPv6 && (crosses(p, a, b) || crosses(p, b, c)) },
			code:    trace.UnderlayBlocks, says: "UDP port 4789", node: b},
		fault{name: "UDP of another port dropped on the receiver",
			network: &tracetest.Network{Paths: withPort(8472), Lose: at(inspect.IPv6, b, inspecttest.Device6, trace.RX)},
			broken:  func(p *trace.Planned) bool { return p.Family == inspect.IPv6 && (crosses(p, a, b) || crosses(p, b, c)) },
			code:    trace.UnderlayBlocks, says: "UDP port 8472", node: b},
		fault{name: "FDB entry missing",
			network: &tracetest.Network{Paths: withProblem(a, trace.ComponentFDB, trace.FDBWrong),
				Lose: func(_ *trace.Planned, hop trace.Hop) bool { return hop.Problem != nil }},
			broken: func(p *trace.Planned) bool { return hasProblem(p) }, code: trace.FDBWrong, says: "contradiction", node: a},
	)
}

// pathFaults are those of the way of packets.
func pathFaults(f inspect.Family) []fault {
	drop := func(match func(*trace.Planned) bool, m trace.Meter) *tracetest.Network {
		return &tracetest.Network{Lose: func(p *trace.Planned, hop trace.Hop) bool {
			return p.Family == f && match(p) && hop.Meter != nil && *hop.Meter == m
		}}
	}
	named := func(p *trace.Planned) bool { return p.Class != trace.Name }
	sent := trace.Meter{Node: a, Device: "eth1", Direction: trace.TX}
	if f == inspect.IPv6 {
		sent.Device = inspecttest.Device6
	}
	return []fault{
		{name: "policy at the target", network: drop(named, trace.Meter{Node: b, Device: tracetest.Cali(b), Direction: trace.TX}),
			broken: func(p *trace.Planned) bool {
				return p.Family == f && named(p) && (p.Source.Node == b || crosses(p, a, b))
			},
			code: trace.PolicyDrops, says: "not delivered to the pod", node: b},
		{name: "policy at the source", network: drop(func(p *trace.Planned) bool { return p.Class == trace.CrossNode }, sent),
			broken: func(p *trace.Planned) bool { return p.Family == f && (crosses(p, a, b) || crosses(p, a, c)) },
			code:   trace.PolicyDrops, says: "not sent on", node: a},
		{name: "external target is silent", network: &tracetest.Network{Lose: func(p *trace.Planned, hop trace.Hop) bool {
			return p.Family == f && hop.Component == trace.ComponentTarget
		}}, broken: func(p *trace.Planned) bool { return p.Family == f && p.Class == trace.External },
			code: trace.Unreachable, says: "does not answer"},
		{name: "a router says so", network: &tracetest.Network{
			Lose: func(p *trace.Planned, hop trace.Hop) bool {
				return p.Family == f && hop.Component == trace.ComponentTarget
			},
			Edit: func(p *trace.Planned, r *trace.Result) {
				if !r.Answered && p.Class == trace.External {
					r.From, r.Said = netip.MustParseAddr("10.10.10.1"), "Destination Net Unreachable"
				}
			}}, broken: func(p *trace.Planned) bool { return p.Family == f && p.Class == trace.External },
			code: trace.Unreachable, says: "10.10.10.1 says: Destination Net Unreachable"},
		{name: "no NAT and no route back", network: &tracetest.Network{Paths: withoutNAT(),
			Lose: func(p *trace.Planned, hop trace.Hop) bool {
				return p.Family == f && hop.Component == trace.ComponentTarget
			}},
			broken: func(p *trace.Planned) bool { return p.Family == f && p.Class == trace.External },
			code:   trace.NoReturn, says: "natOutgoing", node: ""},
		{name: "checksum offload", network: &tracetest.Network{Lose: func(p *trace.Planned, hop trace.Hop) bool {
			return p.Family == f && tcp(p) && p.Class == trace.CrossNode && hop.Return
		}}, broken: func(p *trace.Planned) bool { return p.Family == f && p.Class == trace.CrossNode && tcp(p) },
			code: trace.Offload, says: "ICMP passes"},
	}
}

// applicationFaults are those of what answers.
func applicationFaults(f inspect.Family) []fault {
	only := trace.Listening{IPv4: f == inspect.IPv6, IPv6: f == inspect.IPv4}
	says := map[inspect.Family]string{inspect.IPv4: "IPv6 only ([::])", inspect.IPv6: "IPv4 only (0.0.0.0): /proc/net/tcp6"}[f]
	refuse := func(match func(*trace.Planned) bool) func(*trace.Planned, *trace.Result) {
		return func(p *trace.Planned, r *trace.Result) {
			if p.Family == f && match(p) {
				*r = trace.Result{Tool: "fake", Refused: true, Resolved: true}
			}
		}
	}
	record := map[inspect.Family]string{inspect.IPv4: "no A record", inspect.IPv6: "no AAAA record"}[f]
	return []fault{
		{name: "listens in the other family", network: &tracetest.Network{Edit: refuse(tcp),
			Sockets: map[string]trace.Listening{"multitool-control-plane": only, "multitool-worker": only, "multitool-worker2": only}},
			broken: func(p *trace.Planned) bool { return p.Family == f && tcp(p) }, code: trace.NotListening, says: says},
		{name: "kube-proxy has no rule", network: &tracetest.Network{
			Lose: func(p *trace.Planned, hop trace.Hop) bool {
				return p.Family == f && tcp(p) && hop.Component == trace.ComponentService
			},
			Rules: map[netip.Addr]bool{}},
			broken: func(p *trace.Planned) bool {
				return p.Family == f && (p.Class == trace.Service || p.Class == trace.Web)
			},
			code: trace.NoTranslation, says: "kube-proxy has no rule"},
		{name: "no record", network: &tracetest.Network{Edit: func(p *trace.Planned, r *trace.Result) {
			if p.Family == f && p.Class == trace.Name {
				r.Answers = nil
			}
		}}, broken: func(p *trace.Planned) bool { return p.Family == f && p.Class == trace.Name }, code: trace.NoRecord, says: record},
		{name: "DNS is silent", network: &tracetest.Network{
			Lose: func(p *trace.Planned, hop trace.Hop) bool {
				return p.Family == f && (p.Class == trace.Name || p.Class == trace.Web) && hop.Component == trace.ComponentService
			},
			Edit: func(_ *trace.Planned, r *trace.Result) { r.Resolved = r.Answered }},
			broken: func(p *trace.Planned) bool { return p.Family == f && (p.Class == trace.Name || p.Class == trace.Web) },
			code:   trace.DNSSilent, says: "DNS server does not answer"},
		{name: "kube-proxy has no rule for DNS", network: &tracetest.Network{
			Lose: func(p *trace.Planned, hop trace.Hop) bool {
				return p.Family == f && (p.Class == trace.Name || p.Class == trace.Web) && hop.Component == trace.ComponentService
			},
			Edit:  func(_ *trace.Planned, r *trace.Result) { r.Resolved = r.Answered },
			Rules: map[netip.Addr]bool{}},
			broken: func(p *trace.Planned) bool { return p.Family == f && (p.Class == trace.Name || p.Class == trace.Web) },
			code:   trace.NoTranslation, says: "DNS does not answer: kube-proxy has no rule for 10.96.0.10"},
	}
}

func withProblem(node string, component trace.Component, code inspect.Code) []trace.Planned {
	paths := tracetest.Matrix()
	for i := range paths {
		for j := range paths[i].Hops {
			if hop := &paths[i].Hops[j]; hop.Node == node && hop.Component == component {
				hop.Problem = &inspect.Finding{Severity: inspect.SeverityError, Code: code, Node: node, Summary: "a contradiction"}
			}
		}
	}
	return paths
}

// withPort has all tunnels use another port than the default.
func withPort(port int) []trace.Planned {
	paths := tracetest.Matrix()
	for i := range paths {
		for j := range paths[i].Hops {
			if hop := &paths[i].Hops[j]; hop.UDPPort != 0 {
				hop.UDPPort = port
			}
		}
	}
	return paths
}

func hasProblem(p *trace.Planned) bool {
	return slices.ContainsFunc(p.Hops, func(h trace.Hop) bool { return h.Problem != nil })
}

func withoutNAT() []trace.Planned {
	paths := tracetest.Matrix()
	for i := range paths {
		paths[i].Hops = slices.DeleteFunc(paths[i].Hops, func(h trace.Hop) bool { return h.Component == trace.ComponentNAT })
	}
	return paths
}

// TestFaults holds that each fault breaks the paths that it must, and is named.
func TestFaults(t *testing.T) {
	for i, fault := range faults() {
		t.Run(fmt.Sprintf("%d %s", i, fault.name), func(t *testing.T) {
			broken := 0
			fault.network.Noise = 50
			for i, p := range run(t, fault.network, session.Options{Calm: 1}) {
				switch {
				case p.Skip != "":
				case !fault.broken(&fault.network.Paths[i]):
					if p.Verdict != trace.Pass {
						t.Errorf("%s: %s, %+v, %v", p.Name, p.Verdict, p.Cause, p.Evidence.Notes)
					}
				case p.Verdict != trace.Fail || p.Cause == nil:
					t.Errorf("%s: %s without a cause", p.Name, p.Verdict)
				case p.Cause.Code != fault.code || !strings.Contains(p.Cause.Summary, fault.says):
					t.Errorf("%s: got %+v, want %s: %s", p.Name, *p.Cause, fault.code, fault.says)
				case fault.node != "" && p.Cause.Node != fault.node:
					t.Errorf("%s: the cause is on %s, want %s", p.Name, p.Cause.Node, fault.node)
				default:
					broken++
				}
			}
			if broken == 0 {
				t.Error("no path failed")
			}
		})
	}
}

// TestPolicies names the policies that select the ends of a path that is dropped.
func TestPolicies(t *testing.T) {
	n := &tracetest.Network{Lose: at(0, b, tracetest.Cali(b), trace.TX)}
	n.Paths = tracetest.Matrix()
	cluster := session.Cluster{Policies: func(_ context.Context, snap *inspect.Snapshot) *policy.Set {
		return policy.New([]inspect.Policy{{Kind: "NetworkPolicy", Namespace: "default", Name: "deny", Ingress: true}}, inspect.PolicyBasis{}, nil,
			felix.ReleaseOf(snap.Calico.Version))
	}}
	paths, err := cluster.Prove(t.Context(), n, n.Prepare(inspecttest.Lab()), n.Paths, session.Options{Calm: 1})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(n.Paths, func(p trace.Planned) bool { return crosses(&p, a, b) && p.Probe.Check == trace.Ping })
	if !strings.Contains(paths[i].Cause.Summary, "no ingress rule of NetworkPolicy default/deny admits ICMP from pod") {
		t.Errorf("got %+v", paths[i].Cause)
	}
}

// TestFootings: a pod without its address, or without a way out, is the cause of what fails from it and to it.
func TestFootings(t *testing.T) {
	lost := trace.Footing{Default: true}
	ip := inspecttest.HostOf(a, inspect.IPv6).Pod
	n := &tracetest.Network{Paths: tracetest.Matrix(), Footings: map[netip.Addr]trace.Footing{ip: lost},
		Lose: func(p *trace.Planned, _ trace.Hop) bool {
			return p.Family == inspect.IPv6 && (p.Source.Node == a || p.Target.IP == ip) && p.Class != trace.Name && !p.Class.Translated()
		}}
	failed := 0
	for _, p := range run(t, n, session.Options{Calm: 1}) {
		if p.Verdict != trace.Fail {
			continue
		}
		failed++
		if p.Cause.Code != trace.AddressLost || !strings.Contains(p.Cause.Summary, "does not hold its address "+ip.String()) {
			t.Errorf("%s: %s: %s", p.Name, p.Cause.Code, p.Cause.Summary)
		}
	}
	if failed == 0 {
		t.Error("nothing failed")
	}
}

// TestNoKubeProxy does not blame kube-proxy where the eBPF data plane does its work.
func TestNoKubeProxy(t *testing.T) {
	n := &tracetest.Network{Paths: tracetest.Matrix(), Rules: map[netip.Addr]bool{},
		Lose: func(p *trace.Planned, hop trace.Hop) bool {
			return p.Class == trace.Service && hop.Component == trace.ComponentService
		}}
	for i := range n.Paths {
		n.Paths[i].Expect.EBPF = true
	}
	failed := 0
	for _, p := range run(t, n, session.Options{Calm: 1}) {
		if p.Verdict == trace.Fail {
			failed++
			if strings.Contains(p.Cause.Summary, "kube-proxy") {
				t.Errorf("%s: %s", p.Name, p.Cause.Summary)
			}
		}
	}
	if failed == 0 {
		t.Error("nothing failed")
	}
}

// TestTransient lets a path pass that is answered when it is alone, and says so.
func TestTransient(t *testing.T) {
	n := &tracetest.Network{}
	n.Lose = func(p *trace.Planned, _ trace.Hop) bool { return n.Probes <= 3 && p.Class == trace.External }
	for _, p := range run(t, n, session.Options{Calm: 1}) {
		if p.Class == trace.External && (p.Verdict != trace.Pass || len(p.Evidence.Notes) != 1) {
			t.Errorf("%s: %s, notes %q", p.Name, p.Verdict, p.Evidence.Notes)
		}
	}
}

// TestNowAndThen does not let a service pass that is answered now and then: one of its endpoints cannot be reached.
func TestNowAndThen(t *testing.T) {
	n, tries := &tracetest.Network{}, 0
	n.Lose = func(p *trace.Planned, hop trace.Hop) bool {
		if p.Class != trace.Service || hop.Component != trace.ComponentService {
			return false
		}
		tries++
		return tries%3 == 1
	}
	failed := 0
	for _, p := range run(t, n, session.Options{Calm: 1}) {
		if p.Verdict == trace.Fail {
			failed++
			if p.Class != trace.Service || !strings.Contains(strings.Join(p.Evidence.Notes, ""), "of 16 tries were answered") {
				t.Errorf("%s: %+v, %q", p.Name, p.Cause, p.Evidence.Notes)
			}
		}
	}
	if failed == 0 {
		t.Error("nothing failed")
	}
}

// TestUnreadable does not take an answer for a proof where the counters cannot be read.
func TestUnreadable(t *testing.T) {
	n := &tracetest.Network{Unreadable: []string{b}}
	for i, p := range run(t, n, session.Options{Calm: 1}) {
		touches := slices.ContainsFunc(n.Paths[i].Meters(), func(m trace.Meter) bool { return m.Node == b })
		if touches != (p.Verdict == trace.Inconclusive) {
			t.Errorf("%s: %s", p.Name, p.Verdict)
		}
		if touches && !strings.Contains(p.Evidence.Notes[0], "cannot enter node "+b) {
			t.Errorf("%s: notes %q", p.Name, p.Evidence.Notes)
		}
	}
}

// TestRefused leaves the paths of a source that cannot be entered open, and gives up where none can.
func TestRefused(t *testing.T) {
	refused := errors.New("cannot create pods/exec: permission denied")
	n := &tracetest.Network{Refuse: map[string]error{"multitool-worker": refused}}
	for _, p := range run(t, n, session.Options{Calm: 1}) {
		if (p.Source.Node == b && p.Skip == "") != (p.Verdict == trace.Inconclusive) {
			t.Errorf("%s: %s", p.Name, p.Verdict)
		}
	}
	n = &tracetest.Network{Paths: tracetest.Matrix(), Refuse: map[string]error{"multitool-worker": refused,
		"multitool-worker2": refused, "multitool-control-plane": refused}}
	_, err := session.Cluster{}.Prove(t.Context(), n, inspecttest.Lab(), n.Paths, session.Options{Calm: 1})
	if !errors.Is(err, refused) {
		t.Errorf("got error %v", err)
	}
}

// TestInterrupted ends at once, and still closes the prober.
func TestInterrupted(t *testing.T) {
	n := &tracetest.Network{Hang: make(chan struct{})}
	cluster := session.Cluster{
		Facts: func(context.Context) (*inspect.Snapshot, error) { return inspecttest.Lab(), nil },
		Enter: func(*inspect.Snapshot) trace.Prober { return n },
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for range 3 {
			<-n.Hang
		}
		cancel()
	}()
	_, err := session.Run(ctx, cluster, session.Request{}, session.Options{Calm: 1})
	if !errors.Is(err, context.Canceled) || n.Closed != 1 {
		t.Errorf("got error %v, closed %d times", err, n.Closed)
	}
}

// TestNamesOfThisMachine refuses a name that DNS answers with an address that would be refused if it were typed, and says so.
// If a name has another address as well, that one is traced and the refusal is the reason of the path that is skipped.
func TestNamesOfThisMachine(t *testing.T) {
	blocker := "as name blockers do"
	tests := []struct {
		answers string
		refused string // what the error says; empty: it is traced
		skipped string // what a path that is skipped says
		probed  int    // paths beside the questions
	}{
		{answers: "0.0.0.0", refused: blocker},
		{answers: "127.0.0.1", refused: blocker},
		{answers: "127.8.9.10", refused: blocker},
		{answers: "::1", refused: blocker},
		{answers: "::", refused: blocker},
		{answers: "0.0.0.0 ::", refused: blocker},
		{answers: "0.1.2.3", refused: "which no machine has"},
		{answers: "255.255.255.255", refused: "which no machine has"},
		{answers: "::127.0.0.1", refused: "which no machine has"},
		{answers: "169.254.169.254", refused: "a link-local address"},
		{answers: "fe80::1", refused: "a link-local address"},
		{answers: "224.0.0.251", refused: "a multicast address"},
		{answers: "ff02::1", refused: "a multicast address"},
		{answers: it(b, inspect.IPv4), refused: "leads to the pod that is probed from"},
		{answers: "9.9.9.9", probed: 1},
		{answers: "0.0.0.0 2001:db8::9", probed: 1, skipped: blocker},
		{answers: "9.9.9.9 127.0.0.1 2001:db8::9", probed: 2, skipped: blocker},
	}
	for _, tt := range tests {
		t.Run(tt.answers, func(t *testing.T) {
			request := session.Request{Target: "ads.example.org", From: plan.SourceOptions{Pod: "multitool-worker"}}
			n := &tracetest.Network{Edit: func(p *trace.Planned, r *trace.Result) {
				for text := range strings.FieldsSeq(tt.answers) {
					if ip := netip.MustParseAddr(text); p.Class == trace.Name && inspect.FamilyOf(ip) == p.Family {
						r.Answers = append(r.Answers, ip)
					}
				}
			}}
			n.Paths, _ = session.Plan(t.Context(), nil, inspecttest.Lab(), request)
			planned, err := session.Plan(t.Context(), n, inspecttest.Lab(), request)
			if tt.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tt.refused) || !strings.Contains(err.Error(), "ads.example.org") {
					t.Errorf("got %v, want an error with %q", err, tt.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			probed, skipped := 0, tt.skipped == ""
			for _, p := range planned {
				if p.Skip == "" && p.Class != trace.Name {
					probed++
				}
				skipped = skipped || strings.Contains(p.Skip, tt.skipped)
			}
			if probed != tt.probed || !skipped {
				t.Errorf("%d paths are probed, want %d; %q is said: %v", probed, tt.probed, tt.skipped, skipped)
			}
		})
	}
}

// it is the address of the lab's pod on a node.
func it(node string, f inspect.Family) string { return inspecttest.HostOf(node, f).Pod.String() }
