package services

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/services"
)

// table describes how services are shown.
func table(namespaces bool, family inspect.Family) printer.Table[services.Row] {
	no4, no6 := !family.Matches(inspect.IPv4), !family.Matches(inspect.IPv6)
	return printer.Table[services.Row]{
		Name: func(r services.Row) string { return r.Name },
		Columns: []printer.Column[services.Row]{
			{Header: "NAMESPACE", Hide: !namespaces, Value: func(r services.Row) string { return r.Namespace }},
			{Header: "NAME", Value: func(r services.Row) string { return r.Name }},
			{Header: "TYPE", Value: func(r services.Row) string { return r.Type }},
			{Header: "FAMILY-POLICY", Value: func(r services.Row) string { return r.IPFamilyPolicy }},
			{Header: "FAMILIES", Value: families},
			{Header: "IPV4", Hide: no4, Value: func(r services.Row) string { return address(r, inspect.IPv4, r.IPv4) }},
			{Header: "IPV6", Hide: no6, Value: func(r services.Row) string { return address(r, inspect.IPv6, r.IPv6) }},
			{Header: "EXTERNAL-IPV4", Wide: true, Hide: no4, Value: func(r services.Row) string { return external(r, inspect.IPv4) }},
			{Header: "EXTERNAL-IPV6", Wide: true, Hide: no6, Value: func(r services.Row) string { return external(r, inspect.IPv6) }},
			{Header: "READY-IPV4", Hide: no4, Value: func(r services.Row) string { return ready(r.Endpoints.V4) }},
			{Header: "READY-IPV6", Hide: no6, Value: func(r services.Row) string { return ready(r.Endpoints.V6) }},
			{Header: "PORTS", Value: ports},
		},
	}
}

func families(r services.Row) string {
	names := make([]string, len(r.IPFamilies))
	for i, f := range r.IPFamilies {
		names[i] = f.String()
	}
	return strings.Join(names, ",")
}

// address is the cluster IP; for a family of a headless service it is None, as in the API.
func address(r services.Row, f inspect.Family, ip netip.Addr) string {
	if r.Headless && slices.Contains(r.IPFamilies, f) {
		return "None"
	}
	return printer.Text(ip)
}

// external are the addresses outside of the cluster; "pending" where a load balancer has given none of a family yet.
func external(r services.Row, f inspect.Family) string {
	var texts []string
	for _, ip := range r.External.Get(f) {
		texts = append(texts, ip.String())
	}
	switch {
	case len(texts) > 0:
		return strings.Join(texts, ",")
	case r.Type == "LoadBalancer" && len(r.ExternalNames) > 0:
		return strings.Join(r.ExternalNames, ",")
	case r.Type == "LoadBalancer" && slices.Contains(r.IPFamilies, f):
		return "pending"
	}
	return ""
}

// ready is "2/3": ready endpoints and all endpoints.
func ready(e *services.Endpoints) string {
	if e == nil {
		return ""
	}
	return fmt.Sprintf("%d/%d", e.Ready, e.Total)
}

// ports are "80/TCP", or "80:30080/TCP" with a node port, as kubectl prints them.
func ports(r services.Row) string {
	texts := make([]string, len(r.Ports))
	for i, p := range r.Ports {
		texts[i] = strconv.Itoa(int(p.Port))
		if p.NodePort > 0 {
			texts[i] += ":" + strconv.Itoa(int(p.NodePort))
		}
		texts[i] += "/" + p.Protocol
	}
	return strings.Join(texts, ",")
}
