// Package services implements "dualstack services".
package services

import (
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/services"
)

const (
	short = "Display both cluster IPs of services, and their endpoints per family"
	long  = short + `.

		For each service: its type, its family policy and families, the cluster IP of each family, and how many of its
		endpoints are ready in each family, joined from all of its EndpointSlices. A headless service has None for an
		address.`
	example = `
		# The services of the current namespace
		kubectl dualstack services

		# The IPv6 addresses of all services, <none> if absent, and their ready IPv6 endpoints
		kubectl dualstack services -A --family ipv6

		# The families of one service
		kubectl dualstack services multitool-dual-stack -o jsonpath='{.items[0].ipFamilies}'`
)

// Inspector returns "dualstack services".
func Inspector() inspector.Inspector { return inspector.New(spec) }

func spec() inspector.Spec[services.Row] {
	return inspector.Spec[services.Row]{
		About: inspector.About{
			Name: "services", Aliases: []string{"service", "svc"}, Kind: services.Kind, Noun: "services", Subject: inspect.FactServices,
			Named: true, Namespaced: true, Labelled: true, Watched: true,
		},
		Problems: inspector.Problems[services.Row]{
			Sections: []check.Section{check.Services},
			Of: func(r *services.Row) (string, *[]string) {
				return inspect.ServiceSubject(r.Namespace, r.Name), &r.Problems
			},
		},
		Short: short, Long: long, Example: example,
		Needs: func(inspector.View) []inspect.Fact {
			return []inspect.Fact{inspect.FactServices, inspect.FactEndpointSlices}
		},
		Analyze: func(s *inspect.Snapshot, v inspector.View) *inspect.Report[services.Row] {
			return services.Analyze(s, v.Family)
		},
		Table: func(v inspector.View) printer.Table[services.Row] { return table(v.Namespaces, v.Family) },
	}
}
