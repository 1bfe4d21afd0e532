package check

import (
	"fmt"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section services.
const (
	SingleStackService inspect.Code = "DS701"
	EndpointsOneFamily inspect.Code = "DS702"
	KubeProxyDown      inspect.Code = "DS703"
)

func serviceRules() []Rule {
	services := []inspect.Fact{inspect.FactServices, inspect.FactEndpointSlices, inspect.FactPools, inspect.FactNodes}
	return []Rule{
		{
			Code: SingleStackService, Section: Services, Severity: inspect.SeverityInfo, Needs: services,
			Title: "a service has one family in a cluster that has two",
			Why:   "ipFamilyPolicy is SingleStack by default, and services from before the change to dual-stack keep it.",
			Mend:  `kubectl patch service NAME --type=merge -p '{"spec":{"ipFamilyPolicy":"PreferDualStack"}}'`,
			Find:  singleStackServices,
		},
		{
			Code: EndpointsOneFamily, Section: Services, Severity: inspect.SeverityError, Needs: services,
			Follows: []inspect.Code{AddressNotReported, PodLacksFamily},
			Title:   "a dual-stack service has endpoints in one family only",
			Why:     "its pods have addresses of one family: connections to the service's other address fail.",
			Mend:    "see the findings about these pods; pods on the host's network need a node with two InternalIPs",
			Find:    endpointsInOneFamily,
		},
		{
			Code: KubeProxyDown, Section: Services, Severity: inspect.SeverityError,
			Needs:   []inspect.Fact{inspect.FactNodes, inspect.FactPods},
			Follows: []inspect.Code{NodeNotReady},
			Title:   "kube-proxy does not run on a node, or is not ready",
			Why:     "the node's rules for services date from when it last ran, or there are none: its pods cannot reach new services.",
			Mend:    "kubectl -n kube-system describe pod POD; read its log",
			Find:    func(c *Cluster) []inspect.Finding { return c.down("kube-proxy", "kube-system") },
		},
	}
}

func singleStackServices(c *Cluster) []inspect.Finding {
	if !c.Dual() {
		return nil
	}
	var found []inspect.Finding
	for _, s := range c.Services {
		// The API server's own service is single-stack in every cluster.
		if s.Headless || s.Namespace == "default" && s.Name == "kubernetes" || len(s.IPFamilies) != 1 || len(s.ClusterIPs) == 0 {
			continue
		}
		found = append(found, inspect.Finding{Subject: "service " + s.Namespace + "/" + s.Name, Family: s.IPFamilies[0],
			Summary: fmt.Sprintf("service %s/%s is %s only (ipFamilyPolicy %s)", s.Namespace, s.Name, s.IPFamilies[0], s.IPFamilyPolicy),
			Mend:    fmt.Sprintf(`kubectl -n %s patch service %s --type=merge -p '{"spec":{"ipFamilyPolicy":"PreferDualStack"}}'`, s.Namespace, s.Name)})
	}
	return found
}

func endpointsInOneFamily(c *Cluster) []inspect.Finding {
	ready := map[string]inspect.ByFamily[int]{}
	for _, slice := range c.EndpointSlices {
		key := slice.Namespace + "/" + slice.Service
		n := ready[key]
		for _, e := range slice.Endpoints {
			if e.Ready {
				n.Set(slice.Family, n.Get(slice.Family)+1)
			}
		}
		ready[key] = n
	}
	var found []inspect.Finding
	for _, s := range c.Services {
		name := s.Namespace + "/" + s.Name
		n := ready[name]
		for _, f := range s.IPFamilies {
			other := inspect.IPv4
			if f == inspect.IPv4 {
				other = inspect.IPv6
			}
			if slices.Contains(s.IPFamilies, other) && n.Get(f) == 0 && n.Get(other) > 0 {
				found = append(found, inspect.Finding{Subject: "service " + name, Family: f,
					Summary: fmt.Sprintf("service %s has no ready %s endpoint, but %d in %s", name, f, n.Get(other), other)})
			}
		}
	}
	return found
}
