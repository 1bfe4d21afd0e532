// Package tracetest helps to test traces: it has paths through the lab of package inspecttest, and a network that
// carries packets along them, or loses them where a test says so.
package tracetest

import (
	"net/netip"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// serviceIP is the address of the lab's service in a family.
func serviceIP(f inspect.Family) netip.Addr {
	for _, svc := range inspecttest.Lab().Services {
		for _, ip := range svc.ClusterIPs {
			if svc.Name == inspecttest.ServiceDualStack && inspect.FamilyOf(ip) == f {
				return ip
			}
		}
	}
	panic("the lab's service has no address of " + f.String())
}

// Host is the name of the lab's service.
const Host = inspecttest.ServiceDualStack + ".default.svc.cluster.local"

// Resolver is the address of the DNS service, which is asked for names of both families.
func Resolver() netip.Addr { return netip.AddrFrom4([4]byte{10, 96, 0, 10}) }

// Cali is the node's end of a pod's cable.
func Cali(node string) string { return "cali" + strings.TrimPrefix(node, "dual-stack-") }

// PodOn is the lab's pod on a node.
func PodOn(node string, f inspect.Family) trace.Endpoint {
	return trace.Endpoint{Kind: trace.Pod, Namespace: "default", Name: "multitool-" + strings.TrimPrefix(node, "dual-stack-"),
		Node: node, IP: inspecttest.HostOf(node, f).Pod, Interface: Cali(node)}
}

func meter(node, device string, d trace.Direction) *trace.Meter {
	return &trace.Meter{Node: node, Device: device, Direction: d}
}

// leave are the hops from a pod into its node, and enter those from a node into its pod.
func leave(node string, back bool) []trace.Hop {
	return []trace.Hop{
		{Node: node, Component: trace.ComponentPod, Action: "sent", Return: back},
		{Node: node, Component: trace.ComponentVeth, Action: "received", Return: back, Meter: meter(node, Cali(node), trace.RX)},
	}
}

func enter(node string, back bool) []trace.Hop {
	return []trace.Hop{{Node: node, Component: trace.ComponentVeth, Action: "delivered", Return: back,
		Meter: meter(node, Cali(node), trace.TX)}}
}

// between are the hops from node to node: IPv4 directly, IPv6 through the tunnel.
func between(from, to string, f inspect.Family, back bool) []trace.Hop {
	hop := func(node string, c trace.Component, m *trace.Meter) trace.Hop {
		return trace.Hop{Node: node, Component: c, Action: "forwarded", Return: back, Meter: m}
	}
	if f == inspect.IPv4 {
		return []trace.Hop{
			hop(from, trace.ComponentRoute, nil),
			hop(from, trace.ComponentUnderlay, meter(from, "eth1", trace.TX)),
			hop(to, trace.ComponentUnderlay, meter(to, "eth1", trace.RX)),
			hop(to, trace.ComponentRoute, nil),
		}
	}
	sent := hop(from, trace.ComponentTunnel, meter(from, inspecttest.Device6, trace.TX))
	sent.UDPPort = 4789
	return []trace.Hop{
		hop(from, trace.ComponentRoute, nil),
		hop(from, trace.ComponentNeighbor, nil),
		hop(from, trace.ComponentFDB, nil),
		sent,
		hop(to, trace.ComponentTunnel, meter(to, inspecttest.Device6, trace.RX)),
		hop(to, trace.ComponentRoute, nil),
	}
}

func join(parts ...[]trace.Hop) []trace.Hop {
	var all []trace.Hop
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func probe(check trace.Check, f inspect.Family, target netip.Addr) trace.Probe {
	p := trace.Probe{Check: check, Family: f, Target: target, Timeout: time.Second}
	if check == trace.Ping {
		p.Count = 3
	}
	return p
}

func finish(p trace.Planned) trace.Planned {
	p.Name = strings.Join([]string{string(p.Class), p.Source.Name, p.Target.Name, p.Family.String(), string(p.Probe.Check)}, "/")
	return p
}

// PodToPod is a path between the pods of two nodes, or to the pod itself.
func PodToPod(from, to string, f inspect.Family, check trace.Check) trace.Planned {
	source, target := PodOn(from, f), PodOn(to, f)
	p := trace.Planned{Class: trace.CrossNode, Family: f, Source: source, Target: target, Probe: probe(check, f, target.IP)}
	if check != trace.Ping {
		p.Probe.Port, p.Target.Port = 80, 80
	} else {
		p.Expect.TTL = 62
	}
	if f == inspect.IPv4 {
		p.Expect.Still = []trace.Meter{*meter(from, inspecttest.Device4, trace.TX), *meter(to, inspecttest.Device4, trace.RX)}
	}
	p.Hops = join(leave(from, false), between(from, to, f, false), enter(to, false),
		leave(to, true), between(to, from, f, true), enter(from, true))
	return finish(p)
}

// ToExternal is a path to the switch's loopback.
func ToExternal(from string, f inspect.Family) trace.Planned {
	external := inspecttest.Lab().Lab.External.Get(f)
	p := trace.Planned{Class: trace.External, Family: f, Source: PodOn(from, f),
		Target: trace.Endpoint{Kind: trace.Outside, Name: external.String(), IP: external}, Probe: probe(trace.Ping, f, external)}
	p.Expect.TTL = 63
	p.Hops = join(leave(from, false), []trace.Hop{
		{Node: from, Component: trace.ComponentRoute, Action: "forwarded"},
		{Node: from, Component: trace.ComponentNAT, Action: "translated"},
		{Node: from, Component: trace.ComponentUnderlay, Action: "forwarded", Meter: meter(from, "eth1", trace.TX)},
		{Component: trace.ComponentTarget, Action: "delivered"},
		{Node: from, Component: trace.ComponentUnderlay, Action: "received", Return: true, Meter: meter(from, "eth1", trace.RX)},
	}, enter(from, true))
	return finish(p)
}

// ToService is a path to the lab's service by its address, or by its name for HTTP; Ask asks for that name.
func ToService(from string, f inspect.Family, check trace.Check) trace.Planned {
	p := trace.Planned{Class: trace.Service, Family: f, Source: PodOn(from, f), Probe: probe(check, f, serviceIP(f)),
		Target: trace.Endpoint{Kind: trace.Svc, Namespace: "default", Name: inspecttest.ServiceDualStack, IP: serviceIP(f), Port: 80}}
	p.Probe.Port = 80
	switch check {
	case trace.Get:
		p.Class, p.Probe.Target, p.Probe.Host = trace.Web, netip.Addr{}, Host
	case trace.Ask:
		p.Class, p.Probe.Target, p.Probe.Host, p.Probe.Port = trace.Name, netip.Addr{}, Host, 0
		p.Target = trace.Endpoint{Kind: trace.HostName, Name: Host}
		p.Expect.Answers = []netip.Addr{serviceIP(f)}
	}
	if p.Probe.Host != "" {
		p.Expect.Resolver = Resolver()
	}
	if check != trace.Ask {
		p.Expect.Frontend = &inspect.Frontend{Kind: inspect.ClusterIP, Node: from, Address: serviceIP(f), Port: 80}
		for _, h := range inspecttest.Hosts(f) {
			e := PodOn(h.Name, f)
			e.Port = 80
			p.Expect.Endpoints = append(p.Expect.Endpoints, e)
		}
	}
	p.Hops = join(leave(from, false), []trace.Hop{{Node: from, Component: trace.ComponentService, Action: "translated"}},
		enter(from, true))
	return finish(p)
}

// Matrix are paths of every kind from every node.
func Matrix() []trace.Planned {
	var paths []trace.Planned
	hosts := inspecttest.Hosts(inspect.IPv4)
	for i, h := range hosts {
		next := hosts[(i+1)%len(hosts)].Name
		for _, f := range inspect.Families() {
			paths = append(paths, PodToPod(h.Name, next, f, trace.Ping), PodToPod(h.Name, next, f, trace.TCP),
				ToExternal(h.Name, f), ToService(h.Name, f, trace.Ask), ToService(h.Name, f, trace.TCP),
				ToService(h.Name, f, trace.Get))
		}
	}
	skipped := finish(trace.Planned{Class: trace.Service, Family: inspect.IPv4, Source: PodOn(inspecttest.Worker, inspect.IPv4),
		Target: trace.Endpoint{Kind: trace.Svc, Namespace: "default", Name: inspecttest.ServiceIPv6Only},
		Probe:  trace.Probe{Check: trace.TCP, Family: inspect.IPv4}, Skip: "service multitool-ipv6-only has no IPv4 address"})
	return append(paths, skipped)
}
