package blocks

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/blocks"
)

// table describes how blocks are shown.
func table() printer.Table[blocks.Block] {
	return printer.Table[blocks.Block]{
		Name: func(b blocks.Block) string { return printer.Text(b.CIDR) },
		Columns: []printer.Column[blocks.Block]{
			{Header: "NODE", Value: func(b blocks.Block) string { return cmp.Or(b.Node, b.Affinity) }},
			{Header: "FAMILY", Wide: true, Value: func(b blocks.Block) string { return b.Family.String() }},
			{Header: "CIDR", Value: func(b blocks.Block) string { return printer.Text(b.CIDR) }},
			{Header: "POOL", Value: func(b blocks.Block) string { return b.Pool }},
			{Header: "USED", Value: func(b blocks.Block) string { return strconv.Itoa(b.Allocated) }},
			{Header: "TOTAL", Value: func(b blocks.Block) string { return b.Capacity.String() }},
			{Header: "BORROWED", Value: borrowed},
			{Header: "HANDLES", Wide: true, Value: func(b blocks.Block) string { return strings.Join(b.Handles, ",") }},
		},
	}
}

// borrowed names each address with the node that has it.
func borrowed(b blocks.Block) string {
	texts := make([]string, len(b.Borrowed))
	for i, a := range b.Borrowed {
		texts[i] = a.IP.String() + " by " + a.Node
	}
	return strings.Join(texts, ",")
}
