package check_test

import (
	"net/netip"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// nat changes what the rules of the lab's worker translate.
func nat(edit func(*inspect.ByFamily[inspect.NAT])) it.Change {
	return func(s *inspect.Snapshot) {
		n := s.NAT[it.Worker]
		edit(&n)
		s.NAT[it.Worker] = n
	}
}

// kinds sets the kinds of kube-proxy's rules on the worker, in both families.
func kinds(all ...string) it.Change {
	return nat(func(n *inspect.ByFamily[inspect.NAT]) { n.V4.KubeProxy, n.V6.KubeProxy = all, all })
}

func proxy(edit func(*inspect.KubeProxy)) it.Change {
	return func(s *inspect.Snapshot) { edit(&s.KubeProxy) }
}

func TestRootsOfKubeProxy(t *testing.T) {
	flushed := nat(func(n *inspect.ByFamily[inspect.NAT]) { n.V6.Services = 0 })
	nodePort := exposed("NodePort", func(*inspect.Service) {})
	noPorts := it.All(nodePort, nat(func(n *inspect.ByFamily[inspect.NAT]) { n.V6.NodePorts = 0 }))
	mode := func(m string) it.Change { return proxy(func(p *inspect.KubeProxy) { p.Mode = m }) }
	everywhere := func(kind string) it.Change {
		return func(s *inspect.Snapshot) {
			for node, n := range s.NAT {
				n.V4.KubeProxy, n.V6.KubeProxy = []string{kind}, []string{kind}
				if kind == "nftables" {
					n.V4.Felix, n.V6.Felix = []string{kind}, []string{kind}
				}
				s.NAT[node] = n
			}
		}
	}
	noneRead := func(s *inspect.Snapshot) { s.NAT = nil }
	testRoots(t, map[string]rootsRow{
		"no IPv6 rules":               {flushed, "DS801"},
		"no IPv6 rules, eBPF":         {it.All(it.BPF, flushed), ""},
		"no IPv6 rules, no endpoints": {it.All(flushed, func(s *inspect.Snapshot) { s.EndpointSlices = nil }), ""},
		"no IPv6 rules, another proxy": {it.All(flushed, func(s *inspect.Snapshot) {
			for i := range s.Services {
				s.Services[i].Labels = map[string]string{"service.kubernetes.io/service-proxy-name": "own"}
			}
		}), ""},
		"no rules of any kind": {nat(func(n *inspect.ByFamily[inspect.NAT]) { *n = inspect.ByFamily[inspect.NAT]{} }), ""},
		"broken kernel":        {it.All(flushed, it.Annotate(it.Worker, func(n *inspect.Node) { n.KernelVersion = "6.8.0-57-generic" })), "DS204"},
		"rules not read":       {it.All(flushed, noneRead), ""},
		"fewer IPv6 rules":     {nat(func(n *inspect.ByFamily[inspect.NAT]) { n.V6.Services = 1 }), "DS802"},
		"fewer IPv6 rules, of services that have just changed": {it.All(nat(func(n *inspect.ByFamily[inspect.NAT]) { n.V6.Services = 1 }),
			func(s *inspect.Snapshot) {
				for i := range s.EndpointSlices {
					s.EndpointSlices[i].Settling = s.EndpointSlices[i].Family == inspect.IPv6
				}
			}), ""},
		"fewer of both": {nat(func(n *inspect.ByFamily[inspect.NAT]) { n.V4.Services, n.V6.Services = 0, 1 }), "DS801"},
		"internal Local": {it.All(flushed, func(s *inspect.Snapshot) {
			for i := range s.Services {
				s.Services[i].InternalTrafficPolicy = "Local"
			}
		}), ""},
		"no IPv6 node ports":        {noPorts, "DS803"},
		"no node ports at all":      {it.All(nodePort, nat(func(n *inspect.ByFamily[inspect.NAT]) { n.V4.NodePorts, n.V6.NodePorts = 0, 0 })), "DS803 DS803"},
		"no node ports, IPVS":       {it.All(noPorts, mode("ipvs"), everywhere("ipvs"), it.Annotate(it.Worker, func(n *inspect.Node) { n.KernelVersion = "3.10.0-1160.el7" })), "DS208 DS803"},
		"external Local, none":      {it.All(noPorts, service(func(s *inspect.Service) { s.ExternalTrafficPolicy = "Local" })), ""},
		"configured for nftables":   {mode("nftables"), "DS804 DS804 DS804"},
		"nftables":                  {it.All(mode("nftables"), everywhere("nftables")), ""},
		"IPVS":                      {it.All(mode("ipvs"), everywhere("ipvs")), ""},
		"no mode":                   {mode(""), ""},
		"unknown mode":              {mode("own"), ""},
		"no ConfigMap":              {it.All(proxy(func(p *inspect.KubeProxy) { *p = inspect.KubeProxy{} }), everywhere("nftables")), ""},
		"IPVS with its chains":      {it.All(mode("ipvs"), everywhere("ipvs"), kinds("nft", "ipvs")), ""},
		"two kinds":                 {kinds("nft", "nftables"), "DS805 DS805"},
		"virtual servers left":      {kinds("nft", "ipvs"), "DS805 DS805"},
		"legacy beside Felix":       {kinds("legacy"), "DS806 DS806"},
		"clusterCIDR of IPv4":       {proxy(func(p *inspect.KubeProxy) { p.ClusterCIDRs = p.ClusterCIDRs[:1] }), "DS807"},
		"no clusterCIDR":            {proxy(func(p *inspect.KubeProxy) { p.ClusterCIDRs = nil }), ""},
		"clusterCIDR, eBPF":         {it.All(it.BPF, proxy(func(p *inspect.KubeProxy) { p.ClusterCIDRs = p.ClusterCIDRs[:1] })), ""},
		"nodePortAddresses of IPv4": {proxy(func(p *inspect.KubeProxy) { p.NodePortCIDRs = []string{"10.10.10.0/24"} }), "DS808"},
		"nodePortAddresses of both": {proxy(func(p *inspect.KubeProxy) { p.NodePortCIDRs = []string{"10.10.10.0/24", "fd00:10:10::/64"} }), ""},
		"nodePortAddresses of none": {proxy(func(p *inspect.KubeProxy) { p.NodePortCIDRs = []string{"10.10.10.0/24", "fd00:99::/64"} }), "DS808 DS808 DS808"},
		"nodePortAddresses primary": {proxy(func(p *inspect.KubeProxy) { p.NodePortCIDRs = []string{"primary"} }), ""},
	})
}

func TestRootsOfHostPorts(t *testing.T) {
	port := func(hostIP string) it.Change {
		return pod(func(p *inspect.Pod) {
			p.Ports = []inspect.ContainerPort{{Port: 80, HostPort: 8080}}
			if hostIP != "" {
				p.Ports[0].HostIP = netip.MustParseAddr(hostIP)
			}
		})
	}
	in := func(v4, v6 bool) it.Change {
		return nat(func(n *inspect.ByFamily[inspect.NAT]) {
			if v4 {
				n.V4.HostPorts = []int{8080}
			}
			if v6 {
				n.V6.HostPorts = []int{8080}
			}
		})
	}
	noPortMap := func(s *inspect.Snapshot) { s.Calico.CNI.PortMap = false }
	testRoots(t, map[string]rootsRow{
		"both":              {it.All(port(""), in(true, true)), ""},
		"IPv4 only":         {it.All(port(""), in(true, false)), "DS809"},
		"none":              {port(""), "DS809 DS809"},
		"nobody serves any": {it.All(port(""), noPortMap), ""},
		"another's":         {it.All(port(""), noPortMap, in(true, false)), "DS809"},
		"for an address":    {it.All(port("10.10.10.11"), in(true, false)), ""},
		"for all of IPv6":   {it.All(port("::"), in(true, false)), "DS809"},
		"host's network":    {it.All(port(""), pod(func(p *inspect.Pod) { p.HostNetwork = true })), ""},
		"not running":       {it.All(port(""), pod(func(p *inspect.Pod) { p.Phase, p.IPs = "Pending", nil })), ""},
		"not read":          {it.All(port(""), func(s *inspect.Snapshot) { s.NAT = nil }), ""},
	})
}

// TestKubeProxySingleStack holds that the rules of the family that a cluster goes without are not missed.
func TestKubeProxySingleStack(t *testing.T) {
	for _, f := range inspect.Families() {
		change := proxy(func(p *inspect.KubeProxy) {
			p.NodePortCIDRs = map[inspect.Family][]string{inspect.IPv4: {"10.10.10.0/24"}, inspect.IPv6: {"fd00:10:10::/64"}}[f]
		})
		if found := check.Analyze(it.With(it.Only(f), change), check.Rules(), check.Filter{}).Items; len(found) > 0 {
			t.Errorf("%s only: %v", f, found)
		}
	}
}

// TestRulesNotRead holds that nodes whose rules could not be read are counted as not checked, and not taken for healthy.
func TestRulesNotRead(t *testing.T) {
	s := it.With(func(s *inspect.Snapshot) {
		s.NAT = map[string]inspect.ByFamily[inspect.NAT]{it.Worker2: s.NAT[it.Worker2]}
		s.Missing = append(s.Missing, inspect.Missing{Fact: inspect.FactNAT, Node: it.Worker, Reason: "exec: refused"})
	})
	for _, o := range check.Analyze(s, check.Rules(), check.Filter{}).Omitted {
		if o.Part == string(check.NoServiceRules) && o.Reason == check.PartlyChecked && o.Explanation == "on node "+it.Worker+": exec: refused" {
			return
		}
	}
	t.Error("DS801 is not said to be unchecked on the worker")
}
