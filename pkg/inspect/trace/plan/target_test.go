package plan_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
)

// TestURLs: a page is asked for where it is, and nothing else of its host.
func TestURLs(t *testing.T) {
	s := lab()
	svc := s.Services[slices.IndexFunc(s.Services, func(svc inspect.Service) bool { return svc.Name == it.ServiceDualStack })]
	pod := it.HostOf(it.Worker2, inspect.IPv6).Pod
	for _, tt := range []struct {
		url      string
		resolved []netip.Addr
		want     []string // CHECK TARGET:PORT PATH of each probe from the first pod
	}{
		{"http://multitool-dual-stack.default.svc/a?b=c", nil, []string{
			"http " + svc.ClusterIPs[0].String() + ":80 /a?b=c", "http " + svc.ClusterIPs[1].String() + ":80 /a?b=c", "dns :0", "dns :0",
			"http multitool-dual-stack.default.svc.cluster.local:80 /a?b=c", "http multitool-dual-stack.default.svc.cluster.local:80 /a?b=c"}},
		{"https://[2001:db8::1]:8443/a", nil, []string{"ping 2001:db8::1:0", "tcp 2001:db8::1:8443"}},
		{"http://[" + pod.String() + "]:8080", nil, []string{"ping " + pod.String() + ":0", "http " + pod.String() + ":8080 /"}},
		{"http://example.org/", []netip.Addr{netip.MustParseAddr("192.0.2.1")}, []string{"ping 192.0.2.1:0", "http 192.0.2.1:80 /", "dns :0", "dns :0"}},
		{"http://example.org/", nil, []string{"dns :0", "dns :0"}},
	} {
		t.Run(tt.url, func(t *testing.T) {
			target, err := plan.ParseTarget(s, tt.url, "", "")
			if err != nil {
				t.Fatal(err)
			}
			if tt.resolved != nil {
				target.Resolve(tt.resolved)
			}
			sources, err := plan.Sources(s, plan.SourceOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range build(t, s, plan.Request{Target: target, Sources: sources[:1]}) {
				if p.Skip != "" {
					continue
				}
				to := p.Probe.Host
				if p.Probe.Target.IsValid() {
					to = p.Probe.Target.String()
				}
				if p.Probe.Check == trace.Ask {
					to = ""
				}
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s:%d %s", p.Probe.Check, to, p.Probe.Port, p.Probe.Path)))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func TestParseTarget(t *testing.T) {
	h6 := it.HostOf(it.Worker, inspect.IPv6)
	tests := []struct {
		text string
		kind trace.EndpointKind
		name string
		err  string
	}{
		{text: "2001:db8::1", kind: trace.Switch},
		{text: "1.1.1.1", kind: trace.Switch},
		{text: "10.10.10.1", kind: trace.Switch},
		{text: "9.9.9.9", kind: trace.Outside},
		{text: "::ffff:9.9.9.9", kind: trace.Outside},
		{text: h6.Pod.String(), kind: trace.Pod, name: "multitool-worker"},
		{text: h6.Address.Addr().String(), kind: trace.Node, name: it.Worker},
		{text: h6.Tunnel.String(), kind: trace.Node, name: it.Worker},
		{text: "10.96.20.1", kind: trace.Svc, name: it.ServiceDualStack},
		{text: "pod/multitool-worker", kind: trace.Pod, name: "multitool-worker"},
		{text: "pods/kube-system/coredns-1", kind: trace.Pod, name: "coredns-1"},
		{text: "svc/multitool-dual-stack", kind: trace.Svc, name: it.ServiceDualStack},
		{text: "services/multitool-ipv6-only", kind: trace.Svc, name: it.ServiceIPv6Only},
		{text: "multitool-ipv6-only.default.svc.cluster.local", kind: trace.Svc, name: it.ServiceIPv6Only},
		{text: "Kube-DNS.kube-system.svc", kind: trace.Svc, name: "kube-dns"},
		{text: "node/" + it.Worker, kind: trace.Node, name: it.Worker},
		{text: "nodes/nobody", err: `there is no node "nobody"`},
		{text: "node/", err: "neither pod/NAME, svc/NAME nor node/NAME"},
		{text: "node/default/x", err: "neither pod, svc nor node"},
		{text: "example.org.", kind: trace.HostName, name: "example.org"},
		{text: "http://multitool-dual-stack.default.svc", kind: trace.Svc, name: it.ServiceDualStack},
		{text: "http://multitool-dual-stack.default.svc:80/a?b=c", kind: trace.Svc, name: it.ServiceDualStack},
		{text: "https://multitool-dual-stack.default.svc/", err: "service multitool-dual-stack has no TCP port 443"},
		{text: "https://[2001:db8::1]:8443/", kind: trace.Switch},
		{text: "http://" + h6.Pod.String() + "/", err: "is in brackets"},
		{text: "http://[" + h6.Pod.String() + "]/", kind: trace.Pod, name: "multitool-worker"},
		{text: "http://example.org/", kind: trace.HostName, name: "example.org"},
		{text: "http://example.org:0/", err: "is not a port"},
		{text: "http://example.org:/", err: "is not a port"},
		{text: "http://example.org:99999/", err: "is not a port"},
		{text: "http://user:secret@example.org/", err: "leave out the user"},
		{text: "http:///x", err: "has no host"},
		{text: "ftp://example.org/", err: "use http:// or https://"},
		{text: "http://example.org/a b?c=d'e", err: "write what is not plain ASCII"},
		{text: "http://127.0.0.1/", err: "cannot be traced: it is "},
		{text: "http://%zz/", err: "is not a URL"},
		{text: "", err: "is empty"},
		{text: "-h", err: "begins with a dash"},
		{text: "--help.example.org", err: "begins with a dash"},
		{text: "fe80::1%eth0", err: "zone"},
		{text: "fe80::1", err: "cannot be traced: it is "},
		{text: "127.0.0.1", err: "cannot be traced: it is "},
		{text: "::", err: "cannot be traced: it is "},
		{text: "ff02::1", err: "cannot be traced: it is "},
		{text: "1.2.3", err: "not an IP address"},
		{text: "2001:db8::g", err: "not an IP address"},
		{text: "a b", err: "neither an IP address nor a host name"},
		{text: "$(reboot)", err: "neither an IP address nor a host name"},
		{text: "pod/nobody", err: `there is no pod "nobody" in namespace "default"`},
		{text: "pod/", err: "neither pod/NAME, svc/NAME nor node/NAME"},
		{text: "deploy/x", err: "neither pod, svc nor node"},
		{text: "svc/nobody", err: `there is no service "nobody"`},
		{text: "nobody.default.svc", err: `there is no service "nobody"`},
	}
	s := lab()
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := plan.ParseTarget(s, tt.text, "default", "")
			switch {
			case tt.err != "":
				if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %v, want one line with %q", err, tt.err)
				}
			case err != nil:
				t.Error(err)
			case got.Kind != tt.kind || got.Name != tt.name:
				t.Errorf("got %+v, want %s %q", got, tt.kind, tt.name)
			}
		})
	}
}

// TestTargets names the paths to each kind of target, from one pod.
func TestTargets(t *testing.T) {
	const from = "multitool-worker"
	tests := []struct {
		target string
		req    plan.Request
		want   []string // name, with its TTL or check, or "skip"
	}{
		{target: "2001:db8::1", want: []string{"external/" + from + "/2001:db8::1/IPv6 ping 63"}},
		{target: "9.9.9.9", want: []string{"external/" + from + "/9.9.9.9/IPv4 ping 0"}},
		{target: "10.10.10.11", want: []string{"node/" + from + "/10.10.10.11/IPv4 ping 64"}},
		{target: "fd00:10:10::12", want: []string{"node/" + from + "/fd00:10:10::12/IPv6 ping 63"}},
		{target: "node/" + it.Worker2, want: []string{"node/" + from + "/dual-stack-worker2/IPv4 ping 63", "node/" + from + "/dual-stack-worker2/IPv6 ping 63"}},
		{target: "node/" + it.Worker, req: plan.Request{Family: inspect.IPv6}, want: []string{"node/" + from + "/dual-stack-worker/IPv6 ping 64"}},
		{target: "pod/multitool-worker2", req: plan.Request{Reverse: true, Family: inspect.IPv6}, want: []string{
			"cross-node/" + from + "/multitool-worker2/IPv6 ping 62", "cross-node/" + from + "/multitool-worker2/IPv6/tcp-80 tcp 0",
			"cross-node/multitool-worker2/" + from + "/IPv6 ping 62"}},
		{target: "pod/" + from, want: []string{"same-node/" + from + "/" + from + "/IPv4 skip", "same-node/" + from + "/" + from + "/IPv6 skip"}},
		{target: "svc/multitool-ipv6-only", want: []string{
			"service/" + from + "/multitool-ipv6-only/IPv4 skip", "service/" + from + "/multitool-ipv6-only/IPv6 http 0",
			"dns/" + from + "/multitool-ipv6-only/IPv4 skip", "dns/" + from + "/multitool-ipv6-only/IPv6 dns 0",
			"http/" + from + "/multitool-ipv6-only/IPv4 skip", "http/" + from + "/multitool-ipv6-only/IPv6 http 0"}},
		{target: "10.96.0.1", want: []string{"service/" + from + "/kubernetes/IPv4 tcp 0"}},
		{target: "10.96.0.10", want: []string{"service/" + from + "/kube-dns.kube-system/IPv4/udp-53 skip",
			"service/" + from + "/kube-dns.kube-system/IPv4/tcp-53 tcp 0"}},
		{target: "example.org", want: []string{"dns/" + from + "/example.org/IPv4 dns 0", "dns/" + from + "/example.org/IPv6 dns 0"}},
		{target: "2001:db8::1", req: plan.Request{MTU: true}, want: []string{"external/" + from + "/2001:db8::1/IPv6 ping 63",
			"external/" + from + "/2001:db8::1/IPv6/mtu ping 63"}},
	}
	s := lab()
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			target, err := plan.ParseTarget(s, tt.target, "default", "")
			if err != nil {
				t.Fatal(err)
			}
			tt.req.Target = target
			if tt.req.Sources, err = plan.Sources(s, plan.SourceOptions{Pod: from}); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range build(t, s, tt.req) {
				if cause := first(&p); cause != nil {
					t.Errorf("%s: %+v", p.Name, cause)
				}
				got = append(got, line(&p))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestNodeOfTwoAddresses: a node is reached at Calico's address and at another one that Kubernetes has, and not in a family without any.
func TestNodeOfTwoAddresses(t *testing.T) {
	s := lab(func(s *inspect.Snapshot) {
		for i := range s.Nodes {
			if n := &s.Nodes[i]; n.Name == it.Worker2 {
				n.Address.V6, n.InternalIPs = netip.Prefix{}, []netip.Addr{n.Address.V4.Addr(), netip.MustParseAddr("172.18.0.9")}
			}
		}
	})
	sources, err := plan.Sources(s, plan.SourceOptions{Pod: "multitool-worker"})
	if err != nil {
		t.Fatal(err)
	}
	target, err := plan.ParseTarget(s, "node/"+it.Worker2, "", "")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range build(t, s, plan.Request{Sources: sources, Target: target}) {
		got = append(got, p.Name+" "+p.Skip)
	}
	want := []string{"node/multitool-worker/dual-stack-worker2/IPv4 ", "node/multitool-worker/172.18.0.9/IPv4 ",
		"node/multitool-worker/dual-stack-worker2/IPv6 node dual-stack-worker2 has no IPv6 address"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func line(p *trace.Planned) string {
	if p.Skip != "" {
		return p.Name + " skip"
	}
	return fmt.Sprintf("%s %s %d", p.Name, p.Probe.Check, p.Expect.TTL)
}

// TestResolved plans the paths to a name once its addresses are known.
func TestResolved(t *testing.T) {
	s := lab()
	target, err := plan.ParseTarget(s, "example.org", "default", "")
	if err != nil || !target.NeedsAnswer() {
		t.Fatalf("%+v, %v", target, err)
	}
	target.Resolve([]netip.Addr{netip.MustParseAddr("9.9.9.9")})
	sources, _ := plan.Sources(s, plan.SourceOptions{Node: it.Worker})
	var got []string
	for _, p := range build(t, s, plan.Request{Sources: sources, Target: target}) {
		got = append(got, line(&p))
	}
	want := []string{"external/multitool-worker/example.org/IPv4 ping 0", "external/multitool-worker/example.org/IPv6 skip",
		"dns/multitool-worker/example.org/IPv4 dns 0", "dns/multitool-worker/example.org/IPv6 dns 0"}
	if target.NeedsAnswer() || !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRequests(t *testing.T) {
	s := lab()
	sources, err := plan.Sources(s, plan.SourceOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v4, _ := plan.ParseTarget(s, "9.9.9.9", "default", "")
	for name, req := range map[string]plan.Request{
		"another family": {Sources: sources, Target: v4, Family: inspect.IPv6},
		"no source":      {},
		"no path left":   {Sources: sources, Run: regexp.MustCompile("nothing")},
	} {
		if p, err := plan.New(s, req); err == nil {
			t.Errorf("%s: %d paths", name, len(p))
		}
	}
	p, err := plan.New(s, plan.Request{Sources: sources, Timeout: time.Second, Run: regexp.MustCompile("^cross-node/"),
		Skip: regexp.MustCompile("tcp"), Family: inspect.IPv6})
	if err != nil || len(p) != 6 {
		t.Errorf("%d paths, %v; want the 6 pairs of 3 nodes", len(p), err)
	}
}

// TestNoReturn holds how a source that is not translated shows: there is no hop of NAT, and no TTL to expect.
func TestNoReturn(t *testing.T) {
	s := lab(it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.NATOutgoing = false }))
	for _, p := range build(t, s, plan.Request{Run: regexp.MustCompile("^external/")}) {
		nat := slices.ContainsFunc(p.Hops, func(h trace.Hop) bool { return h.Component == trace.ComponentNAT })
		if want := p.Family == inspect.IPv4; nat != want || (p.Expect.TTL == 63) != want || first(&p) != nil {
			t.Errorf("translated: %v\n%s", nat, text([]trace.Planned{p}))
		}
	}
}

// TestRing plans for more nodes than are tried in pairs: each is a source and a target once.
func TestRing(t *testing.T) {
	s := it.Synthetic(7)
	if len(s.Pods) == 0 {
		for i, n := range s.Nodes {
			s.Pods = append(s.Pods, inspect.Pod{Namespace: "default", Name: "p" + n.Name, Node: n.Name, Phase: "Running", Ready: true,
				IPs: []netip.Addr{s.Blocks[2*i].CIDR.Addr().Next().Next(), s.Blocks[2*i+1].CIDR.Addr().Next().Next()}})
		}
	}
	from, to := map[string]int{}, map[string]int{}
	for _, p := range build(t, s, plan.Request{Run: regexp.MustCompile("^cross-node/"), Family: inspect.IPv6}) {
		from[p.Source.Node]++
		to[p.Target.Node]++
	}
	for _, n := range s.Nodes {
		if from[n.Name] != 1 || to[n.Name] != 1 {
			t.Errorf("node %s is a source %d times and a target %d times", n.Name, from[n.Name], to[n.Name])
		}
	}
}

// TestSameNodeIsOneThatServes: of pods that are alike otherwise, the one to reach is the one that serves something.
func TestSameNodeIsOneThatServes(t *testing.T) {
	s := lab(func(s *inspect.Snapshot) {
		a := it.HostOf(it.ControlPlane, inspect.IPv4).Pod.Next().Next()
		for _, name := range []string{"aaa", "bbb"} {
			pod := inspect.Pod{Namespace: "kube-system", Name: name, Node: it.ControlPlane, Phase: "Running", Ready: true, IPs: []netip.Addr{a}}
			if name == "bbb" {
				pod.Ports = []inspect.ContainerPort{{Name: "web", Protocol: "TCP", Port: 80}}
			}
			s.Pods, a = append([]inspect.Pod{pod}, s.Pods...), a.Next()
		}
		s.Pods = slices.DeleteFunc(s.Pods, func(p inspect.Pod) bool { return strings.HasPrefix(p.Name, "coredns") })
	})
	source, err := plan.Sources(s, plan.SourceOptions{Node: it.ControlPlane})
	if err != nil {
		t.Fatal(err)
	}
	paths := build(t, s, plan.Request{Sources: source, Run: regexp.MustCompile("^same-node/"), Family: inspect.IPv4})
	if len(paths) != 1 || paths[0].Target.Name != "bbb" {
		t.Errorf("got %+v", paths)
	}
}

func TestSources(t *testing.T) {
	extra := func(s *inspect.Snapshot) {
		a := it.HostOf(it.Worker, inspect.IPv4).Pod.Next()
		s.Pods = append([]inspect.Pod{
			{Namespace: "default", Name: "app", Node: it.Worker, Phase: "Running", Ready: true, IPs: []netip.Addr{a}},
			{Namespace: "default", Name: "broken", Node: it.Worker2, Phase: "Pending", Labels: map[string]string{"app": "multitool"}},
		}, s.Pods...)
	}
	all := []string{"multitool-control-plane", "multitool-worker", "multitool-worker2"}
	tests := []struct {
		name string
		o    plan.SourceOptions
		want []string
		err  string
	}{
		{name: "one of each node, with tools", want: all},
		{name: "a pod", o: plan.SourceOptions{Pod: "app"}, want: []string{"app"}},
		{name: "a pod by kind and name", o: plan.SourceOptions{Pod: "pod/app"}, want: []string{"app"}},
		{name: "a pod of a namespace", o: plan.SourceOptions{Pod: "coredns-1", Namespace: "kube-system"}, want: []string{"coredns-1"}},
		{name: "a node", o: plan.SourceOptions{Node: it.Worker2}, want: []string{"multitool-worker2"}},
		{name: "a selector", o: plan.SourceOptions{Selector: "app=multitool"}, want: all},
		{name: "no such pod", o: plan.SourceOptions{Pod: "nobody"}, err: `there is no pod "nobody" in namespace "default"`},
		{name: "not running", o: plan.SourceOptions{Pod: "broken"}, err: "its phase is Pending"},
		{name: "host network", o: plan.SourceOptions{Pod: "calico-node-worker", Namespace: "kube-system"}, err: "network of its node"},
		{name: "no such node", o: plan.SourceOptions{Node: "nobody"}, err: `there is no node "nobody"`},
		{name: "nothing selected", o: plan.SourceOptions{Selector: "app=nobody"}, err: "no ready pod"},
		{name: "bad selector", o: plan.SourceOptions{Selector: "a=b=c"}, err: "label selector"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := plan.Sources(lab(extra), tt.o)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			var names []string
			for _, p := range got {
				names = append(names, p.Name)
			}
			if err != nil || !slices.Equal(names, tt.want) {
				t.Errorf("got %q, %v, want %q", names, err, tt.want)
			}
		})
	}
}
