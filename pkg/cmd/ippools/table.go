package ippools

import (
	"cmp"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/ippools"
)

// table describes how pools are shown: calicoctl's columns in its order, then ours.
func table() printer.Table[ippools.Pool] {
	return printer.Table[ippools.Pool]{
		Name: func(p ippools.Pool) string { return p.Name },
		Columns: []printer.Column[ippools.Pool]{
			{Header: "NAME", Value: func(p ippools.Pool) string { return p.Name }},
			{Header: "CIDR", Value: func(p ippools.Pool) string { return printer.Text(p.CIDR) }},
			{Header: "NAT", Value: func(p ippools.Pool) string { return strconv.FormatBool(p.NATOutgoing) }},
			{Header: "IPIPMODE", Value: func(p ippools.Pool) string { return string(p.IPIPMode) }},
			{Header: "VXLANMODE", Value: func(p ippools.Pool) string { return string(p.VXLANMode) }},
			{Header: "DISABLED", Value: func(p ippools.Pool) string { return strconv.FormatBool(p.Disabled) }},
			{Header: "DISABLEBGPEXPORT", Wide: true,
				Value: func(p ippools.Pool) string { return strconv.FormatBool(p.DisableBGPExport) }},
			{Header: "SELECTOR", Wide: true, Value: func(p ippools.Pool) string { return p.NodeSelector }},
			// Before v3.30 there is no such mode, and every pool is what is Automatic since.
			{Header: "ASSIGNMENTMODE", Wide: true, Value: func(p ippools.Pool) string { return cmp.Or(p.AssignmentMode, "Automatic") }},
			{Header: "USES", Wide: true, Value: func(p ippools.Pool) string { return strings.Join(p.AllowedUses, ",") }},
			{Header: "FAMILY", Wide: true, Value: func(p ippools.Pool) string { return p.Family.String() }},
			{Header: "BLOCKSIZE", Wide: true, Value: func(p ippools.Pool) string { return strconv.Itoa(p.BlockSize) }},
			{Header: "USED", Value: used},
			{Header: "TOTAL", Value: func(p ippools.Pool) string { return shorten(p.Capacity) }},
		},
	}
}

func used(p ippools.Pool) string {
	if p.Allocated == nil {
		return ""
	}
	return strconv.Itoa(*p.Allocated)
}

// shorten gives a long number as calicoctl does: five digits and an exponent.
func shorten(digits string) string {
	const long = 12
	f, ok := new(big.Float).SetString(digits)
	if len(digits) <= long || !ok {
		return digits
	}
	return fmt.Sprintf("%.5g", f)
}
