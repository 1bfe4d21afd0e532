package plan_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
)

// withDNS adds what the lab has beside its own pods: a DNS server, on the control plane alone, and the API server.
func withDNS(s *inspect.Snapshot) {
	h4, h6 := it.HostOf(it.ControlPlane, inspect.IPv4), it.HostOf(it.ControlPlane, inspect.IPv6)
	ips := []netip.Addr{h4.Pod.Next(), h6.Pod.Next()}
	pod := inspect.Pod{Namespace: "kube-system", Name: "coredns-1", Node: it.ControlPlane, Phase: "Running", Ready: true,
		IPs: ips, CalicoCNI: true, Labels: map[string]string{"k8s-app": "kube-dns"}}
	s.Pods = append(s.Pods, pod)
	it.RouteAdded(it.ControlPlane, inspect.Route{Dst: netip.PrefixFrom(ips[0], 32), Dev: corednsInterface})(s)
	it.RouteAdded(it.ControlPlane, inspect.Route{Dst: netip.PrefixFrom(ips[1], 128), Dev: corednsInterface, Metric: 1024})(s)
	ports := []inspect.ServicePort{{Name: "dns", Protocol: "UDP", Port: 53}, {Name: "dns-tcp", Protocol: "TCP", Port: 53}}
	s.Services = append(s.Services,
		inspect.Service{Namespace: "kube-system", Name: "kube-dns", Type: "ClusterIP", IPFamilies: []inspect.Family{inspect.IPv4},
			ClusterIPs: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Ports: ports},
		inspect.Service{Namespace: "default", Name: "kubernetes", Type: "ClusterIP", IPFamilies: []inspect.Family{inspect.IPv4},
			ClusterIPs: []netip.Addr{netip.MustParseAddr("10.96.0.1")},
			Ports:      []inspect.ServicePort{{Name: "https", Protocol: "TCP", Port: 443}}})
	s.EndpointSlices = append(s.EndpointSlices,
		inspect.EndpointSlice{Namespace: "kube-system", Name: "kube-dns-1", Service: "kube-dns", Family: inspect.IPv4,
			Ports:     []inspect.EndpointPort{{Name: "dns", Protocol: "UDP", Port: 53}, {Name: "dns-tcp", Protocol: "TCP", Port: 53}},
			Endpoints: []inspect.Endpoint{{Addresses: ips[:1], Ready: true, Node: it.ControlPlane, Pod: "coredns-1"}}},
		inspect.EndpointSlice{Namespace: "default", Name: "kubernetes", Service: "kubernetes", Family: inspect.IPv4,
			Ports:     []inspect.EndpointPort{{Name: "https", Protocol: "TCP", Port: 6443}},
			Endpoints: []inspect.Endpoint{{Addresses: []netip.Addr{h4.Address.Addr()}, Ready: true}}})
}

// corednsInterface is "cali" and the first eleven digits of the SHA-1 of "kube-system.coredns-1".
const corednsInterface = "cali5adc4ab58e2"

func lab(changes ...it.Change) *inspect.Snapshot {
	return it.With(append([]it.Change{withDNS}, changes...)...)
}

func build(t *testing.T, s *inspect.Snapshot, req plan.Request) []trace.Planned {
	t.Helper()
	if req.Sources == nil {
		sources, err := plan.Sources(s, plan.SourceOptions{})
		if err != nil {
			t.Fatal(err)
		}
		req.Sources = sources
	}
	req.Count, req.Timeout = 3, time.Second
	p, err := plan.New(s, req)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// text prints paths as one reads them.
func text(paths []trace.Planned) []byte {
	var b strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&b, "%s\n", p.Name)
		if p.Skip != "" {
			fmt.Fprintf(&b, "  skip: %s\n", p.Skip)
			continue
		}
		fmt.Fprintf(&b, "  probe %s target=%v host=%s port=%d size=%d; ttl %d, answers %v, still %v, endpoints %d\n", p.Probe.Check,
			p.Probe.Target, p.Probe.Host, p.Probe.Port, p.Probe.Size, p.Expect.TTL, p.Expect.Answers, p.Expect.Still,
			len(p.Expect.Endpoints))
		for _, h := range p.Hops {
			arrow := "->"
			if h.Return {
				arrow = "<-"
			}
			fmt.Fprintf(&b, "  %s %-24s %-9s %s: %s", arrow, h.Node, h.Component, h.Action, h.Detail)
			if h.Meter != nil {
				fmt.Fprintf(&b, " [%s %s]", h.Meter.Direction, h.Meter.Device)
			}
			b.WriteString("\n")
			if h.Problem != nil {
				fmt.Fprintf(&b, "     ! %s (harmless: %v): %s\n       %s\n", h.Problem.Code, !trace.Stops(h.Problem), h.Problem.Summary, h.Problem.Command)
			}
		}
	}
	return []byte(b.String())
}

