package plan

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix/ways"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/walk"
)

// planner is one run of New: the facts, indexed for planning.
type planner struct {
	s       *inspect.Snapshot
	req     Request
	cluster *felix.Cluster
	felix   map[string]*felix.Node
	ground  walk.Map
	pods    map[netip.Addr]*inspect.Pod
	lengths inspect.ByFamily[[]int]

	findings map[string][]inspect.Finding // of check, by subject; nil until they are asked for: see cause

	page  *page // that is asked for, if the target is a URL
	paths []trace.Planned
	names map[string]bool
}

func newPlanner(s *inspect.Snapshot, req Request) *planner {
	p := &planner{s: s, req: req, cluster: ways.New(s), felix: map[string]*felix.Node{}, pods: map[netip.Addr]*inspect.Pod{},
		names: map[string]bool{}}
	p.ground = walk.Map{Nodes: map[string]*walk.Node{}, Hosts: map[netip.Addr]string{}, Pools: s.Pools, VTEPs: p.cluster.VTEPs}
	p.cluster.Visit(felix.Filter{Family: inspect.IPv4}, func(n *felix.Node, _ inspect.Family) { p.addNode(n) })
	for i := range s.Nodes {
		n := &s.Nodes[i]
		addresses := slices.Clone(n.InternalIPs)
		for _, f := range inspect.Families() {
			addresses = append(addresses, n.Address.Get(f).Addr(), n.Tunnel.Get(f))
		}
		for _, a := range addresses {
			if a.IsValid() {
				p.ground.Hosts[a] = n.Name
			}
		}
	}
	p.addTableAddresses()
	for i := range s.Pods {
		if pod := &s.Pods[i]; !pod.HostNetwork && alive(pod) {
			for _, ip := range pod.IPs {
				p.pods[ip] = pod
			}
		}
	}
	for _, b := range s.Blocks {
		f := b.Family()
		if lengths := p.lengths.Get(f); !slices.Contains(lengths, b.CIDR.Bits()) {
			p.lengths.Set(f, append(lengths, b.CIDR.Bits()))
		}
	}
	return p
}

func (p *planner) addNode(n *felix.Node) {
	if n.Name == "" {
		return
	}
	own := &walk.Node{Name: n.Name}
	if t, ok := p.s.Tables[n.Name]; ok {
		own.Kernel = kernel.New(&t)
		if bpf(n) {
			own.Opaque = "the eBPF data plane keeps tables of its own, which are not read"
		}
	} else {
		own.Opaque = cmp.Or(p.s.Lacks(inspect.FactTables, n.Name), "the snapshot was taken without node tables")
	}
	p.ground.Nodes[n.Name], p.felix[n.Name] = own, n
}

// bpf reports whether Calico's eBPF data plane runs on a node.
func bpf(n *felix.Node) bool { return n != nil && n.Omits(felix.Devices, inspect.IPv4) == felix.EBPF }

// addTableAddresses adds the addresses of nodes that only their kernels know, unless two nodes claim one.
func (p *planner) addTableAddresses() {
	claims := map[netip.Addr][]string{}
	for name, t := range p.s.Tables {
		for _, a := range t.Addresses {
			if ip := a.Prefix.Addr(); a.Scope != "host" && a.Scope != "link" && !ip.IsLoopback() {
				claims[ip] = append(claims[ip], name)
			}
		}
	}
	for ip, names := range claims {
		if _, known := p.ground.Hosts[ip]; !known && len(names) == 1 {
			p.ground.Hosts[ip] = names[0]
		}
	}
}

func alive(p *inspect.Pod) bool { return p.Phase != "Succeeded" && p.Phase != "Failed" }

// addressOf is a pod's address of a family, or the zero Addr.
func addressOf(pod *inspect.Pod, f inspect.Family) netip.Addr {
	for _, ip := range pod.IPs {
		if inspect.FamilyOf(ip) == f {
			return ip
		}
	}
	return netip.Addr{}
}

// podEnd is a pod, or a node as a source, as an end of a path.
func (p *planner) podEnd(pod *inspect.Pod, f inspect.Family) trace.Endpoint {
	if trace.IsNode(*pod) {
		return p.nodeEnd(pod.Node, f)
	}
	e := trace.Endpoint{Kind: trace.Pod, Namespace: pod.Namespace, Name: pod.Name, Node: pod.Node, IP: addressOf(pod, f)}
	if pod.HostNetwork || !e.IP.IsValid() {
		return e
	}
	if pod.CalicoCNI || p.ground.PoolOf(e.IP) != nil {
		e.Interface = calico.PodInterface(pod.Namespace, pod.Name)
	} else if n := p.ground.Nodes[pod.Node]; n != nil && n.Kernel != nil {
		// Another CNI plugin made the cable: the node routes the pod's address to its end.
		if d := n.Kernel.Lookup(netip.Addr{}, e.IP); d.Type == kernel.Unicast && d.Route.Dst.IsSingleIP() {
			e.Interface = d.Route.Dev
		}
	}
	return e
}

// judges reports whether package felix has expectations of a part of a node's tables.
func (p *planner) judges(node string, part felix.Part, f inspect.Family) bool {
	n := p.felix[node]
	return n != nil && p.ground.Nodes[node].Kernel != nil && n.Omits(part, f) == "" && n.Unknown(part, f) == ""
}

// route is the route that Felix should have programmed on a node for the address of a pod elsewhere.
func (p *planner) route(node string, a netip.Addr) (felix.Route, bool) {
	f := inspect.FamilyOf(a)
	if !p.judges(node, felix.Routes, f) {
		return felix.Route{}, false
	}
	plan := p.felix[node].RoutePlan(f)
	for _, bits := range append([]int{f.Bits()}, p.lengths.Get(f)...) {
		if i, ok := plan.Find(netip.PrefixFrom(a, bits).Masked()); ok {
			return plan.Route(i)
		}
	}
	return felix.Route{}, false
}
