package check

import (
	"fmt"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// balancerRules ask what the load balancer of a service gives it.
func balancerRules() []Rule {
	return []Rule{
		{
			Code: BalancerPending, Section: Services, Severity: inspect.SeverityWarning, Needs: serviceFacts(inspect.FactEvents),
			Title: "a LoadBalancer service has no address from outside",
			Why: "its status has no ingress: nothing in the cluster serves LoadBalancers (no cloud provider, MetalLB or LoadBalancer pool of Calico), nothing " +
				"serves its loadBalancerClass, or the one that does has no address left.",
			Mend:    "kubectl -n NAMESPACE describe service NAME shows what the controller says; its node ports work meanwhile",
			Reports: []string{"projectcalico/calico#10412"},
			Find:    balancersPending,
		},
		{
			Code: BalancerPool, Section: Services, Severity: inspect.SeverityWarning, Needs: serviceFacts(),
			Title: "Calico has LoadBalancer pools of one family, and services ask for both",
			Why: "kube-controllers takes the addresses of LoadBalancer services from pools with allowedUses LoadBalancer. Without one of a family, services " +
				"get no ingress of it.",
			Mend:    "create an IPPool of the other family with allowedUses: [LoadBalancer]",
			Reports: []string{"projectcalico/calico#10412"},
			Find:    balancerPoolsOfOneFamily,
		},
		{
			Code: BalancerOneFamily, Section: Services, Severity: inspect.SeverityWarning, Needs: serviceFacts(inspect.FactEvents),
			Follows: []inspect.Code{BalancerPool},
			Title:   "the load balancer of a dual-stack service gives it addresses of one family",
			Why: "the service has two families, its status.loadBalancer one. The controller has a range of that family only (MetalLB: an IPAddressPool without the " +
				"other), supports one family, or was asked for one by an annotation.",
			Mend:    "give the controller a range of the other family, and what asks it for two (cloud provider: its annotation for dual-stack)",
			Reports: []string{"metallb/metallb#2255", "projectcalico/calico#10412"},
			Find:    balancersOfOneFamily,
		},
	}
}

// warned returns the last warnings about a service.
func (c *Cluster) warned(s *inspect.Service) []string {
	var all []string
	for _, e := range c.warnings("Service", s.Namespace, s.Name) {
		all = append(all, fmt.Sprintf("event %s: %s", e.Reason, e.Message))
	}
	return all
}

func balancersPending(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for i := range c.Services {
		s := &c.Services[i]
		if s.Type != "LoadBalancer" || len(s.Ingress)+len(s.IngressNames) > 0 {
			continue
		}
		f := inspect.Finding{Subject: subject(s), Summary: fmt.Sprintf("LoadBalancer service %s has no address from outside (pending)", name(s)),
			Evidence: append([]string{"status.loadBalancer has no ingress"}, c.warned(s)...),
			Command:  fmt.Sprintf("kubectl -n %s describe service %s", s.Namespace, s.Name)}
		if s.LoadBalancerClass != "" {
			f.Evidence = append(f.Evidence, "its loadBalancerClass is "+s.LoadBalancerClass)
		}
		found = append(found, f)
	}
	return found
}

// balancerFamilies returns the families that Calico has enabled LoadBalancer pools of.
func (c *Cluster) balancerFamilies() inspect.ByFamily[string] {
	var pools inspect.ByFamily[string]
	for i := range c.Pools {
		if p := &c.Pools[i]; !p.Disabled && slices.Contains(p.AllowedUses, "LoadBalancer") {
			pools.Set(p.Family(), p.Name)
		}
	}
	return pools
}

func balancerPoolsOfOneFamily(c *Cluster) []inspect.Finding {
	pools := c.balancerFamilies()
	var found []inspect.Finding
	for _, f := range inspect.Families() {
		if pools.Get(f) != "" || pools.Get(f.Other()) == "" {
			continue
		}
		var asking []string
		for i := range c.Services {
			s := &c.Services[i]
			if s.Type == "LoadBalancer" && (s.LoadBalancerClass == "" || s.LoadBalancerClass == "calico") && slices.Contains(s.IPFamilies, f) && !hasAddress(s.Ingress, f) {
				asking = append(asking, name(s))
			}
		}
		if len(asking) > 0 {
			found = append(found, inspect.Finding{Subject: "pool " + pools.Get(f.Other()), Family: f,
				Summary:  fmt.Sprintf("Calico has no LoadBalancer pool for %s, and one for %s (%s)", f, f.Other(), pools.Get(f.Other())),
				Evidence: []string{fmt.Sprintf("without %s ingress: %s", f, some(len(asking), "LoadBalancer service", asking))},
				Mend:     fmt.Sprintf("create an %s IPPool with allowedUses: [LoadBalancer]", f)})
		}
	}
	return found
}

func balancersOfOneFamily(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for i := range c.Services {
		s := &c.Services[i]
		// A name may have addresses of both families.
		if s.Type != "LoadBalancer" || len(s.IngressNames) > 0 || len(s.Ingress) == 0 {
			continue
		}
		for _, f := range s.IPFamilies {
			if !hasAddress(s.Ingress, f) {
				found = append(found, inspect.Finding{Subject: subject(s), Family: f,
					Summary: fmt.Sprintf("LoadBalancer service %s has no %s address from outside", name(s), f),
					Evidence: append([]string{fmt.Sprintf("status.loadBalancer has %s", list(s.Ingress)),
						fmt.Sprintf("its ipFamilies are %s", families(s.IPFamilies))}, c.warned(s)...)})
			}
		}
	}
	return found
}

func families(all []inspect.Family) string {
	text := ""
	for i, f := range all {
		if i > 0 {
			text += ","
		}
		text += f.String()
	}
	return text
}