func TestMatrix(t *testing.T) {
	s := lab()
	source, err := plan.Sources(s, plan.SourceOptions{Node: it.ControlPlane})
	if err != nil {
		t.Fatal(err)
	}
	testutil.Golden(t, "matrix.txt", text(build(t, s, plan.Request{Sources: source, MTU: true})))
}

// partial are clusters in which the inspectors find nothing wrong because routes are not Felix's there, or not judged:
// their tables do not have the routes that others would make, so pods do not reach one another in them.
var partial = []string{"pool on part of the nodes", "blocks of one address", "disabled pools", "no route sync",
	"routes from workloads", "host-local IPAM", "BGP pools"}

// TestHealthy plans the matrix of clusters in which nothing is wrong: no hop may have a problem.
func TestHealthy(t *testing.T) {
	for _, c := range it.Healthy() {
		if slices.Contains(partial, c.Name) {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			withDNS(c.Snapshot)
			for _, f := range inspect.Families() {
				if c.Name == f.String()+" only" || f == inspect.IPv4 && strings.HasPrefix(c.Name, "IPv6 switched off") { // a cluster of one family
					keepAddresses(c.Snapshot, f)
				}
			}
			for _, p := range build(t, c.Snapshot, plan.Request{FullMesh: true}) {
				for _, h := range p.Hops {
					if h.Problem != nil {
						t.Errorf("%s\n%s", p.Name, text([]trace.Planned{p}))
						break
					}
				}
			}
		})
	}
}

// keepAddresses leaves the pods and services of a cluster of one family only their addresses of it.
func keepAddresses(s *inspect.Snapshot, f inspect.Family) {
	other := func(a netip.Addr) bool { return inspect.FamilyOf(a) != f }
	for i := range s.Pods {
		s.Pods[i].IPs = slices.DeleteFunc(slices.Clone(s.Pods[i].IPs), other)
	}
	for i := range s.Services {
		s.Services[i].ClusterIPs = slices.DeleteFunc(slices.Clone(s.Services[i].ClusterIPs), other)
	}
	if f == inspect.IPv4 {
		s.Lab.External.V6 = netip.Addr{}
	} else {
		s.Lab.External.V4 = netip.Addr{}
	}
}

// TestResolver tells of each path by a name by which service that is resolved, whatever the path's family.
func TestResolver(t *testing.T) {
	named := 0
	for _, p := range build(t, lab(), plan.Request{}) {
		want := p.Probe.Host != "" && p.Skip == ""
		if got := p.Expect.Resolver.String() == "10.96.0.10"; got != want {
			t.Errorf("%s: resolver is %s", p.Name, p.Expect.Resolver)
		}
		if want {
			named++
		}
	}
	if named == 0 {
		t.Error("no path by a name")
	}
}

// TestEBPF names the eBPF data plane where it translates the addresses of services, and not kube-proxy.
func TestEBPF(t *testing.T) {
	for name, change := range map[string]it.Change{"eBPF": it.BPF, "iptables": func(*inspect.Snapshot) {}} {
		paths := build(t, lab(change), plan.Request{})
		plane := map[bool]string{true: "Calico's eBPF data plane: ", false: "kube-proxy: "}
		printed := string(text(paths))
		if !strings.Contains(printed, plane[name == "eBPF"]) || strings.Contains(printed, plane[name != "eBPF"]) {
			t.Errorf("%s: the wrong data plane is named, or none", name)
		}
		for _, p := range paths {
			if p.Skip == "" && p.Expect.EBPF != (name == "eBPF") {
				t.Errorf("%s: %s: eBPF is %v", name, p.Name, p.Expect.EBPF)
			}
		}
	}
}

