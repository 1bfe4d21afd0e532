package check_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

var update = flag.Bool("update", false, "rewrite the table of reports")

// report is a public report of trouble, and the change that brings it into a healthy lab.
type report struct {
	name string // PROJECT#NUMBER
	what string // what people saw, in a few words
	// change brings it about; nil where check cannot know it, and why says why.
	change it.Change
	why    string
	roots  string // the codes of the root causes, each once
}

// reports lists the public reports of trouble that check is measured by. Each stands for a kind.
func reports() []report {
	return slices.Concat(podReports(), addressReports(), serviceReports(), pathReports(), modeReports())
}

func podReports() []report {
	return []report{
		{"projectcalico/calico#9312", "pods report IPv4 only on nodes with cri-dockerd", it.All(
			it.Annotate(it.Worker, func(n *inspect.Node) { n.ContainerRuntime = "docker://28.3.2" }), pod(oneAddress)), "", "DS501"},
		{"projectcalico/calico#2876", "the /128 of a pod goes again: Kubernetes is single-stack", it.All(
			everyPod(oneAddress), singleStackKubernetes), "", "DS103 DS106 DS501"},
		{"projectcalico/cni-plugin#598", "no configured Calico pools", it.All(stuck("no configured Calico pools"), poolDisabled), "", "DS401"},
		{"rancher/rke2#3664", "usePodCidrIPv6 found, and the node has no IPv6 CIDR", it.All(it.NoRoutes,
			func(s *inspect.Snapshot) {
				s.Blocks, s.Calico.CNI.IPAM, s.Calico.CNI.Ranges = nil, "host-local", []string{"usePodCidr", "usePodCidrIPv6"}
			},
			it.Annotate(it.Worker, func(n *inspect.Node) { n.PodCIDRs = n.PodCIDRs[:1] }),
			stuck("usePodCidrIPv6 found but there is no IPv6 CIDR configured")), "", "DS102"},
		{"projectcalico/cni-plugin#266", "permission denied, when the address is added", it.All(
			sysctl("net.ipv6.conf.default.disable_ipv6", "1"), stuck("failed to add IPv6 addr: permission denied")), "", "DS201"},
		{"k3s-io/k3s#5849", "programs try AAAA first and fail: nodes have IPv6, pods do not", it.All(it.Only(inspect.IPv4), everyNode(func(n *inspect.Node) {
			n.InternalIPs = append(n.InternalIPs, it.HostOf(n.Name, inspect.IPv6).Address.Addr())
		}), dns(1, "10.96.0.10")), "", "DS904"},
	}
}

func addressReports() []report {
	address := func(text string) it.Change { return it.AddressChanged(it.Worker, netip.MustParsePrefix(text)) }
	return []report{
		{"projectcalico/calico#8381", "after a failover of keepalived all IPv6 routes lead to the gateway", it.All(it.Unencapsulated,
			birdByGateway, it.Table(it.Worker, func(t *inspect.NodeTable) {
				t.Addresses = append(t.Addresses, inspect.LinkAddress{Link: "eth1", Prefix: netip.MustParsePrefix("fd00:10:10::99/128"), Scope: "global"})
			})), "", "DS209"},
		{"projectcalico/calico#8739", "traffic is lost once an address of the subnet was added and removed", it.All(it.Unencapsulated, birdByGateway), "", "DS209"},
		{"projectcalico/calico#6142", "calico-node dies: already using the IPv6 address", it.All(address("fd00:10:10::/64"),
			it.AddressChanged(it.Worker2, netip.MustParsePrefix("fd00:10:10::/64"))), "", "DS304"},
		{"canonical/microk8s#4209", "the provider's prefix changes, and IPv6 stops", it.Table(it.Worker, func(t *inspect.NodeTable) {
			for i := range t.Addresses {
				if t.Addresses[i].Prefix.Addr() == netip.MustParseAddr("fd00:10:10::11") {
					t.Addresses[i].Prefix = netip.MustParsePrefix("fd00:10:11::11/64")
				}
			}
		}), "", "DS303"},
		{"projectcalico/calico#1654", "IP6_AUTODETECTION_METHOD is set, and no node has an IPv6 address", it.All(env("IP6", ""),
			everyNode(func(n *inspect.Node) { n.Address.V6 = netip.Prefix{} })), "", "DS310"},
		{"kubernetes/kubernetes#93598", "a node has one InternalIP", it.Annotate(it.Worker, func(n *inspect.Node) { n.InternalIPs = n.InternalIPs[:1] }),
			"", "DS101"},
		{"kubernetes-sigs/kind#1257", "kind's nodes have no IPv6: the Docker network has none", it.All(everyNode(func(n *inspect.Node) {
			n.InternalIPs, n.ProviderID = n.InternalIPs[:1], "kind://docker/lab/"+n.Name
		}), noIPv6OnHosts), "", "DS101"},
	}
}

