package redact

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func (r *redactor) node(n inspect.Node) inspect.Node {
	n.Name = r.nodes.of(n.Name)
	n.ProviderID = "" // names the account, the zone or the container
	n.Labels = r.labels(n.Labels)
	n.Roles = each(n.Roles, r.roles.of)
	slices.Sort(n.Roles)
	n.InternalIPs = each(n.InternalIPs, r.addrs.addr)
	n.PodCIDRs = each(n.PodCIDRs, r.addrs.network)
	n.Address = inspect.ByFamily[netip.Prefix]{V4: r.addrs.host(n.Address.V4), V6: r.addrs.host(n.Address.V6)}
	n.Tunnel = inspect.ByFamily[netip.Addr]{V4: r.addrs.addr(n.Tunnel.V4), V6: r.addrs.addr(n.Tunnel.V6)}
	n.TunnelMAC = inspect.ByFamily[inspect.MAC]{V4: r.mac(n.TunnelMAC.V4), V6: r.mac(n.TunnelMAC.V6)}
	return n
}

func (r *redactor) pod(p inspect.Pod) inspect.Pod {
	p.Namespace, p.Name, p.UID = r.namespaces.of(p.Namespace), r.pods.of(p.Name), r.uids.of(p.UID)
	p.Node = r.nodes.of(p.Node)
	p.IPs = each(p.IPs, r.addrs.addr)
	p.Labels = r.labels(p.Labels)
	p.Containers = each(p.Containers, r.containers.of)
	p.Ports = each(p.Ports, func(c inspect.ContainerPort) inspect.ContainerPort {
		c.Name = r.ports.of(c.Name)
		return c
	})
	return p
}

func (r *redactor) service(s inspect.Service) inspect.Service {
	s.Namespace, s.Name = r.namespaces.of(s.Namespace), r.services.of(s.Name)
	s.IPFamilies = slices.Clone(s.IPFamilies)
	s.ClusterIPs = each(s.ClusterIPs, r.addrs.addr)
	s.Labels, s.Selector = r.labels(s.Labels), r.labels(s.Selector)
	s.Ports = each(s.Ports, func(p inspect.ServicePort) inspect.ServicePort {
		p.Name = r.ports.of(p.Name)
		if !slices.Contains([]string{"http", "https"}, p.AppProtocol) {
			p.AppProtocol = "" // may be any name that begins with a domain
		}
		if !isNumber(p.TargetPort) {
			p.TargetPort = r.ports.of(p.TargetPort)
		}
		return p
	})
	if s.ExternalName != "" {
		s.ExternalName = "host.example"
	}
	return s
}

func (r *redactor) slice(s inspect.EndpointSlice) inspect.EndpointSlice {
	s.Namespace, s.Name, s.Service = r.namespaces.of(s.Namespace), r.slices.of(s.Name), r.services.of(s.Service)
	s.Ports = each(s.Ports, func(p inspect.EndpointPort) inspect.EndpointPort {
		p.Name = r.ports.of(p.Name)
		return p
	})
	s.Endpoints = each(s.Endpoints, func(e inspect.Endpoint) inspect.Endpoint {
		e.Addresses = each(e.Addresses, r.addrs.addr)
		e.Node, e.Pod = r.nodes.of(e.Node), r.pods.of(e.Pod)
		return e
	})
	return s
}

func (r *redactor) pool(p inspect.IPPool) inspect.IPPool {
	p.Name = r.pools.of(p.Name)
	p.CIDR = r.addrs.network(p.CIDR)
	p.NodeSelector = mapSelector(p.NodeSelector, r.key, r.value)
	p.AllowedUses = slices.Clone(p.AllowedUses)
	return p
}

func (r *redactor) block(b inspect.IPAMBlock) inspect.IPAMBlock {
	b.CIDR = r.addrs.network(b.CIDR)
	b.Node = r.nodes.of(b.Node)
	b.Allocations = each(b.Allocations, func(a inspect.Allocation) inspect.Allocation {
		a.Handle = r.handle(a)
		a.IP = r.addrs.addr(a.IP)
		a.Node, a.Namespace, a.Pod = r.nodes.of(a.Node), r.namespaces.of(a.Namespace), r.pods.of(a.Pod)
		return a
	})
	slices.SortFunc(b.Allocations, func(x, y inspect.Allocation) int { return x.IP.Compare(y.IP) })
	return b
}

// handle replaces the handle of an address. That of a tunnel's address ends in the name of the node
// (node/pkg/allocateip).
func (r *redactor) handle(a inspect.Allocation) string {
	if prefix, ok := strings.CutSuffix(a.Handle, a.Node); ok && a.Node != "" && strings.HasSuffix(prefix, "-tunnel-addr-") {
		return prefix + r.nodes.of(a.Node)
	}
	return r.handles.of(a.Handle)
}

func (r *redactor) labels(labels map[string]string) map[string]string {
	if labels == nil {
		return nil
	}
	out := make(map[string]string, len(labels))
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		out[r.key(key)] = r.value(labels[key])
	}
	return out
}

func (r *redactor) key(key string) string {
	if role, ok := strings.CutPrefix(key, rolePrefix); ok {
		return rolePrefix + r.roles.of(role)
	}
	if isCommonKey(key) {
		return key
	}
	return r.keys.of(key)
}

// value replaces the value of a label. The name of a node, as in kubernetes.io/hostname, stays one.
func (r *redactor) value(value string) string {
	if r.nodes.seen[value] {
		return r.nodes.of(value)
	}
	return r.values.of(value)
}

func (r *redactor) table(t inspect.NodeTable) inspect.NodeTable {
	return inspect.NodeTable{
		Links:     each(t.Links, r.link),
		Addresses: each(t.Addresses, r.address),
		Routes:    each(t.Routes, r.route),
		Rules:     each(t.Rules, r.rule),
		Neighbors: each(t.Neighbors, r.neighbor),
		FDB:       each(t.FDB, r.entry),
		Sysctls:   maps.Clone(t.Sysctls),
	}
}

func (r *redactor) link(l inspect.Link) inspect.Link {
	l.Name, l.Parent, l.MAC = r.device(l.Name), r.device(l.Parent), r.mac(l.MAC)
	if l.VXLAN != nil {
		v := *l.VXLAN
		v.Local = r.addrs.addr(v.Local)
		l.VXLAN = &v
	}
	return l
}

func (r *redactor) address(a inspect.LinkAddress) inspect.LinkAddress {
	a.Link, a.Prefix = r.device(a.Link), r.addrs.host(a.Prefix)
	return a
}

func (r *redactor) route(t inspect.Route) inspect.Route {
	t.Dst, t.Gateway, t.Source = r.addrs.network(t.Dst), r.addrs.addr(t.Gateway), r.addrs.addr(t.Source)
	t.Dev = r.device(t.Dev)
	return t
}

func (r *redactor) rule(t inspect.Rule) inspect.Rule {
	t.Src, t.Dst = r.addrs.network(t.Src), r.addrs.network(t.Dst)
	return t
}

func (r *redactor) neighbor(n inspect.Neighbor) inspect.Neighbor {
	n.Dev, n.IP, n.MAC = r.device(n.Dev), r.addrs.addr(n.IP), r.mac(n.MAC)
	return n
}

func (r *redactor) entry(e inspect.FDBEntry) inspect.FDBEntry {
	e.Dev, e.MAC, e.VTEP = r.device(e.Dev), r.mac(e.MAC), r.addrs.addr(e.VTEP)
	return e
}
