package inspecttest

import (
	"crypto/sha1"
	"encoding/hex"
	"net/netip"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The services of the lab.
const (
	ServiceDualStack = "multitool-dual-stack"
	ServiceIPv6Only  = "multitool-ipv6-only"
)

// podName is the name of a node's multitool pod.
func podName(node string) string { return "multitool-" + strings.TrimPrefix(node, "dual-stack-") }

// workloadInterface is the host's end of a pod's veth pair.
func workloadInterface(namespace, pod string) string {
	sum := sha1.Sum([]byte(namespace + "." + pod))
	return "cali" + hex.EncodeToString(sum[:])[:11]
}

// addPods gives each node a pod of the multitool DaemonSet and a calico-node.
func addPods(s *inspect.Snapshot) {
	for _, n := range s.Nodes {
		h4, h6 := HostOf(n.Name, inspect.IPv4), HostOf(n.Name, inspect.IPv6)
		s.Pods = append(s.Pods,
			inspect.Pod{Namespace: "default", Name: podName(n.Name), Node: n.Name, Phase: "Running", Ready: true,
				IPs: []netip.Addr{h4.Pod, h6.Pod}, Labels: map[string]string{"app": "multitool"},
				Containers: []string{"multitool"},
				Ports:      []inspect.ContainerPort{{Name: "http", Protocol: "TCP", Port: 80}}},
			inspect.Pod{Namespace: "kube-system", Name: "calico-node-" + strings.TrimPrefix(n.Name, "dual-stack-"),
				Node: n.Name, Phase: "Running", Ready: true, HostNetwork: true,
				IPs:    []netip.Addr{h4.Address.Addr(), h6.Address.Addr()},
				Labels: map[string]string{"k8s-app": "calico-node"}, Containers: []string{"calico-node"}})
	}
}

// addServices makes the two services of the lab, whose endpoints are the multitool pods.
func addServices(s *inspect.Snapshot) {
	port := []inspect.ServicePort{{Name: "http", Protocol: "TCP", Port: 80, TargetPort: "80"}}
	selector := map[string]string{"app": "multitool"}
	s.Services = []inspect.Service{
		{Namespace: "default", Name: ServiceDualStack, Type: "ClusterIP", IPFamilyPolicy: "PreferDualStack",
			IPFamilies: []inspect.Family{inspect.IPv4, inspect.IPv6}, Ports: port, Selector: selector,
			ClusterIPs: []netip.Addr{netip.MustParseAddr("10.96.20.1"), netip.MustParseAddr("fd00:10:96::2001")}},
		{Namespace: "default", Name: ServiceIPv6Only, Type: "ClusterIP", IPFamilyPolicy: "SingleStack",
			IPFamilies: []inspect.Family{inspect.IPv6}, Ports: port, Selector: selector,
			ClusterIPs: []netip.Addr{netip.MustParseAddr("fd00:10:96::2002")}},
	}
	for _, svc := range s.Services {
		for _, f := range svc.IPFamilies {
			s.EndpointSlices = append(s.EndpointSlices, slice(svc.Name, f))
		}
	}
}

func slice(service string, f inspect.Family) inspect.EndpointSlice {
	es := inspect.EndpointSlice{Namespace: "default", Name: service + "-" + strings.ToLower(f.String()), Service: service,
		Family: f, Ports: []inspect.EndpointPort{{Name: "http", Protocol: "TCP", Port: 80}}}
	for _, h := range Hosts(f) {
		es.Endpoints = append(es.Endpoints, inspect.Endpoint{Addresses: []netip.Addr{h.Pod}, Ready: true, Node: h.Name,
			Pod: podName(h.Name)})
	}
	return es
}
