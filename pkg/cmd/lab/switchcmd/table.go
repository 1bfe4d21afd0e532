package switchcmd

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/target"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// kind is the kind of the list, which mixes interfaces and routes.
const kind = "SwitchEntry"

// name returns what -o name prints for either.
func name(e Entry) string {
	if e.Kind == kindRoute {
		return "route/" + e.Destination.String()
	}
	return "interface/" + e.Name
}

func interfaceTable() printer.Table[Entry] {
	return printer.Table[Entry]{
		Kind: kind, Name: name,
		Columns: []printer.Column[Entry]{
			{Header: "INTERFACE", Value: func(e Entry) string { return e.Name }},
			{Header: "STATE", Value: func(e Entry) string { return e.State },
				Health: func(e Entry) inspect.Health { return target.Health(e.State) }},
			{Header: "IPV4", Value: func(e Entry) string { return join(e.IPv4) }},
			{Header: "IPV6", Value: func(e Entry) string { return join(e.IPv6) }},
			{Header: "MAC", Value: func(e Entry) string { return e.MAC }},
			{Header: "MTU", Value: func(e Entry) string { return number(e.MTU) }},
		},
	}
}

func routeTable() printer.Table[Entry] {
	return printer.Table[Entry]{
		Kind: kind, Name: name,
		Columns: []printer.Column[Entry]{
			{Header: "FAMILY", Value: func(e Entry) string { return e.Family.String() }},
			{Header: "DESTINATION", Value: func(e Entry) string { return printer.Text(e.Destination) }},
			{Header: "NEXT-HOP", Value: func(e Entry) string { return printer.Text(e.Via) }},
			{Header: "INTERFACE", Value: func(e Entry) string { return e.Interface }},
			{Header: "TYPE", Value: func(e Entry) string { return e.Type }},
		},
	}
}

func join(prefixes []netip.Prefix) string {
	texts := make([]string, len(prefixes))
	for i, p := range prefixes {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