func serviceReports() []report {
	return []report{
		{"kubernetes/kubernetes#100675", "ipfamily IPv6 is not configured on cluster", singleStackServices, "", "DS103"},
		{"kubernetes/kubernetes#93858", "the IPv6 NodePort is not in IPVS", it.All(exposed("NodePort", func(*inspect.Service) {}), proxy(func(p *inspect.KubeProxy) { p.Mode = "ipvs" }),
			func(s *inspect.Snapshot) {
				for node, n := range s.NAT {
					n.V4.KubeProxy, n.V6.KubeProxy = []string{"ipvs"}, []string{"ipvs"}
					s.NAT[node] = n
				}
			}, nat(func(n *inspect.ByFamily[inspect.NAT]) { n.V6.NodePorts = 0 })), "", "DS803"},
		{"kubernetes/kubernetes#80810", "a hostPort answers in IPv4 only", it.All(pod(func(p *inspect.Pod) {
			p.Ports = []inspect.ContainerPort{{Port: 80, HostPort: 8080}}
		}), nat(func(n *inspect.ByFamily[inspect.NAT]) { n.V4.HostPorts = []int{8080} })), "", "DS809"},
		{"canonical/microk8s#4961", "after a kernel update IPv6 services are dead: unknown option --xor-mark", it.All(
			it.Annotate(it.Worker, func(n *inspect.Node) { n.KernelVersion = "6.8.0-57-generic" }),
			nat(func(n *inspect.ByFamily[inspect.NAT]) { n.V6.Services, n.V6.Felix = 0, nil })), "", "DS204"},
		{"projectcalico/calico#8433", "calico-node does not get ready: couldn't load match icmp6", it.All(
			podsChanged("calico-node", func(p *inspect.Pod) {
				p.Ready, p.Restarts, p.LastExit = false, 12, "Error (exit code 1): couldn't load match `icmp6'"
			})), "", "DS309"},
	}
}

func pathReports() []report {
	return []report{
		{"projectcalico/calico#9433", "ping passes between nodes, TCP does not (checksum offload)", nil,
			"no fact of a cluster at rest shows it: `trace` names it, since it sends packets", ""},
		{"projectcalico/calico#10817", "a node has no vxlan-v6.calico", it.DeviceDeleted(it.Worker, inspect.IPv6), "", "DS601"},
		{"projectcalico/calico#9403", "no IPv6 routes to nodes of other subnets", it.RouteDeleted(it.Worker, it.Worker2, inspect.IPv6), "", "DS602"},
		{"projectcalico/calico#7281", "a node that came back with another address is not reached", it.FDBMoved(it.Worker, it.Worker2, inspect.IPv6,
			netip.MustParseAddr("fd00:10:10::99")), "", "DS604"},
		{"kubernetes-sigs/cluster-api-provider-openstack#2538", "security groups let no IPv6 pass between nodes", it.Tables(
			func(_ string, t *inspect.NodeTable) { counters(t, 500, 0) }), "", "DS605"},
		{"projectcalico/calico#11323", "the /128 of pods goes and comes with each resync", nil,
			"one look shows a route, or none: `routes --watch` shows it come and go", ""},
		{"projectcalico/calico#12432", "large packets vanish: the uplink carries less", uplink(func(l *inspect.Link) { l.MTU = 1400 }), "", "DS207"},
		{"kubernetes-sigs/kubespray#9309", "IPv6 works only within a node: no encapsulation, no BIRD", nobodyMakesRoutes, "", "DS409"},
		{"projectcalico/calico#7183", "no answer from outside over IPv6", it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.NATOutgoing = false }),
			"", "DS405"},
		{"projectcalico/calico#6751", "the IPv6 default route goes after calico-node has started", it.All(withoutDefaultRoute,
			sysctl("net.ipv6.conf.all.forwarding", "1"), sysctl("net.ipv6.conf.eth1.accept_ra", "1")), "", "DS206"},
		{"projectcalico/calico#2458", "the IPv6 session of BGP stays passive", it.All(it.Unencapsulated, passiveSession), "", "DS1103"},
	}
}

