// Package fdb compares the forwarding entries of the VXLAN devices of each node with the expected ones: for every other
// node's VTEP one entry that sends frames for its MAC to its node's address
// (felix/vxlanfdb/vxlan_fdb.go). It does no I/O.
package fdb

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
const Kind = "FDBEntry"

// Entry is a row: an entry that exists, is expected, or both.
type Entry struct {
	Node       string         `json:"node,omitempty"`
	Family     inspect.Family `json:"family"`
	Device     string         `json:"device,omitempty"`
	MAC        inspect.MAC    `json:"mac,omitzero"`
	VTEP       netip.Addr     `json:"vtep,omitzero"`
	RemoteNode string         `json:"remoteNode,omitempty"`
	inspect.Judgement

	// Lookup leads to the entry; nil unless Options.Lookup asks for it. It is for readers of the table, and not part
	// of the JSON contract.
	Lookup *Lookup `json:"-"`
}

// Lookup is how the node's kernel finds a forwarding entry: from a route to a block, to its next hop, to the next hop's
// MAC address in the neighbour table.
type Lookup struct {
	Neighbors []netip.Addr
	Blocks    []netip.Prefix
}

// Options limit and extend the report.
type Options struct {
	felix.Filter
	Lookup bool // fill in Lookup
}

// Needs lists the facts that Analyze uses.
func Needs() []inspect.Fact { return felix.FDB.Needs() }

// Analyze returns the entries of all nodes, sorted by node, family and VTEP.
func Analyze(s *inspect.Snapshot, o Options) *inspect.Report[Entry] { return In(ways.New(s), o) }

// In is Analyze for callers that run several analyses on one cluster.
func In(c *felix.Cluster, o Options) *inspect.Report[Entry] {
	a := analysis{options: o, rows: make([]Entry, 0, capacity(c.Snapshot()))}
	c.Judge(felix.FDB, o.Filter, a.judge, a.unknown)
	return inspect.NewReport(Kind, a.rows, c.Omissions(felix.FDB, o.Filter)...)
}

func capacity(s *inspect.Snapshot) int {
	n := 0
	for _, t := range s.Tables {
		n += len(t.FDB)
	}
	return n
}

type analysis struct {
	options Options
	rows    []Entry
}

func (a *analysis) unknown(n *felix.Node, f inspect.Family, reason string) {
	a.rows = append(a.rows, Entry{Node: n.Name, Family: f, Device: calico.VXLANDevice(f.Is6()),
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
	for i := range n.Table().FDB {
		if e := &n.Table().FDB[i]; e.Dev == device && counts(e) {
			a.rows = append(a.rows, compare(n, f, vteps, tally, e))
		}
	}
	settle(a.rows[first:], vteps, tally)
	for vtep := range tally.Missing() {
		a.rows = append(a.rows, Entry{Node: n.Name, Family: f, Device: device, MAC: vtep.MAC, VTEP: vtep.Host,
			RemoteNode: vtep.Node, Judgement: inspect.Judgement{Status: inspect.StatusMissing}})
	}
	rows := a.rows[first:]
	slices.SortFunc(rows, compareEntries)
	if a.options.Lookup {
		addLookups(rows, n.Table())
	}
}

// counts reports whether an entry can be Felix's: permanent, with a unicast MAC.
func counts(e *inspect.FDBEntry) bool {
	const group = 1 // the bit of multicast and broadcast addresses
	return e.Permanent && !e.MAC.IsZero() && e.MAC[0]&group == 0
}

// compare makes the row of an existing entry: ok, or for now unexpected.
func compare(n *felix.Node, f inspect.Family, vteps *felix.VTEPs, tally *felix.Tally, e *inspect.FDBEntry) Entry {
	row := Entry{Node: n.Name, Family: f, Device: e.Dev, MAC: e.MAC, VTEP: e.VTEP,
		RemoteNode: vteps.NodeOf(e.MAC, e.VTEP), Judgement: inspect.Judgement{Status: inspect.StatusUnexpected}}
	if v, ok := vteps.WithMAC(e.MAC); ok && vteps.At(v).Host == e.VTEP && tally.Take(v) {
		row.Status = inspect.StatusOK
	}
	return row
}

// settle turns unexpected entries into wrong ones if no entry sends their MAC address to the expected VTEP.
func settle(rows []Entry, vteps *felix.VTEPs, tally *felix.Tally) {
	for i := range rows {
		if rows[i].Status == inspect.StatusOK {
			continue
		}
		if v, ok := vteps.WithMAC(rows[i].MAC); ok && tally.Take(v) {
			rows[i].Status, rows[i].Expected = inspect.StatusWrong, vteps.At(v).Host.String()
		}
	}
}

func compareEntries(a, b Entry) int {
	return cmp.Or(a.VTEP.Compare(b.VTEP), a.MAC.Compare(b.MAC))
}

// addLookups fills in the Lookup of each entry, from the tables of the same node.
func addLookups(rows []Entry, t *inspect.NodeTable) {
	blocks := map[netip.Addr][]netip.Prefix{}
	for i := range t.Routes {
		if r := &t.Routes[i]; r.Gateway.IsValid() && calico.IsVXLANDevice(r.Dev) {
			blocks[r.Gateway] = append(blocks[r.Gateway], r.Dst)
		}
	}
	type key struct {
		device string
		mac    inspect.MAC
	}
	lookups := map[key]*Lookup{}
	for _, n := range t.Neighbors {
		if !calico.IsVXLANDevice(n.Dev) || n.MAC.IsZero() {
			continue
		}
		k := key{n.Dev, n.MAC}
		if lookups[k] == nil {
			lookups[k] = &Lookup{}
		}
		lookups[k].Neighbors = append(lookups[k].Neighbors, n.IP)
		lookups[k].Blocks = append(lookups[k].Blocks, blocks[n.IP]...)
	}
	for i := range rows {
		rows[i].Lookup = lookups[key{rows[i].Device, rows[i].MAC}]
	}
}
