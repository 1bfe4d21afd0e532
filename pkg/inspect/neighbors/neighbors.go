// Package neighbors compares the ARP and neighbour discovery entries of the VXLAN devices of each node with the expected
// ones: for every other node's tunnel address the MAC of its tunnel device
// (felix/vxlanfdb/vxlan_fdb.go). It does no I/O.
package neighbors

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix/ways"
)

// Kind is the kind of a row.
const Kind = "Neighbor"

// Neighbor is a row: an entry that exists, is expected, or both.
type Neighbor struct {
	Node       string         `json:"node,omitempty"`
	Family     inspect.Family `json:"family"`
	Device     string         `json:"device,omitempty"`
	IP         netip.Addr     `json:"ip,omitzero"`
	MAC        inspect.MAC    `json:"mac,omitzero"`
	RemoteNode string         `json:"remoteNode,omitempty"`
	inspect.Judgement
}

// Options limit the report.
type Options struct{ felix.Filter }

// Needs lists the facts that Analyze uses.
func Needs() []inspect.Fact { return felix.Neighbors.Needs() }

// Analyze returns the entries of all nodes, sorted by node, family and address.
func Analyze(s *inspect.Snapshot, o Options) *inspect.Report[Neighbor] { return In(ways.New(s), o) }

// In is Analyze for callers that run several analyses on one cluster.
func In(c *felix.Cluster, o Options) *inspect.Report[Neighbor] {
	a := analysis{rows: make([]Neighbor, 0, capacity(c.Snapshot()))}
	c.Judge(felix.Neighbors, o.Filter, a.judge, a.unknown)
	return inspect.NewReport(Kind, a.rows, c.Omissions(felix.Neighbors, o.Filter)...)
}

func capacity(s *inspect.Snapshot) int {
	n := 0
	for _, t := range s.Tables {
		n += len(t.Neighbors)
	}
	return n
}

type analysis struct{ rows []Neighbor }

func (a *analysis) unknown(n *felix.Node, f inspect.Family, reason string) {
	a.rows = append(a.rows, Neighbor{Node: n.Name, Family: f, Device: calico.VXLANDevice(f.Is6()),
		Judgement: inspect.Judgement{Status: inspect.StatusUnknown, Problems: []string{reason}}})
}

// judge adds the rows of one node and family.
func (a *analysis) judge(n *felix.Node, f inspect.Family) {
	for _, tunnel := range n.Overlays(f) {
		a.judgeTunnel(n, f, &tunnel)
	}
}

func (a *analysis) judgeTunnel(n *felix.Node, f inspect.Family, tunnel *felix.Overlay) {
	first := len(a.rows)
	vteps, tally, device := tunnel.VTEPs, tunnel.Tally(), tunnel.Name
	for i := range n.Table().Neighbors {
		if e := &n.Table().Neighbors[i]; e.Dev == device && counts(e, f) {
			a.rows = append(a.rows, compare(n, f, vteps, tally, e))
		}
	}
	for vtep := range tally.Missing() {
		a.rows = append(a.rows, Neighbor{Node: n.Name, Family: f, Device: device, IP: vtep.Tunnel, MAC: vtep.MAC,
			RemoteNode: vtep.Node, Judgement: inspect.Judgement{Status: inspect.StatusMissing}})
	}
	slices.SortFunc(a.rows[first:], func(a, b Neighbor) int { return cmp.Or(a.IP.Compare(b.IP), a.MAC.Compare(b.MAC)) })
}

// counts reports whether an entry can be Felix's: permanent, with a MAC, and not for a group.
func counts(e *inspect.Neighbor, f inspect.Family) bool {
	return e.State == "PERMANENT" && !e.MAC.IsZero() && inspect.FamilyOf(e.IP) == f && !e.IP.IsMulticast()
}

// compare makes the row of an existing entry. The kernel keeps one entry for an address, so an entry with another MAC is
// the wrong one.
func compare(n *felix.Node, f inspect.Family, vteps *felix.VTEPs, tally *felix.Tally, e *inspect.Neighbor) Neighbor {
	row := Neighbor{Node: n.Name, Family: f, Device: e.Dev, IP: e.IP, MAC: e.MAC,
		Judgement: inspect.Judgement{Status: inspect.StatusUnexpected}}
	v, ok := vteps.WithTunnel(e.IP)
	if !ok {
		row.RemoteNode = vteps.NodeOf(e.MAC, netip.Addr{})
		return row
	}
	row.RemoteNode = vteps.At(v).Node
	switch {
	case !tally.Take(v):
	case vteps.At(v).MAC == e.MAC:
		row.Status = inspect.StatusOK
	default:
		row.Status, row.Expected = inspect.StatusWrong, vteps.At(v).MAC.String()
	}
	return row
}
