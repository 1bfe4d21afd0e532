// Package blocks reports the blocks of addresses that Calico's IPAM has carved out of the pools: whose they are, how
// full, and which addresses other nodes have borrowed. It does no I/O.
package blocks

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/ippools"
)

// Kind is the kind of a row.
const Kind = "IPAMBlock"

// Block is a row.
type Block struct {
	CIDR   netip.Prefix   `json:"cidr"`
	Family inspect.Family `json:"family"`
	Pool   string         `json:"pool,omitempty"` // empty when no pool holds it any more
	Node   string         `json:"node,omitempty"` // the node it is affine to
	// Capacity is the number of addresses: a JSON number, exact, whatever its size.
	Capacity  json.Number `json:"capacity"`
	Allocated int         `json:"allocated"` // addresses in use
	Borrowed  []Borrowed  `json:"borrowed,omitempty"`

	// Affinity is whose the block is where it is no node's ("virtual:load-balancer"). It and Handles are for people who
	// read the wide table, and are not part of the JSON contract.
	Affinity string   `json:"-"`
	Handles  []string `json:"-"` // IPAM's names for who has the addresses; sorted
	// Problems are those that the rules of check found, each with its code first, if they were run.
	Problems []string `json:"problems,omitempty"`
}

// Borrowed is an address of a block that another node uses.
type Borrowed struct {
	IP   netip.Addr `json:"ip"`
	Node string     `json:"node"`
}

// Options limit the report.
type Options struct {
	Family inspect.Family
	Nodes  []string // blocks that are affine to them, or that they have borrowed from; none is all
}

// Needs lists the facts that Analyze uses.
func Needs() []inspect.Fact { return []inspect.Fact{inspect.FactBlocks, inspect.FactPools} }

// Analyze returns the blocks, sorted by node, family and address.
func Analyze(s *inspect.Snapshot, o Options) *inspect.Report[Block] {
	var rows []Block
	for i := range s.Blocks {
		b := &s.Blocks[i]
		if o.Family.Matches(b.Family()) && o.selects(b) {
			rows = append(rows, row(s, b))
		}
	}
	slices.SortFunc(rows, func(a, b Block) int {
		return cmp.Or(strings.Compare(a.Node, b.Node), cmp.Compare(a.Family, b.Family), a.CIDR.Compare(b.CIDR))
	})
	return inspect.NewReport(Kind, rows)
}

func (o Options) selects(b *inspect.IPAMBlock) bool {
	if len(o.Nodes) == 0 || slices.Contains(o.Nodes, b.Node) {
		return true
	}
	return slices.ContainsFunc(b.Allocations, func(a inspect.Allocation) bool { return slices.Contains(o.Nodes, a.Node) })
}

func row(s *inspect.Snapshot, b *inspect.IPAMBlock) Block {
	r := Block{
		CIDR: b.CIDR, Family: b.Family(), Pool: poolName(s.Pools, b.CIDR), Node: b.Node, Affinity: b.Affinity,
		Capacity: json.Number(ippools.Capacity(b.CIDR).String()), Allocated: len(b.Allocations),
	}
	for _, a := range b.Allocations {
		if b.Node != "" && b.Borrowed(a) {
			r.Borrowed = append(r.Borrowed, Borrowed{IP: a.IP, Node: a.Node})
		}
		if a.Handle != "" {
			r.Handles = append(r.Handles, a.Handle)
		}
	}
	slices.Sort(r.Handles)
	r.Handles = slices.Compact(r.Handles)
	return r
}

func poolName(pools []inspect.IPPool, block netip.Prefix) string {
	if p := inspect.PoolOf(pools, block.Addr()); p != nil {
		return p.Name
	}
	return ""
}
