// Package ippools implements "dualstack ippools".
package ippools

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/report"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/ippools"
)

const (
	short = "Display Calico's IP pools, and how many of their addresses are in use"
	long  = short + `.

		The columns are those of "calicoctl get ippools -o wide", and the number of addresses in use, by pods and by tunnels,
		of all. In JSON the latter is a string of digits: an IPv6 pool has more addresses than a JSON number holds.`
	example = `
		# All pools
		kubectl dualstack ippools

		# The IPv6 pools, with their block sizes and selectors
		kubectl dualstack ippools --family ipv6 -o wide`
)

// NewCmdIPPools returns "dualstack ippools". runF replaces Run in tests; it is nil in production.
func NewCmdIPPools(f *inspector.Flags, runF func(context.Context, *report.Options[ippools.Pool]) error) *cobra.Command {
	return report.NewCmd(f, report.Spec[ippools.Pool]{
		Use: "ippools", Aliases: []string{"ippool", "pools"}, Short: short, Long: long, Example: example,
		Noun: "IP pools", Subject: inspect.FactPools, Facts: ippools.Needs(),
		Analyze: func(s *inspect.Snapshot, flt felix.Filter, _ bool) *inspect.Report[ippools.Pool] {
			return ippools.Analyze(s, ippools.Options{Family: flt.Family})
		},
		Table: table(),
	}, runF)
}
