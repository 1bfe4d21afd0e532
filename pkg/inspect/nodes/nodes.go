// Package nodes reports the addresses of nodes in both families: those of Kubernetes, of Calico, and of the VXLAN
// tunnels. It is pure: it reads no cluster and prints nothing.
package nodes

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Kind is the kind of a row.
const Kind = "Node"

// Row is a node in a report.
type Row struct {
	Name         string     `json:"name"`
	Roles        []string   `json:"roles,omitempty"`
	Ready        bool       `json:"ready"`
	InternalIPv4 netip.Addr `json:"internalIPv4,omitzero"`
	InternalIPv6 netip.Addr `json:"internalIPv6,omitzero"`
	// CalicoIPv4 and CalicoIPv6 come with their prefix length, which decides whether two nodes share a subnet.
	CalicoIPv4 netip.Prefix `json:"calicoIPv4,omitzero"`
	CalicoIPv6 netip.Prefix `json:"calicoIPv6,omitzero"`
	TunnelIPv4 netip.Addr   `json:"tunnelIPv4,omitzero"`
	TunnelIPv6 netip.Addr   `json:"tunnelIPv6,omitzero"`
	// TunnelMACv4 and TunnelMACv6 are the expected MACs of the tunnel devices; only with a tunnel address.
	TunnelMACv4 inspect.MAC `json:"tunnelMACv4,omitzero"`
	TunnelMACv6 inspect.MAC `json:"tunnelMACv6,omitzero"`
	// Addresses are those of the node's kernel, if requested.
	Addresses []Address `json:"addresses,omitempty"`
	// Problems say why its addresses are unknown, and what the rules of check found, if they were run: each with its code first.
	Problems []string `json:"problems,omitempty"`
	// Unknown is set if its addresses were asked for and could not be read.
	Unknown bool `json:"-"`
}

// Health returns the health of the node: ready or not.
func (r Row) Health() inspect.Health {
	if r.Ready {
		return inspect.Healthy
	}
	return inspect.Broken
}

// Address is an address of one of a node's interfaces.
type Address struct {
	Interface string       `json:"interface"`
	Prefix    netip.Prefix `json:"prefix"` // the address with its prefix length
	Scope     string       `json:"scope"`  // global, link; site in old networks
}

// Options choose the content of the report.
type Options struct {
	// Family shows only addresses of one family, on every node; zero shows both.
	Family inspect.Family
	// Addresses asks for the addresses of the nodes' kernels.
	Addresses bool
}

// Needs returns the facts that Analyze reads.
func (o Options) Needs() []inspect.Fact {
	if o.Addresses {
		return []inspect.Fact{inspect.FactNodes, inspect.FactTables}
	}
	return []inspect.Fact{inspect.FactNodes}
}

// Analyze reports the nodes of a snapshot, sorted by name.
func Analyze(s *inspect.Snapshot, opts Options) *inspect.Report[Row] {
	family := opts.Family
	rows := make([]Row, 0, len(s.Nodes))
	for _, node := range s.Nodes {
		row := Row{Name: node.Name, Roles: node.Roles, Ready: node.Ready}
		for _, f := range inspect.Families() {
			if family.Matches(f) {
				row.fill(node, f)
			}
		}
		if opts.Addresses {
			row.readTable(s, family)
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Name, b.Name) })
	return inspect.NewReport(Kind, rows)
}

// fill sets the node's addresses of a family.
func (r *Row) fill(node inspect.Node, f inspect.Family) {
	internal, address, tunnel, mac := &r.InternalIPv4, &r.CalicoIPv4, &r.TunnelIPv4, &r.TunnelMACv4
	if f == inspect.IPv6 {
		internal, address, tunnel, mac = &r.InternalIPv6, &r.CalicoIPv6, &r.TunnelIPv6, &r.TunnelMACv6
	}
	i := slices.IndexFunc(node.InternalIPs, func(ip netip.Addr) bool { return inspect.FamilyOf(ip) == f })
	if i >= 0 {
		*internal = node.InternalIPs[i]
	}
	*address, *tunnel = node.Address.Get(f), node.Tunnel.Get(f)
	if tunnel.IsValid() {
		if *mac = node.TunnelMAC.Get(f); mac.IsZero() {
			*mac = inspect.MAC(calico.VTEPMAC(node.Name, f.Is6()))
		}
	}
}

// readTable sets the addresses of the node's kernel, in its order.
func (r *Row) readTable(s *inspect.Snapshot, family inspect.Family) {
	table, ok := s.Tables[r.Name]
	if !ok {
		reason := s.Lacks(inspect.FactTables, r.Name)
		if reason == "" {
			reason = "the snapshot holds no tables of this node"
		}
		r.Problems, r.Unknown = []string{reason}, true
		return
	}
	for _, a := range table.Addresses {
		if a.Scope != scopeHost && family.Matches(a.Family()) && a.Prefix.Addr() != calico.PodGateway(true) {
			r.Addresses = append(r.Addresses, Address{Interface: a.Link, Prefix: a.Prefix, Scope: a.Scope})
		}
	}
}

// scopeHost is the scope of addresses within the node; all nodes have the same.
const scopeHost = "host"
