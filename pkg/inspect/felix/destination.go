package felix

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Destination is a target of routes. It is the same for all nodes; their routes to it differ.
type Destination struct {
	CIDR   netip.Prefix
	Of     DestinationKind
	Node   string     // where the addresses are
	Number int        // of that node in Cluster.Nodes; -1 when it is not known
	Host   netip.Addr // that node's address; zero when it has none
	Pool   *inspect.IPPool

	manager int // the number of the manager that has the pool; -1 for none
}

// DestinationKind is the kind of a Destination.
type DestinationKind uint8

// The kinds of destinations.
const (
	Block         DestinationKind = iota // an IPAM block, at the node that it is affine to
	Address                              // one address that a node other than the block's uses
	TunnelAddress                        // the address of a node's tunnel device
)

// destinations are those of one family, sorted by address.
type destinations struct {
	list  []Destination
	index map[netip.Prefix]int
	// nodeOf knows the node of each node's address.
	nodeOf map[netip.Addr]string
}

// newDestinations collects the destinations that l3_route_resolver.go (routesFromBlock) makes from blocks: each block at the node that
// it is affine to, and each address at another node that uses it. The tunnel addresses come with them, since some
// releases route to each of them too.
func newDestinations(c *Cluster, f inspect.Family) *destinations {
	d := &destinations{index: map[netip.Prefix]int{}, nodeOf: make(map[netip.Addr]string, len(c.nodes))}
	numbers := make(map[string]int, len(c.nodes))
	for i, n := range c.nodes {
		numbers[n.Name] = i
		if host := n.Address.Get(f).Addr(); host.IsValid() {
			d.nodeOf[host] = n.Name
		}
	}
	add := func(cidr netip.Prefix, kind DestinationKind, node string) {
		pool := inspect.PoolOf(c.snapshot.Pools, cidr.Addr())
		if pool == nil || ForLoadBalancers(pool) {
			return
		}
		dest := Destination{CIDR: cidr, Of: kind, Node: node, Number: -1, Pool: pool, manager: c.manages(pool)}
		if i, ok := numbers[node]; ok {
			dest.Number, dest.Host = i, c.nodes[i].Address.Get(f).Addr()
		}
		d.put(dest)
	}
	for i := range c.snapshot.Blocks {
		if b := &c.snapshot.Blocks[i]; b.Family() == f {
			addBlock(b, f, add)
		}
	}
	for _, n := range c.nodes {
		if tunnel := n.Tunnel.Get(f); tunnel.IsValid() && n.Address.Get(f).IsValid() {
			add(netip.PrefixFrom(tunnel, f.Bits()), TunnelAddress, n.Name)
		}
	}
	d.sort()
	return d
}

func addBlock(b *inspect.IPAMBlock, f inspect.Family, add func(netip.Prefix, DestinationKind, string)) {
	if b.Node != "" {
		add(b.CIDR.Masked(), Block, b.Node)
	}
	for _, a := range b.Allocations {
		switch {
		case !b.Borrowed(a):
		case strings.HasSuffix(a.Type, "TunnelAddress"):
			add(netip.PrefixFrom(a.IP, f.Bits()), TunnelAddress, a.Node)
		default:
			add(netip.PrefixFrom(a.IP, f.Bits()), Address, a.Node)
		}
	}
}

// put adds a destination. A later one replaces one with the same CIDR: the tunnel address of a node can be a
// block of its own where blocks have a single address.
func (d *destinations) put(dest Destination) {
	if i, ok := d.index[dest.CIDR]; ok {
		d.list[i] = dest
		return
	}
	d.index[dest.CIDR] = len(d.list)
	d.list = append(d.list, dest)
}

func (d *destinations) sort() {
	slices.SortFunc(d.list, func(a, b Destination) int { return a.CIDR.Compare(b.CIDR) })
	for i := range d.list {
		d.index[d.list[i].CIDR] = i
	}
}
