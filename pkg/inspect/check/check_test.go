package check_test

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// bad returns the findings of severity warning or above.
func bad(findings []inspect.Finding) []inspect.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f inspect.Finding) bool { return f.Severity == inspect.SeverityInfo })
}

// TestHealthy holds that there is nothing to find on healthy clusters of all kinds.
func TestHealthy(t *testing.T) {
	// What the inspectors of tables find nothing wrong with, and a rule does.
	expected := map[string][]inspect.Code{
		"IPv6 switched off, with a pool": {check.IPv6SupportOff, check.NodeLacksInternalIP, check.NodeLacksAddress, check.OneServiceRange,
			check.PodSubnetDiffers, check.AutodetectionOff, check.CNIOneFamily},
		"disabled pools":               {check.NoEnabledPool},
		"block of a node that is gone": {check.LeakedAllocation},
	}
	cases := it.Healthy()
	for _, name := range it.Recordings(t) {
		cases = append(cases, it.Case{Name: name, Snapshot: it.Recording(t, name)})
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			report := check.Analyze(c.Snapshot, check.Rules(), check.Filter{})
			for _, f := range bad(report.Items) {
				if !slices.Contains(expected[c.Name], f.Code) {
					t.Errorf("%s: %s %v", f.Code, f.Summary, f.Evidence)
				}
			}
		})
	}
}

