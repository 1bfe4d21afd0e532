// Package services reports services with their addresses and their ready endpoints in both families. It is pure: it
// reads no cluster and prints nothing.
package services

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Kind is the kind of a row.
const Kind = "Service"

// Row is a service in a report.
type Row struct {
	Namespace      string           `json:"namespace"`
	Name           string           `json:"name"`
	Type           string           `json:"type"`
	IPFamilyPolicy string           `json:"ipFamilyPolicy,omitempty"`
	IPFamilies     []inspect.Family `json:"ipFamilies,omitempty"`
	IPv4           netip.Addr       `json:"ipv4,omitzero"`
	IPv6           netip.Addr       `json:"ipv6,omitzero"`
	// External are the addresses of the load balancer, then spec.externalIPs. ExternalNames are host names of the load balancer.
	External      inspect.ByFamily[[]netip.Addr] `json:"external,omitzero"`
	ExternalNames []string                       `json:"externalNames,omitempty"`
	Ports         []Port                         `json:"ports,omitempty"`
	// Endpoints has a family if the service has it, or if there are endpoint slices of it.
	Endpoints inspect.ByFamily[*Endpoints] `json:"endpoints,omitzero"`

	// Problems are those that the rules of check found, each with its code first, if they were run.
	Problems []string `json:"problems,omitempty"`

	// Headless services have no addresses on purpose. JSON shows that by the absence of both.
	Headless bool `json:"-"`
}

// Port is a port of a service.
type Port struct {
	Name       string `json:"name,omitempty"`
	Protocol   string `json:"protocol"`
	Port       int32  `json:"port"`
	TargetPort string `json:"targetPort,omitempty"` // a number or the name of a container's port
	NodePort   int32  `json:"nodePort,omitempty"`
}

// Endpoints counts the distinct addresses behind a service in one family.
type Endpoints struct {
	Ready int `json:"ready"`
	Total int `json:"total"`
}

// Analyze reports the services of a snapshot, sorted by namespace and name. Family shows only the addresses and endpoints
// of one family; a service without it keeps its row. The zero Family shows both.
func Analyze(s *inspect.Snapshot, family inspect.Family) *inspect.Report[Row] {
	endpoints := count(s.EndpointSlices)
	known := s.Lacks(inspect.FactEndpointSlices, "") == ""
	rows := make([]Row, 0, len(s.Services))
	for _, service := range s.Services {
		row := report(service, family)
		if known {
			row.Endpoints = forService(service, family, endpoints[key{service.Namespace, service.Name}])
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return inspect.NewReport(Kind, rows)
}

func report(s inspect.Service, family inspect.Family) Row {
	row := Row{
		Namespace: s.Namespace, Name: s.Name, Type: s.Type, Headless: s.Headless,
		IPFamilyPolicy: s.IPFamilyPolicy, IPFamilies: s.IPFamilies,
	}
	for _, ip := range s.ClusterIPs {
		switch f := inspect.FamilyOf(ip); {
		case !family.Matches(f):
		case f == inspect.IPv4:
			row.IPv4 = ip
		case f == inspect.IPv6:
			row.IPv6 = ip
		}
	}
	for _, ip := range slices.Concat(s.Ingress, s.ExternalIPs) {
		if f := inspect.FamilyOf(ip); family.Matches(f) && !slices.Contains(row.External.Get(f), ip) {
			row.External.Set(f, append(row.External.Get(f), ip))
		}
	}
	row.ExternalNames = s.IngressNames
	for _, p := range s.Ports {
		row.Ports = append(row.Ports, Port{
			Name: p.Name, Protocol: p.Protocol, Port: p.Port, TargetPort: p.TargetPort, NodePort: p.NodePort,
		})
	}
	return row
}

// forService returns the counts of the service's families, and of any other family that it has slices of.
func forService(
	s inspect.Service, family inspect.Family, found *inspect.ByFamily[addresses],
) inspect.ByFamily[*Endpoints] {
	var out inspect.ByFamily[*Endpoints]
	for _, f := range inspect.Families() {
		var seen addresses
		if found != nil {
			seen = found.Get(f)
		}
		if family.Matches(f) && (seen != nil || slices.Contains(s.IPFamilies, f)) {
			out.Set(f, seen.count())
		}
	}
	return out
}

// key identifies a service.
type key struct{ namespace, name string }

// addresses are the distinct addresses behind a service; the value says if any slice lists the address as ready.
type addresses map[netip.Addr]bool

func (a addresses) count() *Endpoints {
	e := &Endpoints{Total: len(a)}
	for _, ready := range a {
		if ready {
			e.Ready++
		}
	}
	return e
}

// count joins the slices of each service. A service may have many slices of a family, and an address may be in several.
func count(slices []inspect.EndpointSlice) map[key]*inspect.ByFamily[addresses] {
	all := map[key]*inspect.ByFamily[addresses]{}
	for _, slice := range slices {
		if slice.Service == "" || slice.Family == 0 {
			continue
		}
		id := key{slice.Namespace, slice.Service}
		if all[id] == nil {
			all[id] = &inspect.ByFamily[addresses]{}
		}
		seen := all[id].Get(slice.Family)
		if seen == nil {
			seen = addresses{}
			all[id].Set(slice.Family, seen)
		}
		for _, endpoint := range slice.Endpoints {
			for _, address := range endpoint.Addresses {
				seen[address] = seen[address] || endpoint.Ready
			}
		}
	}
	return all
}