// TestTunnelPort tells of each tunnel the port that its device has.
func TestTunnelPort(t *testing.T) {
	changes := []it.Change{it.Felix(func(s *inspect.FelixSettings) { port := 8472; s.VXLANPort = &port })}
	for _, h := range it.Hosts(inspect.IPv6) {
		changes = append(changes, it.DeviceChanged(h.Name, inspect.IPv6, func(l *inspect.Link) {
			v := *l.VXLAN
			v.Port, l.VXLAN = 8472, &v
		}))
	}
	tunnels := 0
	for _, p := range build(t, lab(changes...), plan.Request{}) {
		for _, h := range p.Hops {
			if h.Component == trace.ComponentTunnel && p.Family == inspect.IPv6 {
				tunnels++
				if h.UDPPort != 8472 || h.Problem != nil {
					t.Errorf("%s: port %d, %+v", p.Name, h.UDPPort, h.Problem)
				}
			}
		}
	}
	if tunnels == 0 {
		t.Error("no tunnel")
	}
}

// TestWhoIsDNS takes no other service for the one that pods resolve names by.
func TestWhoIsDNS(t *testing.T) {
	service := func(namespace, name, address string, labels map[string]string, port int32) inspect.Service {
		return inspect.Service{Namespace: namespace, Name: name, Labels: labels, IPFamilies: []inspect.Family{inspect.IPv4},
			ClusterIPs: []netip.Addr{netip.MustParseAddr(address)}, Ports: []inspect.ServicePort{{Protocol: "TCP", Port: port}}}
	}
	label := map[string]string{"k8s-app": "kube-dns"}
	for name, tt := range map[string]struct {
		services []inspect.Service // in this order
		want     string
	}{
		"by name":                           {[]inspect.Service{service("kube-system", "kube-dns", "10.96.0.10", nil, 53)}, "10.96.0.10"},
		"by label":                          {[]inspect.Service{service("kube-system", "coredns", "10.96.0.11", label, 53)}, "10.96.0.11"},
		"by name before any label":          {[]inspect.Service{service("kube-system", "a", "10.96.0.66", label, 53), service("kube-system", "kube-dns", "10.96.0.10", nil, 53)}, "10.96.0.10"},
		"two labels":                        {[]inspect.Service{service("kube-system", "a", "10.96.0.66", label, 53), service("kube-system", "b", "10.96.0.67", label, 53)}, "invalid IP"},
		"a label without DNS":               {[]inspect.Service{service("kube-system", "metrics", "10.96.0.66", label, 9153)}, "invalid IP"},
		"the name in a tenant's namespace":  {[]inspect.Service{service("tenant", "kube-dns", "10.96.0.66", label, 53)}, "invalid IP"},
		"the tenant's before the cluster's": {[]inspect.Service{service("tenant", "kube-dns", "10.96.0.66", label, 53), service("kube-system", "kube-dns", "10.96.0.10", nil, 53)}, "10.96.0.10"},
	} {
		t.Run(name, func(t *testing.T) {
			s := lab()
			s.Services = append(slices.Clone(tt.services), slices.DeleteFunc(s.Services, func(svc inspect.Service) bool { return svc.Name == "kube-dns" })...)
			asked := 0
			for _, p := range build(t, s, plan.Request{}) {
				if p.Probe.Check == trace.Ask && p.Skip == "" {
					asked++
					if got := p.Expect.Resolver.String(); got != tt.want {
						t.Errorf("%s asks %s, want %s", p.Name, got, tt.want)
					}
				}
			}
			if asked == 0 {
				t.Error("nothing is asked")
			}
		})
	}
}
