package plan

import (
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix/ways"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/kernel"
)

// planner is one New: the facts, by what paths ask for.
type planner struct {
	s       *inspect.Snapshot
	req     Request
	cluster *felix.Cluster
	nodes   map[string]*node
	pods    map[netip.Addr]*inspect.Pod
	hosts   map[netip.Addr]string // the node that has an address
	lengths inspect.ByFamily[[]int]

	paths []trace.Path
	names map[string]bool
}

// node is a node as a packet meets it.
type node struct {
	name   string
	kernel *kernel.Node // nil: its tables are not known
	unread string       // why
	felix  *felix.Node  // nil: the node is not known
}

func newPlanner(s *inspect.Snapshot, req Request) *planner {
	p := &planner{s: s, req: req, cluster: ways.New(s), nodes: map[string]*node{}, pods: map[netip.Addr]*inspect.Pod{},
		hosts: map[netip.Addr]string{}, names: map[string]bool{}}
	p.cluster.Visit(felix.Filter{Family: inspect.IPv4}, func(n *felix.Node, _ inspect.Family) { p.addNode(n) })
	for i := range s.Nodes {
		n := &s.Nodes[i]
		addresses := slices.Clone(n.InternalIPs)
		for _, f := range inspect.Families() {
			addresses = append(addresses, n.Address.Get(f).Addr(), n.Tunnel.Get(f))
		}
		for _, a := range addresses {
			if a.IsValid() {
				p.hosts[a] = n.Name
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
	own := &node{name: n.Name, felix: n, unread: p.s.Lacks(inspect.FactTables, n.Name)}
	if t, ok := p.s.Tables[n.Name]; ok {
		own.kernel = kernel.New(&t)
	} else if own.unread == "" {
		own.unread = "the snapshot was taken without node tables"
	}
	p.nodes[n.Name] = own
}

// addTableAddresses adds the addresses of nodes that only their kernels tell, where no two nodes claim one.
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
		if _, known := p.hosts[ip]; !known && len(names) == 1 {
			p.hosts[ip] = names[0]
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

// podEnd is a pod as an end of a path.
func (p *planner) podEnd(pod *inspect.Pod, f inspect.Family) trace.Endpoint {
	e := trace.Endpoint{Kind: trace.Pod, Namespace: pod.Namespace, Name: pod.Name, Node: pod.Node, IP: addressOf(pod, f)}
	if pod.HostNetwork || !e.IP.IsValid() {
		return e
	}
	if pod.CalicoCNI || p.poolOf(e.IP) != nil {
		e.Interface = calico.PodInterface(pod.Namespace, pod.Name)
	} else if n := p.nodes[pod.Node]; n != nil && n.kernel != nil {
		// Another CNI plugin made the cable: whatever the node routes the pod's address to is its end.
		if d := n.kernel.Lookup(netip.Addr{}, e.IP); d.Type == kernel.Unicast && d.Route.Dst.IsSingleIP() {
			e.Interface = d.Route.Dev
		}
	}
	return e
}

// poolOf is the Calico pool that an address is from, or nil.
func (p *planner) poolOf(a netip.Addr) *inspect.IPPool { return inspect.PoolOf(p.s.Pools, a) }

// judged reports whether package expect can say what a part of the node's tables must be.
func (n *node) judged(part felix.Part, f inspect.Family) bool {
	return n.felix != nil && n.kernel != nil && n.felix.Omits(part, f) == "" && n.felix.Unknown(part, f) == ""
}

// wanted is the route that Felix must have made on a node for the address of a pod elsewhere.
func (p *planner) wanted(n *node, a netip.Addr) (felix.Route, bool) {
	f := inspect.FamilyOf(a)
	if !n.judged(felix.Routes, f) {
		return felix.Route{}, false
	}
	plan := n.felix.RoutePlan(f)
	if i, ok := plan.Find(netip.PrefixFrom(a, f.Bits())); ok {
		return plan.Route(i)
	}
	for _, bits := range p.lengths.Get(f) {
		if i, ok := plan.Find(netip.PrefixFrom(a, bits).Masked()); ok {
			return plan.Route(i)
		}
	}
	return felix.Route{}, false
}
