// Package vxlan implements "dualstack vxlan".
package vxlan

import (
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
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

// Inspector returns "dualstack vxlan".
func Inspector() inspector.Inspector { return inspector.New(spec) }

func spec() inspector.Spec[vxlan.Device] {
	return inspector.Spec[vxlan.Device]{
		About: inspector.About{
			Name: "vxlan", Kind: vxlan.Kind, Noun: "tunnel devices", Subject: inspect.FactNodes, PerNode: true,
		},
		Short: short, Long: long, Example: example,
		Needs: func(inspector.View) []inspect.Fact { return vxlan.Needs() },
		Analyze: func(s *inspect.Snapshot, v inspector.View) *inspect.Report[vxlan.Device] {
			return vxlan.Analyze(s, vxlan.Options{Filter: felix.Filter{Family: v.Family, Nodes: v.Nodes}})
		},
		Table: func(inspector.View) printer.Table[vxlan.Device] { return table() },
	}
}

// table describes how rows are shown.
func table() printer.Table[vxlan.Device] {
	return printer.Table[vxlan.Device]{
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
			{Header: "MAC", Value: func(d vxlan.Device) string { return printer.MAC(d.MAC) }},
			inspector.Status[vxlan.Device](),
		},
	}
}

// number returns a number as text, and the empty string for 0, which stands for absent.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