// TestRoots breaks the healthy lab in one way each: the root causes must be exactly those that are named.
func TestRoots(t *testing.T) {
	off, on := false, true
	for name, test := range map[string]struct {
		change it.Change
		roots  string
	}{
		"healthy":        {func(*inspect.Snapshot) {}, ""},
		"one InternalIP": {it.Annotate(it.Worker, func(n *inspect.Node) { n.InternalIPs = n.InternalIPs[:1] }), "DS101"},
		"not ready":      {it.Annotate(it.Worker, func(n *inspect.Node) { n.Ready = false }), "DS104"},
		"disable_ipv6":   {sysctl("net.ipv6.conf.all.disable_ipv6", "1"), "DS201"},
		"forwarding off": {sysctl("net.ipv6.conf.all.forwarding", "0"), "DS202"},
		"default route by advertisement": {it.RouteAdded(it.Worker, inspect.Route{Dst: netip.MustParsePrefix("::/0"), Dev: "eth1",
			Gateway: netip.MustParseAddr("fe80::1"), Protocol: "ra"}), "DS203"},
		"cloud provider":            {it.Annotate(it.Worker, func(n *inspect.Node) { n.Uninitialized, n.InternalIPs = true, nil }), "DS105"},
		"pool outside of podSubnet": {func(s *inspect.Snapshot) { s.Kubeadm.PodSubnets = s.Kubeadm.PodSubnets[:1] }, "DS106"},
		"one service range":         {func(s *inspect.Snapshot) { s.ServiceCIDRs = s.ServiceCIDRs[:1] }, "DS103"},
		"one podCIDR with host-local": {it.All(it.NoRoutes, func(s *inspect.Snapshot) { s.Blocks, s.Calico.CNI.IPAM = nil, "host-local" },
			it.Annotate(it.Worker, func(n *inspect.Node) { n.PodCIDRs = n.PodCIDRs[:1] })), "DS102"},
		"one podCIDR with Calico's IPAM": {it.Annotate(it.Worker, func(n *inspect.Node) { n.PodCIDRs = n.PodCIDRs[:1] }), ""},
		"no default route": {it.Table(it.Worker, func(t *inspect.NodeTable) {
			t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Dst == netip.MustParsePrefix("::/0") })
		}), "DS206"},
		"no default route, but one to the services": {it.Table(it.Worker, func(t *inspect.NodeTable) {
			for i := range t.Routes {
				if t.Routes[i].Dst == netip.MustParsePrefix("::/0") {
					t.Routes[i].Dst = netip.MustParsePrefix("fd00:10:96::/112")
				}
			}
		}), ""},
		"MTU of an uplink": {uplink(func(l *inspect.Link) { l.MTU = 1400 }), "DS207"},
		"uplink down":      {uplink(func(l *inspect.Link) { l.LowerUp = false }), "DS210"},
		"old kernel":       {it.Annotate(it.Worker, func(n *inspect.Node) { n.KernelVersion = "4.15.0-20-generic" }), "DS208"},
		"kernel of RHEL 8": {it.Annotate(it.Worker, func(n *inspect.Node) { n.KernelVersion = "4.18.0-553.el8_10.x86_64" }), ""},
		"BIRD goes by a gateway": {it.All(it.Unencapsulated, it.Table(it.Worker, func(t *inspect.NodeTable) {
			for i := range t.Routes {
				if r := &t.Routes[i]; r.Family() == inspect.IPv6 && r.Protocol == "bird" && r.Gateway.IsValid() {
					r.Gateway = netip.MustParseAddr("fd00:10:10::1")
				}
			}
		})), "DS209"},
		"no autodetection":         {it.All(env("IP6", "none"), it.Annotate(it.Worker, func(n *inspect.Node) { n.Address.V6 = netip.Prefix{} })), "DS310"},
		"assign_ipv6 off":          {func(s *inspect.Snapshot) { s.Calico.CNI.AssignIPv6 = &off }, "DS311"},
		"upgrade not ended":        {func(s *inspect.Snapshot) { s.Calico.Node.Version = "v3.29.1" }, "DS312"},
		"tag that is no version":   {func(s *inspect.Snapshot) { s.Calico.Node.Version = "master" }, ""},
		"Felix without IPv6 rules": {nat(func(n *inspect.ByFamily[inspect.NAT]) { n.V6.Felix = nil }), "DS313"},
		"eBPF before v3.28":        {it.All(it.BPF, func(s *inspect.Snapshot) { s.Calico.Version, s.Calico.Node.Version = "v3.27.3", "" }), "DS314"},
		"WireGuard for IPv6 without an address": {it.All(it.Felix(func(s *inspect.FelixSettings) { s.WireGuardEnabled, s.WireGuardEnabledV6 = &on, &on }),
			it.Table(it.Worker, func(t *inspect.NodeTable) {
				t.Links = append(t.Links, inspect.Link{Name: "wg-v6.cali", Kind: "wireguard", Up: true, LowerUp: true, MTU: 1420})
			})), "DS316"},
		"pool that the operator cannot make": {func(s *inspect.Snapshot) {
			s.Calico.Operator = &inspect.Operator{Pools: []inspect.OperatorPool{{CIDR: "192.168.0.0/16"}, {CIDR: "2001:db8:42:0::/56"}}}
		}, "DS317"},
		"part of the operator degraded": {func(s *inspect.Snapshot) {
			s.Calico.Operator = &inspect.Operator{Parts: []inspect.OperatorPart{{Name: "calico", Degraded: "ImagePull: no"}, {Name: "apiserver"}}}
		}, "DS318"},
		"natOutgoingAddress": {it.Felix(func(s *inspect.FelixSettings) { s.NATOutgoingAddress = "10.10.10.99" }), "DS319"},
		"nobody makes routes": {it.All(it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.VXLANMode = inspect.EncapNever }),
			it.Tables(func(_ string, t *inspect.NodeTable) {
				t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Dev == it.Device6 && r.Gateway.IsValid() })
			})), "DS409"},
		"no program makes routes":  {it.All(routeMakers("v3.32.1", "Disabled", "Disabled"), it.Unencapsulated), "DS411 DS411"},
		"two makers of routes":     {it.All(routeMakers("v3.32.1", "Enabled", "Enabled"), it.Unencapsulated), "DS411 DS411"},
		"two makers, by a default": {it.All(routeMakers("v3.33.0", "Enabled", ""), it.Unencapsulated), "DS411 DS411"},
		"one maker, Felix":         {it.All(routeMakers("v3.32.1", "Enabled", "Disabled"), it.Unencapsulated), ""},
		"one maker, BIRD":          {it.All(routeMakers("v3.32.1", "", ""), it.Unencapsulated), ""},
		"one maker, v3.33":         {it.All(routeMakers("v3.33.0", "", ""), it.Unencapsulated), ""},
		"makers before v3.32":      {it.All(routeMakers("v3.31.7", "Enabled", "Enabled"), it.Unencapsulated), ""},
		"a word from later":        {it.All(routeMakers("v3.33.0", "EnabledByMoonlight", "Enabled2"), it.Unencapsulated), ""},
		"IPIP, and BIRD does not run": {it.All(it.Release("v3.32.1"), it.IPIPPool(inspect.EncapAlways), routeMakers("v3.32.1", "", ""),
			env("CALICO_NETWORKING_BACKEND", "vxlan"), it.Tables(func(_ string, t *inspect.NodeTable) {
				t.Routes = slices.DeleteFunc(t.Routes, func(r inspect.Route) bool { return r.Protocol == "bird" })
			})), "DS411"},
		"IPIP by Felix, without BIRD": {it.All(it.Release("v3.32.1"), it.IPIPPool(inspect.EncapAlways), routeMakers("v3.33.0", "", ""),
			env("CALICO_NETWORKING_BACKEND", "vxlan"), it.Tables(func(_ string, t *inspect.NodeTable) {
				for i := range t.Routes {
					if r := &t.Routes[i]; r.Protocol == "bird" {
						r.Protocol, r.OnLink, r.MTU = "80", true, 1480
					}
				}
			})), ""},
		"makers of VXLAN pools": {it.All(routeMakers("v3.32.1", "Enabled", "Enabled"), it.Release("v3.32.1")), ""},
		"tunnel receives nothing": {it.Tables(func(node string, t *inspect.NodeTable) {
			for i := range t.Links {
				if l := &t.Links[i]; l.Name == it.Device6 {
					l.TXPackets, l.RXPackets = 500, 400
					if node == it.Worker {
						l.RXPackets = 0
					}
				}
			}
		}), "DS605"},
		"no pool, and assign_ipv6": {it.All(it.Only(inspect.IPv4), func(s *inspect.Snapshot) { s.Calico.CNI.AssignIPv6 = &on }), "DS401"},
		"strict affinity with two blocks": {it.All(it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.BlockSize = p.CIDR.Bits() + 1 }),
			func(s *inspect.Snapshot) { s.Calico.IPAM.StrictAffinity = &on }), "DS403"},
		"pod that does not start": {stuck("rpc error: code = Unknown desc = failed to setup network for sandbox \"a825\": plugin type=\"calico\" failed (add): error creating calico client"),
			"DS504"},
		"pod that does not start, pool disabled": {it.All(stuck("no configured Calico pools"),
			it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.Disabled = true })), "DS401"},
		"pod that did not start at first": {func(s *inspect.Snapshot) {
			s.Events = []inspect.Event{{Kind: "Pod", Namespace: "default", Name: "multitool-worker", Reason: "FailedCreatePodSandBox", Message: "too early"}}
		}, ""},
		"pod asks for a pool of the other family": {pod(func(p *inspect.Pod) {
			p.Wants = map[string]string{"ipv6pools": `["` + it.Pool4 + `"]`, "ipv4pools": `["192.168.0.0/16"]`}
		}), "DS505"},
		"broken kernel":    {it.Annotate(it.Worker, func(n *inspect.Node) { n.KernelVersion = "6.8.0-57-generic" }), "DS204"},
		"IPv6 support off": {func(s *inspect.Snapshot) { s.Calico.FelixEnv.IPv6Support = &off }, "DS301"},
		"network address": {it.All(it.AddressChanged(it.Worker, netip.MustParsePrefix("fd00:10:10::/64")),
			it.AddressChanged(it.Worker2, netip.MustParsePrefix("fd00:10:10::/64"))), "DS304 DS304"},
		"duplicate address":     {it.AddressChanged(it.Worker, netip.MustParsePrefix("fd00:10:10::12/64")), "DS305"},
		"moved address":         {it.AddressChanged(it.Worker, netip.MustParsePrefix("fd00:10:10::99/64")), "DS303"},
		"own tunnel address":    {it.AddressChanged(it.Worker, netip.PrefixFrom(it.HostOf(it.Worker, inspect.IPv6).Tunnel, 128)), "DS306"},
		"no address":            {it.Annotate(it.Worker, func(n *inspect.Node) { n.Address.V6 = netip.Prefix{} }), "DS302"},
		"no tunnel address":     {it.TunnelAddressRemoved(it.Worker, inspect.IPv6), "DS307"},
		"pool disabled":         {it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.Disabled = true }), "DS401"},
		"pool leaves nodes out": {it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.NodeSelector = "rack == 'none'" }), "DS402"},
		"IPv6 off for the nodes that a FelixConfiguration selects": {func(s *inspect.Snapshot) {
			off := false
			s.Calico.Version, s.Calico.FelixEnv.IPv6Support = "", nil // the environment would win
			s.Calico.Felix["rack"] = inspect.FelixSettings{NodeSelector: "kubernetes.io/hostname == '" + it.Worker + "'", IPv6Support: &off}
		}, "DS301"},
		"natOutgoing off":          {it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.NATOutgoing = false }), "DS405"},
		"status lacks the address": {pod(func(p *inspect.Pod) { p.IPs = p.IPs[:1] }), "DS501"},
		"route deleted":            {it.RouteDeleted(it.Worker, it.Worker2, inspect.IPv6), "DS602"},
		"device deleted":           {it.DeviceDeleted(it.Worker, inspect.IPv6), "DS601"},
		"calico-node gone":         {podsOf("calico-node", func(p *inspect.Pod) bool { return p.Node == it.Worker }), "DS309"},
		"calico-node gone, a tenant's in its place": {it.All(podsOf("calico-node", func(p *inspect.Pod) bool { return p.Node == it.Worker }),
			func(s *inspect.Snapshot) {
				s.Pods = append(s.Pods, inspect.Pod{Namespace: "calico-system", Name: "calico-node-aaaaa", Node: it.Worker, HostNetwork: true,
					Phase: "Running", Ready: true, Labels: map[string]string{"k8s-app": "calico-node"}})
			}), "DS309"},
		"no calico-node at all": {podsOf("calico-node", func(*inspect.Pod) bool { return true }), ""},
		"FDB moved":             {it.FDBMoved(it.Worker, it.Worker2, inspect.IPv6, netip.MustParseAddr("fd00:10:10::10")), "DS604"},
		"two at once": {it.All(it.DeviceDeleted(it.Worker, inspect.IPv6), it.RouteDeleted(it.Worker2, it.Worker, inspect.IPv4)),
			"DS601 DS602"},
	} {
		t.Run(name, func(t *testing.T) {
			report := check.Analyze(it.With(test.change), check.Rules(), check.Filter{})
			saysNames(t, report.Items)
			roots, _ := check.Roots(bad(report.Items))
			var codes []string
			for _, f := range roots {
				codes = append(codes, string(f.Code))
			}
			slices.Sort(codes)
			if got := strings.Join(codes, " "); got != test.roots {
				t.Errorf("root causes %q, want %q", got, test.roots)
				for _, f := range report.Items {
					t.Logf("%s %s: %s %q, caused by %v", f.Code, f.Severity, f.Summary, f.Evidence, f.CausedBy)
				}
			}
		})
	}
}

