// Package vxlan implements "dualstack vxlan".
package vxlan

import (
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/report"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/vxlan"
)

const (
	short = "Verify the VXLAN tunnel devices of nodes"
	long  = short + `.

		Calico has one tunnel device per family on each node: vxlan.calico and vxlan-v6.calico. This command reads them, and
		compares VNI, VTEP (the source address of the outer header), parent, port, MTU, MAC address, tunnel address and state
		with what Felix makes of the pools and its settings: ok, missing, unexpected, wrong, or unknown where a node could not
		be read. A missing device shows the expected values.

		The exit code is 2 when anything is not ok.`
	example = `
		# The tunnel devices of all nodes
		kubectl dualstack vxlan

		# The MTU of each IPv6 tunnel
		kubectl dualstack vxlan --family ipv6 -o custom-columns=NODE:.node,MTU:.mtu,STATUS:.status`
)

// NewCmdVXLAN returns "dualstack vxlan". runF replaces Run in tests; it is nil in production.
func NewCmdVXLAN(f *inspector.Flags, runF func(context.Context, *report.Options[vxlan.Device]) error) *cobra.Command {
	return report.NewCmd(f, spec(), runF)
}

func spec() report.Spec[vxlan.Device] {
	return report.Spec[vxlan.Device]{
		Use: "vxlan", Short: short, Long: long, Example: example,
		Noun: "tunnel devices", Subject: inspect.FactNodes, PerNode: true, Facts: vxlan.Needs(),
		Analyze: func(s *inspect.Snapshot, flt felix.Filter, _ bool) *inspect.Report[vxlan.Device] {
			return vxlan.Analyze(s, vxlan.Options{Filter: flt})
		},
		Table: printer.Table[vxlan.Device]{
			Kind: vxlan.Kind,
			Name: func(d vxlan.Device) string { return strings.Join([]string{d.Node, d.Device}, "/") },
			Columns: []printer.Column[vxlan.Device]{
				{Header: "NODE", Value: func(d vxlan.Device) string { return d.Node }},
				{Header: "FAMILY", Wide: true, Value: func(d vxlan.Device) string { return d.Family.String() }},
				{Header: "DEVICE", Value: func(d vxlan.Device) string { return d.Device }},
				{Header: "VNI", Value: func(d vxlan.Device) string { return number(d.VNI) }},
				{Header: "VTEP", Value: func(d vxlan.Device) string { return printer.Text(d.VTEP) }},
				{Header: "PARENT", Value: func(d vxlan.Device) string { return d.Parent }},
				{Header: "PORT", Value: func(d vxlan.Device) string { return number(d.Port) }},
				{Header: "MTU", Value: func(d vxlan.Device) string { return number(d.MTU) }},
				{Header: "MAC", Value: func(d vxlan.Device) string { return report.MAC(d.MAC) }},
				{Header: "STATUS", Value: func(d vxlan.Device) string { return string(d.Status) },
					Health: func(d vxlan.Device) inspect.Health { return d.Status.Health() }},
			},
		},
	}
}

// number is a number as text, and nothing for 0, which none of them can be.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
