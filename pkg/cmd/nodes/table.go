package nodes

import (
	"fmt"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/nodes"
)

// table describes how nodes are shown.
func table(opts nodes.Options) printer.Table[nodes.Row] {
	family := opts.Family
	no4, no6 := !family.Matches(inspect.IPv4), !family.Matches(inspect.IPv6)
	return printer.Table[nodes.Row]{
		Name: func(r nodes.Row) string { return r.Name },
		Columns: []printer.Column[nodes.Row]{
			{Header: "NAME", Value: func(r nodes.Row) string { return r.Name }},
			{Header: "STATUS", Value: status, Health: nodes.Row.Health},
			{Header: "ROLES", Value: func(r nodes.Row) string { return strings.Join(r.Roles, ",") }},
			{Header: "INTERNAL-IPV4", Hide: no4, Value: func(r nodes.Row) string { return printer.Text(r.InternalIPv4) }},
			{Header: "INTERNAL-IPV6", Hide: no6, Value: func(r nodes.Row) string { return printer.Text(r.InternalIPv6) }},
			{Header: "TUNNEL-IPV4", Hide: no4, Value: func(r nodes.Row) string { return printer.Text(r.TunnelIPv4) }},
			{Header: "TUNNEL-IPV6", Hide: no6, Value: func(r nodes.Row) string { return printer.Text(r.TunnelIPv6) }},
			{Header: "CALICO-IPV4", Hide: no4, Wide: true, Value: calicoIPv4},
			{Header: "CALICO-IPV6", Hide: no6, Wide: true, Value: calicoIPv6},
			{Header: "TUNNEL-MAC-V4", Hide: no4, Wide: true, Value: func(r nodes.Row) string { return printer.MAC(r.TunnelMACv4) }},
			{Header: "TUNNEL-MAC-V6", Hide: no6, Wide: true, Value: func(r nodes.Row) string { return printer.MAC(r.TunnelMACv6) }},
			{Header: "ADDRESSES", Hide: !opts.Addresses, Value: addresses},
		},
	}
}

// status is the first word of kubectl's column STATUS.
func status(r nodes.Row) string {
	if r.Ready {
		return "Ready"
	}
	return "NotReady"
}

// addresses are those of the node itself, such as "eth1=10.10.10.11/24(global)".
func addresses(r nodes.Row) string {
	if r.Unknown {
		return "<unknown>"
	}
	texts := make([]string, len(r.Addresses))
	for i, a := range r.Addresses {
		texts[i] = fmt.Sprintf("%s=%s(%s)", a.Interface, a.Prefix, a.Scope)
	}
	return strings.Join(texts, ",")
}

func calicoIPv4(r nodes.Row) string { return printer.Text(r.CalicoIPv4) }

func calicoIPv6(r nodes.Row) string { return printer.Text(r.CalicoIPv6) }