// saysNames holds that findings say what to mend by its name.
func saysNames(t *testing.T, findings []inspect.Finding) {
	t.Helper()
	for _, f := range findings {
		if left := regexp.MustCompile(`\b(NODE|POD|NAMESPACE|FAMILY)\b|(service|pod|ippool) NAME\b`).FindString(f.Mend); left != "" {
			t.Errorf("%s about %s: the mend %q leaves %s open", f.Code, f.Subject, f.Mend, left)
		}
	}
}

func sysctl(key, value string) it.Change {
	return it.Table(it.Worker, func(t *inspect.NodeTable) {
		if t.Sysctls == nil {
			t.Sysctls = map[string]string{}
		}
		t.Sysctls[key] = value
	})
}

// uplink changes the uplink of the worker.
func uplink(edit func(*inspect.Link)) it.Change {
	return it.Table(it.Worker, func(t *inspect.NodeTable) {
		for i := range t.Links {
			if t.Links[i].Name == "eth1" {
				edit(&t.Links[i])
			}
		}
	})
}

// env sets a variable of calico-node.
func env(name, value string) it.Change {
	return func(s *inspect.Snapshot) { s.Calico.Node.Env[name] = value }
}

// routeMakers sets the release, and who makes routes without VXLAN, in Felix's setting and in BIRD's.
func routeMakers(version, felix, bird string) it.Change {
	return it.All(env("CALICO_NETWORKING_BACKEND", "bird"), it.Felix(func(s *inspect.FelixSettings) { s.ProgramClusterRoutes = felix }),
		func(s *inspect.Snapshot) {
			s.Calico.Version, s.Calico.Node.Version, s.Calico.BGP.ProgramClusterRoutes = version, version, bird
		})
}

