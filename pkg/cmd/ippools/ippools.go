// Package ippools implements "dualstack ippools".
package ippools

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/ippools"
)

const (
	short = "Display Calico's IP pools, and how many of their addresses are in use"
	long  = short + `.

		The columns are those of "calicoctl get ippools -o wide", and the number of addresses in use, by pods and by tunnels,
		of all. In JSON the total is a string of digits: an IPv6 pool has more addresses than a JSON number holds.`
	example = `
		# All pools
		kubectl dualstack ippools

		# The IPv6 pools, with their block sizes and selectors
		kubectl dualstack ippools --family ipv6 -o wide`
)

// Inspector returns "dualstack ippools".
func Inspector() inspector.Inspector { return inspector.New(spec) }

func spec() inspector.Spec[ippools.Pool] {
	return inspector.Spec[ippools.Pool]{
		About: inspector.About{
			Name: "ippools", Aliases: []string{"ippool", "pools"}, Kind: ippools.Kind, Noun: "IP pools", Subject: inspect.FactPools,
		},
		Problems: inspector.Problems[ippools.Pool]{
			Sections: []check.Section{check.Pools},
			Of:       func(r *ippools.Pool) (string, *[]string) { return inspect.PoolSubject(r.Name), &r.Problems },
		},
		Short: short, Long: long, Example: example,
		Needs: func(inspector.View) []inspect.Fact { return ippools.Needs() },
		Analyze: func(s *inspect.Snapshot, v inspector.View) *inspect.Report[ippools.Pool] {
			return ippools.Analyze(s, ippools.Options{Family: v.Family})
		},
		Table: func(inspector.View) printer.Table[ippools.Pool] { return table() },
	}
}
