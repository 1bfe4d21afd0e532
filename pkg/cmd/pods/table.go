package pods

import (
	"strconv"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/pods"
)

// table describes how pods are shown.
func table(namespaces bool, family inspect.Family) printer.Table[pods.Row] {
	no4, no6 := !family.Matches(inspect.IPv4), !family.Matches(inspect.IPv6)
	return printer.Table[pods.Row]{
		Name: func(r pods.Row) string { return r.Name },
		Columns: []printer.Column[pods.Row]{
			{Header: "NAMESPACE", Hide: !namespaces, Value: func(r pods.Row) string { return r.Namespace }},
			{Header: "NAME", Value: func(r pods.Row) string { return r.Name }},
			{Header: "IPV4", Hide: no4, Value: func(r pods.Row) string { return printer.Text(r.IPv4) }},
			{Header: "IPV6", Hide: no6, Value: func(r pods.Row) string { return printer.Text(r.IPv6) }},
			{Header: "NODE", Value: func(r pods.Row) string { return r.Node }},
			{Header: "PHASE", Value: func(r pods.Row) string { return r.Phase }, Health: pods.Row.Health},
			{Header: "POOL-IPV4", Hide: no4, Wide: true, Value: func(r pods.Row) string { return r.PoolIPv4 }},
			{Header: "POOL-IPV6", Hide: no6, Wide: true, Value: func(r pods.Row) string { return r.PoolIPv6 }},
			{Header: "INTERFACE", Wide: true, Value: func(r pods.Row) string { return r.Interface }},
			{Header: "HOSTNETWORK", Wide: true, Value: func(r pods.Row) string { return strconv.FormatBool(r.HostNetwork) }},
		},
	}
}