// stuck is a pod on the worker whose network cannot be set up.
func stuck(message string) it.Change {
	return func(s *inspect.Snapshot) {
		s.Pods = append(s.Pods, inspect.Pod{Namespace: "default", Name: "web-0", Node: it.Worker, Phase: "Pending", Waiting: "ContainerCreating"})
		s.Events = append(s.Events, inspect.Event{Kind: "Pod", Namespace: "default", Name: "web-0", Reason: "FailedCreatePodSandBox", Message: message})
	}
}

// podsOf deletes the pods of a DaemonSet that a function chooses.
func podsOf(app string, gone func(*inspect.Pod) bool) it.Change {
	return func(s *inspect.Snapshot) {
		s.Pods = slices.DeleteFunc(s.Pods, func(p inspect.Pod) bool { return p.Labels["k8s-app"] == app && gone(&p) })
	}
}

// pod changes the lab's pod on the worker.
func pod(edit func(*inspect.Pod)) it.Change {
	return func(s *inspect.Snapshot) {
		for i := range s.Pods {
			if p := &s.Pods[i]; p.Node == it.Worker && !p.HostNetwork {
				edit(p)
			}
		}
	}
}

// TestSingleStack holds that a cluster of one family gets a sentence, and no findings.
func TestSingleStack(t *testing.T) {
	for _, f := range inspect.Families() {
		s := it.With(it.Only(f))
		report := check.Analyze(s, check.Rules(), check.Filter{})
		if len(bad(report.Items)) > 0 {
			t.Errorf("%s only: %v", f, report.Items)
		}
	}
}

