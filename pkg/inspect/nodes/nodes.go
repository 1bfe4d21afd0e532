// Package nodes reports the addresses of nodes in both families: those of Kubernetes, those of Calico, and those of the
// VXLAN tunnels. It is pure: it reads no cluster and prints nothing.
package nodes

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Kind is the kind of a row.
const Kind = "Node"

// Row is a node as it is reported.
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
	// TunnelMACv4 and TunnelMACv6 are what Felix must give the tunnel devices; only where there is a tunnel address.
	TunnelMACv4 inspect.MAC `json:"tunnelMACv4,omitzero"`
	TunnelMACv6 inspect.MAC `json:"tunnelMACv6,omitzero"`
}

// Analyze reports the nodes of a snapshot, sorted by name. Family keeps only what is of one family: nodes that have an
// address of it, and those addresses; the zero Family keeps everything.
func Analyze(s *inspect.Snapshot, family inspect.Family) *inspect.List[Row] {
	rows := make([]Row, 0, len(s.Nodes))
	for _, node := range s.Nodes {
		row := Row{Name: node.Name, Roles: node.Roles, Ready: node.Ready}
		has := false
		for _, f := range inspect.Families() {
			if family.Matches(f) {
				has = row.fill(node, f) || has
			}
		}
		if has || family == 0 {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Name, b.Name) })
	return inspect.NewList(Kind, rows)
}

// fill sets what the node has of a family, and reports whether there is anything.
func (r *Row) fill(node inspect.Node, f inspect.Family) bool {
	internal, calico, tunnel, mac := &r.InternalIPv4, &r.CalicoIPv4, &r.TunnelIPv4, &r.TunnelMACv4
	if f == inspect.IPv6 {
		internal, calico, tunnel, mac = &r.InternalIPv6, &r.CalicoIPv6, &r.TunnelIPv6, &r.TunnelMACv6
	}
	i := slices.IndexFunc(node.InternalIPs, func(ip netip.Addr) bool { return inspect.FamilyOf(ip) == f })
	if i >= 0 {
		*internal = node.InternalIPs[i]
	}
	*calico, *tunnel = node.Address.Get(f), node.Tunnel.Get(f)
	if tunnel.IsValid() {
		if *mac = node.TunnelMAC.Get(f); mac.IsZero() {
			*mac = inspect.VTEPMAC(node.Name, f)
		}
	}
	return internal.IsValid() || calico.IsValid() || tunnel.IsValid()
}