// passiveSession is a session of IPv6 whose ends wait for each other; its routes are gone.
func passiveSession(s *inspect.Snapshot) {
	for _, ends := range [][2]string{{it.Worker, it.Worker2}, {it.Worker2, it.Worker}} {
		it.Session(ends[0], ends[1], inspect.IPv6, func(s *inspect.Session) {
			*s = inspect.Session{Kind: s.Kind, Peer: s.Peer, ASN: s.ASN, State: inspect.Passive, Since: "12:30:00"}
		})(s)
		it.RouteDeleted(ends[0], ends[1], inspect.IPv6)(s)
	}
}

func modeReports() []report {
	off, on := false, true
	return []report{
		{"projectcalico/calico#13110", "IPv6 does not work with eBPF", it.All(it.BPF, func(s *inspect.Snapshot) {
			s.Calico.Version, s.Calico.Node.Version = "v3.27.3", "v3.27.3"
		}), "", "DS314"},
		{"projectcalico/calico#10599", "wg-v6.cali has no address until a second restart", it.All(
			it.Felix(func(s *inspect.FelixSettings) { s.WireGuardEnabled, s.WireGuardEnabledV6 = &on, &on }),
			it.Table(it.Worker, func(t *inspect.NodeTable) {
				t.Links = append(t.Links, inspect.Link{Name: "wg-v6.cali", Kind: "wireguard", Up: true, LowerUp: true, MTU: 1420})
			})), "", "DS316"},
		{"projectcalico/calico#3133", "policies of ipVersion 6 give no ip6tables rules", it.All(func(s *inspect.Snapshot) {
			s.Calico.FelixEnv.IPv6Support = &off
			s.Policies = append(s.Policies, inspect.Policy{Kind: "GlobalNetworkPolicy", Name: "host", Calico: true, Selector: "has(host)", Ingress: true,
				Rules: []inspect.PolicyRule{{Action: "Allow", Family: inspect.IPv6}}})
		}), "", "DS301"},
		{"tigera/operator#3494", "the operator deletes the IPv6 pool again and again", func(s *inspect.Snapshot) {
			s.Calico.Operator = &inspect.Operator{Pools: []inspect.OperatorPool{{CIDR: "192.168.0.0/16"}, {CIDR: "fd00:10:244:0::/48"}}}
		}, "", "DS317"},
	}
}

// everyNode changes each node's object.
func everyNode(edit func(*inspect.Node)) it.Change {
	return it.All(it.Annotate(it.ControlPlane, edit), it.Annotate(it.Worker, edit), it.Annotate(it.Worker2, edit))
}

// oneAddress leaves a pod the first of its addresses in its status.
func oneAddress(p *inspect.Pod) { p.IPs = p.IPs[:1] }

func everyPod(edit func(*inspect.Pod)) it.Change {
	return func(s *inspect.Snapshot) {
		for i := range s.Pods {
			if !s.Pods[i].HostNetwork {
				edit(&s.Pods[i])
			}
		}
	}
}

func poolDisabled(s *inspect.Snapshot) {
	it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.Disabled = true })(s)
}

// singleStackServices is an API server with one service range.
func singleStackServices(s *inspect.Snapshot) {
	s.ServiceCIDRs, s.Kubeadm.ServiceSubnets = s.ServiceCIDRs[:1], s.Kubeadm.ServiceSubnets[:1]
	s.Services = slices.DeleteFunc(s.Services, func(svc inspect.Service) bool { return svc.IPFamilies[0] == inspect.IPv6 })
	for i := range s.Services {
		svc := &s.Services[i]
		svc.IPFamilies, svc.ClusterIPs, svc.IPFamilyPolicy = svc.IPFamilies[:1], svc.ClusterIPs[:1], "SingleStack"
	}
	s.EndpointSlices = slices.DeleteFunc(s.EndpointSlices, func(e inspect.EndpointSlice) bool { return e.Family == inspect.IPv6 })
	for node, n := range s.NAT {
		n.V6.Services = 0
		s.NAT[node] = n
	}
}

// singleStackKubernetes is a cluster whose Kubernetes knows one family.
func singleStackKubernetes(s *inspect.Snapshot) {
	singleStackServices(s)
	s.Kubeadm.PodSubnets, s.KubeProxy.ClusterCIDRs = s.Kubeadm.PodSubnets[:1], s.KubeProxy.ClusterCIDRs[:1]
	for i := range s.Nodes {
		s.Nodes[i].PodCIDRs = s.Nodes[i].PodCIDRs[:1]
	}
}

// birdByGateway sends what the worker has for other nodes to a gateway.
func birdByGateway(s *inspect.Snapshot) {
	it.Table(it.Worker, func(t *inspect.NodeTable) {
		for i := range t.Routes {
			if r := &t.Routes[i]; r.Family() == inspect.IPv6 && r.Protocol == "bird" && r.Gateway.IsValid() {
				r.Gateway = netip.MustParseAddr("fd00:10:10::1")
			}
		}
	})(s)
}