// TestCodes holds that codes are unique, in order, and of their section.
func TestCodes(t *testing.T) {
	last := 0
	for _, r := range check.Rules() {
		number, err := strconv.Atoi(strings.TrimPrefix(string(r.Code), "DS"))
		section := slices.Index(check.Sections(), r.Section) + 1
		if err != nil || number <= last || number/100 != section || r.Title == "" || r.Why == "" || r.Mend == "" || r.Severity == "" {
			t.Errorf("rule %s of section %s is out of order or lacks something", r.Code, r.Section)
		}
		last = number
	}
}

// TestMissing holds that a rule whose facts could not be read is not checked, and never silent.
func TestMissing(t *testing.T) {
	for _, fact := range check.Needs(check.Rules()) {
		report := check.Analyze(it.With(it.Lacking(fact, "no permission")), check.Rules(), check.Filter{})
		// Where BGP is off its rules have nothing to check.
		byBGP := check.Analyze(it.With(it.Unencapsulated, it.Lacking(fact, "no permission")), check.About(check.BGP), check.Filter{})
		report.Omitted = slices.DeleteFunc(report.Omitted, func(o inspect.Omission) bool { return len(o.Part) > len("DS101") && strings.HasPrefix(o.Part, "DS11") })
		report.Omitted = append(report.Omitted, byBGP.Omitted...)
		for _, r := range check.Rules() {
			omitted := slices.ContainsFunc(report.Omitted, func(o inspect.Omission) bool {
				return o.Part == string(r.Code) && o.Reason == check.NotChecked && o.Explanation == "no permission"
			})
			if slices.Contains(r.Needs, fact) != omitted {
				t.Errorf("without %s, rule %s: omitted is %v", fact, r.Code, omitted)
			}
		}
	}
}

