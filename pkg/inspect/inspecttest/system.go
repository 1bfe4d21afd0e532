package inspecttest

import (
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// addSystem adds what the installers of the lab say: kubeadm, kube-proxy, CoreDNS, Calico's manifest; and the rules of the
// nodes.
func addSystem(s *inspect.Snapshot) {
	prefixes := func(texts ...string) []netip.Prefix {
		all := make([]netip.Prefix, 0, len(texts))
		for _, text := range texts {
			all = append(all, netip.MustParsePrefix(text))
		}
		return all
	}
	pods, services := prefixes("192.168.0.0/16", "fd00:10:244::/48"), prefixes("10.96.0.0/16", "fd00:10:96::/112")
	s.ServiceCIDRs = services
	s.Kubeadm = inspect.Kubeadm{PodSubnets: pods, ServiceSubnets: services}
	s.KubeProxy = inspect.KubeProxy{Found: true, Mode: "iptables", ClusterCIDRs: pods, BindAddress: netip.IPv4Unspecified()}
	s.CoreDNS = inspect.CoreDNS{Directives: []string{"forward . /etc/resolv.conf"}}
	s.Calico.Node = inspect.CalicoNode{Namespace: "kube-system", Wanted: 3, Available: 3, Env: map[string]string{
		"IP": "autodetect", "IP6": "autodetect", "IP_AUTODETECTION_METHOD": "cidr=10.10.10.0/24",
		"IP6_AUTODETECTION_METHOD": "cidr=fd00:10:10::/64", "CALICO_NETWORKING_BACKEND": "vxlan",
		"CALICO_IPV4POOL_IPIP": "Never", "CALICO_IPV4POOL_VXLAN": "CrossSubnet", "CALICO_IPV6POOL_VXLAN": "CrossSubnet"}}
	s.Calico.CNI = inspect.CNI{Source: "kube-system/calico-config", IPAM: "calico-ipam", AssignIPv4: ptr(true), AssignIPv6: ptr(true),
		PortMap: true}
	s.Calico.IPAM = inspect.IPAMConfig{StrictAffinity: ptr(false), AutoAllocate: ptr(true)}
	s.NAT = map[string]inspect.ByFamily[inspect.NAT]{}
	for i := range s.Nodes {
		n := &s.Nodes[i]
		n.Created, n.ContainerRuntime = s.Taken.AddDate(0, 0, -30), "containerd://2.2.0"
		n.PodCIDRs = []netip.Prefix{
			netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(i), 0}), 24),
			netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 3: 0x10, 4: 0x02, 5: 0x44, 7: byte(i)}), 64),
		}
		s.NAT[n.Name] = inspect.ByFamily[inspect.NAT]{
			V4: inspect.NAT{KubeProxy: []string{"nft"}, Services: 5, Felix: []string{"nft"}},
			V6: inspect.NAT{KubeProxy: []string{"nft"}, Services: 2, Felix: []string{"nft"}},
		}
	}
	for i := range s.Pods {
		p := &s.Pods[i]
		p.Created = s.Taken.AddDate(0, 0, -20)
		if !p.HostNetwork {
			p.CalicoIPs = slices.Clone(p.IPs)
		}
	}
}

// onlySystem takes a family out of what addSystem adds.
func onlySystem(s *inspect.Snapshot, other inspect.Family) {
	is := func(p netip.Prefix) bool { return inspect.FamilyOf(p.Addr()) == other }
	for _, list := range []*[]netip.Prefix{&s.ServiceCIDRs, &s.Kubeadm.PodSubnets, &s.Kubeadm.ServiceSubnets, &s.KubeProxy.ClusterCIDRs} {
		*list = slices.DeleteFunc(slices.Clone(*list), is)
	}
	env := s.Calico.Node.Env
	if other == inspect.IPv6 {
		s.Calico.CNI.AssignIPv6 = ptr(false)
		delete(env, "IP6")
		delete(env, "IP6_AUTODETECTION_METHOD")
		delete(env, "CALICO_IPV6POOL_VXLAN")
	} else {
		s.Calico.CNI.AssignIPv4 = ptr(false)
		env["IP"] = "none"
	}
	for i := range s.Nodes {
		s.Nodes[i].PodCIDRs = slices.DeleteFunc(s.Nodes[i].PodCIDRs, is)
		nat := s.NAT[s.Nodes[i].Name]
		rest := nat.Get(other)
		rest.Services = 0
		nat.Set(other, rest)
		s.NAT[s.Nodes[i].Name] = nat
	}
	for i := range s.Pods {
		s.Pods[i].CalicoIPs = slices.Clone(s.Pods[i].IPs)
	}
}