// noIPv6OnHosts takes every global IPv6 address and the default route from the hosts.
func noIPv6OnHosts(s *inspect.Snapshot) {
	for i := range s.Nodes {
		s.Nodes[i].Address.V6 = netip.Prefix{}
	}
	it.Tables(func(_ string, t *inspect.NodeTable) {
		t.Addresses = slices.DeleteFunc(t.Addresses, func(a inspect.LinkAddress) bool {
			return a.Family() == inspect.IPv6 && strings.HasPrefix(a.Link, "eth")
		})
	})(s)
}

func counters(t *inspect.NodeTable, sent, received uint64) {
	for i := range t.Links {
		if l := &t.Links[i]; l.Name == it.Device6 {
			l.TXPackets, l.RXPackets = sent, received
		}
	}
}

func nobodyMakesRoutes(s *inspect.Snapshot) {
	it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.VXLANMode = inspect.EncapNever })(s)
	it.Tables(func(_ string, t *inspect.NodeTable) {
		t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Dev == it.Device6 && r.Gateway.IsValid() })
	})(s)
}

func withoutDefaultRoute(s *inspect.Snapshot) {
	it.Table(it.Worker, func(t *inspect.NodeTable) {
		t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Dst == netip.MustParsePrefix("::/0") })
	})(s)
}

// podsChanged changes the worker's pod of a DaemonSet.
func podsChanged(app string, edit func(*inspect.Pod)) it.Change {
	return func(s *inspect.Snapshot) {
		for i := range s.Pods {
			if p := &s.Pods[i]; p.Labels["k8s-app"] == app && p.Node == it.Worker {
				edit(p)
			}
		}
	}
}

// TestReports brings each report into the healthy lab: the root causes must be those that the table in docs/reports.md says.
func TestReports(t *testing.T) {
	rules := map[inspect.Code]check.Rule{}
	for _, r := range check.Rules() {
		rules[r.Code] = r
	}
	var table strings.Builder
	right := 0
	for _, r := range reports() {
		if r.change == nil {
			fmt.Fprintf(&table, "| %s | %s | none: %s | no |\n", r.name, r.what, r.why)
			continue
		}
		result := check.Analyze(it.With(r.change), check.Rules(), check.Filter{})
		saysNames(t, result.Items)
		findings := bad(result.Items)
		if len(findings) == 0 { // nothing is wrong; what is worth knowing may explain it
			findings = slices.DeleteFunc(slices.Clone(result.Items), func(f inspect.Finding) bool { return f.Code == check.SingleStackService })
		}
		roots, _ := check.Roots(findings)
		var codes, links []string
		for _, f := range roots {
			codes = append(codes, string(f.Code))
			links = append(links, fmt.Sprintf("[%s](checks.md#%s) %s", f.Code, strings.ToLower(string(f.Code)), rules[f.Code].Title))
		}
		slices.Sort(codes)
		if got := strings.Join(slices.Compact(codes), " "); got != r.roots || got == "" {
			t.Errorf("%s: root causes %q, want %q", r.name, got, r.roots)
			for _, f := range result.Items {
				t.Logf("%s %s: %s %q, caused by %v", f.Code, f.Severity, f.Summary, f.Evidence, f.CausedBy)
			}
			continue
		}
		right++
		fmt.Fprintf(&table, "| %s | %s | %s | yes |\n", r.name, r.what, strings.Join(slices.Compact(links), "; "))
	}
	const enough = 30
	if right < enough {
		t.Errorf("%d of %d reports are explained, want %d", right, len(reports()), enough)
	}
	page := fmt.Sprintf(reportsPage, right, len(reports()), table.String())
	const file = "../../../docs/reports.md"
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if known, err := os.ReadFile(file); err != nil || string(known) != page {
		t.Errorf("docs/reports.md is not what the tests show (%v): run make docs", err)
	}
}

// reportsPage is docs/reports.md.
const reportsPage = `# Public reports, and what check says

<!-- written by TestReports: make docs -->
These are public reports of dual-stack trouble with Calico and Kubernetes, one for each kind. A test brings each into a healthy lab of three nodes, by
changing the facts that the report tells of, and holds that ` + "`kubectl dualstack check`" + ` names the cause, and nothing else as a root cause:
%d of %d. Those that can be made on a live lab are injected there, too (TestCheck of the end-to-end suite).

| report | what people saw | what check finds | right |
|---|---|---|---|
%s`