// TestUnreadNodes holds that a rule about nodes' tables says so if the tables of one node, or of all, could not be read: by
// an omission, or by a finding that could not be verified.
func TestUnreadNodes(t *testing.T) {
	one := it.Unread(it.Worker, "no way in")
	for want, change := range map[string]it.Change{
		check.PartlyChecked: one,
		check.NotChecked:    it.All(one, it.Unread(it.Worker2, "no way in"), it.Unread(it.ControlPlane, "no way in")),
	} {
		report := check.Analyze(it.With(change), check.Rules(), check.Filter{})
		for _, r := range check.Rules() {
			said := slices.ContainsFunc(report.Omitted, func(o inspect.Omission) bool { return o.Part == string(r.Code) && o.Reason == want }) ||
				slices.ContainsFunc(report.Items, func(f inspect.Finding) bool { return f.Code == r.Code && f.Severity == inspect.SeverityUnknown })
			if slices.Contains(r.Needs, inspect.FactTables) != said && r.Section != check.BGP { // there is no BGP
				t.Errorf("%s: rule %s says so: %v", want, r.Code, said)
			}
		}
	}
}

// TestWithoutCalico holds that rules about Calico are not checked where there is none, and that the others are.
func TestWithoutCalico(t *testing.T) {
	s := it.With(it.Lacking(inspect.FactPools, ""), it.Lacking(inspect.FactBlocks, ""), it.Lacking(inspect.FactFelix, ""))
	for i := range s.Missing {
		s.Missing[i].Absent = true
	}
	s.Calico.Node.Env = nil // else it is known that BIRD does not run
	report := check.Analyze(s, check.Rules(), check.Filter{})
	for _, r := range check.Rules() {
		ofCalico := slices.Contains([]check.Section{check.Calico, check.Pools, check.Tables, check.BGP}, r.Section)
		if omitted := slices.ContainsFunc(report.Omitted, func(o inspect.Omission) bool { return o.Part == string(r.Code) }); omitted != ofCalico {
			t.Errorf("rule %s: omitted is %v", r.Code, omitted)
		}
	}
}

// TestPodMTU finds pods whose devices are larger than the tunnel, and no others. Only VXLAN devices of Felix are tunnels.
func TestPodMTU(t *testing.T) {
	veth := calico.PodInterface("default", "web")
	pod := func(mtu int) it.Change {
		return it.All(func(s *inspect.Snapshot) {
			s.Pods = append(s.Pods, inspect.Pod{Namespace: "default", Name: "web", Node: it.Worker, Phase: "Running",
				IPs: []netip.Addr{netip.MustParseAddr("192.168.23.190"), netip.MustParseAddr("fd00:10:244:1b38:1133:7e2c:be1e:4d3e")}})
		}, it.Table(it.Worker, func(t *inspect.NodeTable) { t.Links = append(t.Links, inspect.Link{Name: veth, MTU: mtu}) }))
	}
	tunnel := func(f inspect.Family, mtu int) it.Change {
		return it.DeviceChanged(it.Worker, f, func(l *inspect.Link) { l.MTU = mtu })
	}
	for name, test := range map[string]struct {
		change it.Change
		found  bool
	}{
		"as large as the tunnel": {pod(1430), false}, "smaller": {pod(1400), false}, "larger": {pod(1431), true},
		"larger than that of the other family": {it.All(pod(1430), tunnel(inspect.IPv4, 1420)), true},
		"no tunnels":                           {it.All(pod(1500), it.DeviceDeleted(it.Worker, inspect.IPv4), it.DeviceDeleted(it.Worker, inspect.IPv6)), false},
	} {
		report := check.Analyze(it.With(test.change), check.Rules(), check.Filter{})
		found := slices.ContainsFunc(report.Items, func(f inspect.Finding) bool {
			return f.Code == check.PodMTU && f.Node == it.Worker && slices.Contains(f.About, "pod default/web")
		})
		if found != test.found {
			t.Errorf("%s: found: %v", name, found)
		}
	}
}
