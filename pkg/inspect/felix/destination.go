package felix

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Kind is what a route is for and how it gets there.
type Kind string

// The kinds.
const (
	Tunnel    Kind = "tunnel"    // to another node's block, encapsulated
	Direct    Kind = "direct"    // to another node's block, as it is: CrossSubnet and the same subnet
	Blackhole Kind = "blackhole" // drops what is for unused addresses of the node's own block
	Borrowed  Kind = "borrowed"  // to one address that another node than the block's uses
)

// destination is something that routes lead to: the same for all nodes, whose routes there differ.
type destination struct {
	cidr        netip.Prefix
	kind        destinationKind
	node        string     // where the addresses are
	vtep        int        // number of that node's VTEP; -1 for none
	host        netip.Addr // that node's address; zero when it is not known
	crossSubnet bool       // of the pool
}

type destinationKind uint8

const (
	block destinationKind = iota
	borrowed
	tunnelAddress
)

// destinations are those of one family, sorted by address.
type destinations struct {
	list  []destination
	index map[netip.Prefix]int
	pools []inspect.IPPool // of the family, all encapsulations
	// hostLocal is set when nodes have VTEPs but no block is to be seen: addresses are not Calico IPAM's then.
	hostLocal bool
}

// newDestinations collects what l3_route_resolver.go (routesFromBlock) makes of the blocks of VXLAN pools: the block at
// the node that it is affine to, and each address at another node that uses it. The tunnel addresses come with them,
// since some releases route to each of them, too.
func newDestinations(s *inspect.Snapshot, f inspect.Family, vteps *VTEPs) *destinations {
	d := &destinations{index: map[netip.Prefix]int{}, hostLocal: vteps.Len() > 0}
	for _, p := range s.Pools {
		if p.Family() == f {
			d.pools = append(d.pools, p)
		}
	}
	hosts := make(map[string]netip.Addr, len(s.Nodes))
	for i := range s.Nodes {
		hosts[s.Nodes[i].Name] = s.Nodes[i].Address.Get(f).Addr()
	}
	add := func(cidr netip.Prefix, kind destinationKind, node string) {
		pool := inspect.PoolOf(d.pools, cidr.Addr())
		if pool == nil || !routesByVXLAN(*pool) {
			return
		}
		dest := destination{cidr: cidr, kind: kind, node: node, vtep: -1, host: hosts[node],
			crossSubnet: pool.VXLANMode == inspect.EncapCrossSubnet}
		if i, ok := vteps.OfNode(node); ok {
			dest.vtep = i
		}
		d.put(dest)
	}
	for i := range s.Blocks {
		if b := &s.Blocks[i]; b.Family() == f {
			d.hostLocal = false
			addBlock(b, f, add)
		}
	}
	for i := range vteps.list {
		add(netip.PrefixFrom(vteps.At(i).Tunnel, f.Bits()), tunnelAddress, vteps.At(i).Node)
	}
	d.sort()
	return d
}

func addBlock(b *inspect.IPAMBlock, f inspect.Family, add func(netip.Prefix, destinationKind, string)) {
	if b.Node != "" {
		add(b.CIDR.Masked(), block, b.Node)
	}
	for _, a := range b.Allocations {
		switch {
		case !b.Borrowed(a):
		case strings.HasSuffix(a.Type, "TunnelAddress"):
			add(netip.PrefixFrom(a.IP, f.Bits()), tunnelAddress, a.Node)
		default:
			add(netip.PrefixFrom(a.IP, f.Bits()), borrowed, a.Node)
		}
	}
}

// routesByVXLAN reports whether Felix routes to a pool by VXLAN. A pool for load balancers alone has no routes.
func routesByVXLAN(p inspect.IPPool) bool {
	return usesVXLAN(p) && !slices.Equal(p.AllowedUses, []string{"LoadBalancer"})
}

// put adds a destination. A later one takes the place of one with the same CIDR: the tunnel address of a node can be a
// block of its own where blocks have a single address.
func (d *destinations) put(dest destination) {
	if i, ok := d.index[dest.cidr]; ok {
		d.list[i] = dest
		return
	}
	d.index[dest.cidr] = len(d.list)
	d.list = append(d.list, dest)
}

func (d *destinations) sort() {
	slices.SortFunc(d.list, func(a, b destination) int { return a.cidr.Compare(b.cidr) })
	for i := range d.list {
		d.index[d.list[i].cidr] = i
	}
}
