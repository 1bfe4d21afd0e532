// Package ippools reports Calico's IP pools with how many of their addresses are in use. It does no I/O.
package ippools

import (
	"cmp"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Kind is the kind of a row.
const Kind = "IPPool"

// Pool is a row.
type Pool struct {
	Name             string            `json:"name"`
	CIDR             netip.Prefix      `json:"cidr"`
	Family           inspect.Family    `json:"family"`
	BlockSize        int               `json:"blockSize"` // prefix length of a block
	IPIPMode         inspect.EncapMode `json:"ipipMode"`
	VXLANMode        inspect.EncapMode `json:"vxlanMode"`
	NATOutgoing      bool              `json:"natOutgoing"`
	Disabled         bool              `json:"disabled"`
	DisableBGPExport bool              `json:"-"`
	AssignmentMode   string            `json:"assignmentMode,omitempty"` // Manual: only pods that ask for it get addresses
	// AllowedUses are Workload, Tunnel and LoadBalancer.
	AllowedUses  []string `json:"allowedUses,omitempty"`
	NodeSelector string   `json:"nodeSelector,omitempty"`
	// Capacity is the number of addresses, as decimal digits in a string: that of an IPv6 pool fits into no number
	// that JSON readers agree on (a /48 has 2^80).
	Capacity string `json:"capacity"`
	// Allocated is the number of addresses in use, by pods and by tunnels; absent when the blocks could not be read.
	Allocated *int `json:"allocated,omitempty"`
	// Problems are those that the rules of check found, each with its code first, if they were run.
	Problems []string `json:"problems,omitempty"`
}

// Options limit the report.
type Options struct{ Family inspect.Family }

// Needs lists the facts that Analyze uses.
func Needs() []inspect.Fact { return []inspect.Fact{inspect.FactPools, inspect.FactBlocks} }

// Analyze returns the pools, sorted by name.
func Analyze(s *inspect.Snapshot, o Options) *inspect.Report[Pool] {
	var rows []Pool
	for _, p := range s.Pools {
		if o.Family.Matches(p.Family()) {
			rows = append(rows, row(p))
		}
	}
	slices.SortFunc(rows, func(a, b Pool) int { return cmp.Or(strings.Compare(a.Name, b.Name), a.CIDR.Compare(b.CIDR)) })
	if s.Lacks(inspect.FactBlocks, "") == "" {
		count(rows, s)
	}
	return inspect.NewReport(Kind, rows)
}

func row(p inspect.IPPool) Pool {
	return Pool{
		Name: p.Name, CIDR: p.CIDR, Family: p.Family(), BlockSize: p.BlockSize, AssignmentMode: p.AssignmentMode,
		IPIPMode: cmp.Or(p.IPIPMode, inspect.EncapNever), VXLANMode: cmp.Or(p.VXLANMode, inspect.EncapNever),
		NATOutgoing: p.NATOutgoing, Disabled: p.Disabled, DisableBGPExport: p.DisableBGPExport,
		AllowedUses: p.AllowedUses, NodeSelector: p.NodeSelector, Capacity: Capacity(p.CIDR).String(),
	}
}

// Capacity is the number of addresses of a prefix.
func Capacity(p netip.Prefix) *big.Int {
	if !p.IsValid() {
		return new(big.Int)
	}
	return new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
}

// count adds up what the blocks of each pool have in use.
func count(rows []Pool, s *inspect.Snapshot) {
	used := map[netip.Prefix]int{}
	for i := range s.Blocks {
		if p := inspect.PoolOf(s.Pools, s.Blocks[i].CIDR.Addr()); p != nil {
			used[p.CIDR] += len(s.Blocks[i].Allocations)
		}
	}
	for i := range rows {
		n := used[rows[i].CIDR]
		rows[i].Allocated = &n
	}
}
