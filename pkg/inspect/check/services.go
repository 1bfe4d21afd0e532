package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The codes of section services.
const (
	SingleStackService inspect.Code = "DS701"
	EndpointsOneFamily inspect.Code = "DS702"
	KubeProxyDown      inspect.Code = "DS703"
	NeverUpgraded      inspect.Code = "DS704"
	ExposedOneFamily   inspect.Code = "DS705"
	PodsBehindOne      inspect.Code = "DS706"
	ExternalLocal      inspect.Code = "DS707"
	InternalLocal      inspect.Code = "DS708"
	BalancerPending    inspect.Code = "DS709"
	BalancerPool       inspect.Code = "DS710"
	BalancerOneFamily  inspect.Code = "DS711"
)

func serviceRules() []Rule {
	return slices.Concat(familyRules(), trafficRules(), balancerRules())
}

// serviceFacts are what the rules about services go by: pools and nodes say which families are meant.
func serviceFacts(more ...inspect.Fact) []inspect.Fact {
	return append([]inspect.Fact{inspect.FactServices, inspect.FactEndpointSlices, inspect.FactPools, inspect.FactNodes}, more...)
}

// familyRules ask which families a service has, and whether it is served in them.
func familyRules() []Rule {
	return []Rule{
		{
			Code: SingleStackService, Section: Services, Severity: inspect.SeverityInfo, Needs: serviceFacts(),
			Title: "a service has one family in a cluster that has two",
			Why:   "ipFamilyPolicy is SingleStack by default, and services from before the change to dual-stack keep it.",
			Mend:  `kubectl -n NAMESPACE patch service NAME --type=merge -p '{"spec":{"ipFamilyPolicy":"PreferDualStack"}}'`,
			Find:  singleStackServices,
		},
		{
			Code: EndpointsOneFamily, Section: Services, Severity: inspect.SeverityError, Needs: serviceFacts(),
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
		{
			Code: NeverUpgraded, Section: Services, Severity: inspect.SeverityWarning, Needs: serviceFacts(inspect.FactServiceCIDRs, inspect.FactKubeadm),
			Title: "a service prefers two families and has one, though the cluster has ranges for both",
			Why: "the service is older than the second service range. The API server gives a service its second address when ipFamilyPolicy changes, " +
				"and not because a range was added.",
			Mend: `kubectl -n NAMESPACE patch service NAME --type=merge -p '{"spec":{"ipFamilyPolicy":"RequireDualStack"}}', which may be set back afterwards`,
			Find: neverUpgraded,
		},
		{
			Code: ExposedOneFamily, Section: Services, Severity: inspect.SeverityInfo, Needs: serviceFacts(),
			Title: "a NodePort or LoadBalancer service has one family in a cluster that has two",
			Why: "kube-proxy serves a node port in the families of the service only. In the other family the port of every node refuses connections, or they " +
				"hang where kube-proxy holds the port open.",
			Mend:    `kubectl -n NAMESPACE patch service NAME --type=merge -p '{"spec":{"ipFamilyPolicy":"PreferDualStack"}}'`,
			Reports: []string{"kubernetes/kubernetes#80810", "kubernetes/kubernetes#66766", "kubernetes/kubernetes#72098"},
			Find:    exposedInOneFamily,
		},
	}
}

func singleStackServices(c *Cluster) []inspect.Finding {
	return c.oneFamily(SingleStackService, func(s *inspect.Service) bool { return !asksForBoth(s) && !exposed(s) })
}

func exposedInOneFamily(c *Cluster) []inspect.Finding {
	return c.oneFamily(ExposedOneFamily, func(s *inspect.Service) bool { return !asksForBoth(s) && exposed(s) })
}

// oneFamily finds the services of one family that a rule is about, in a cluster that has two.
func (c *Cluster) oneFamily(code inspect.Code, of func(*inspect.Service) bool) []inspect.Finding {
	if !c.Dual() {
		return nil
	}
	var found []inspect.Finding
	for i := range c.Services {
		s := &c.Services[i]
		// The API server's own service is single-stack in every cluster.
		if !hasClusterIP(s) || s.Namespace == "default" && s.Name == "kubernetes" || len(s.IPFamilies) != 1 || !of(s) {
			continue
		}
		f := inspect.Finding{Subject: subject(s), Family: s.IPFamilies[0], Mend: patchPolicy(s, "PreferDualStack"),
			Summary: fmt.Sprintf("service %s is %s only (ipFamilyPolicy %s)", name(s), s.IPFamilies[0], s.IPFamilyPolicy)}
		if code == ExposedOneFamily {
			f.Summary = fmt.Sprintf("service %s is %s only (ipFamilyPolicy %s), and so %s", name(s), s.IPFamilies[0], s.IPFamilyPolicy, portsAre(s))
		}
		found = append(found, f)
	}
	return found
}

// neverUpgraded finds services that would have two families if they were created today.
func neverUpgraded(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for i := range c.Services {
		s := &c.Services[i]
		if !hasClusterIP(s) || !asksForBoth(s) || len(s.ClusterIPs) != 1 {
			continue
		}
		has := inspect.FamilyOf(s.ClusterIPs[0])
		if evidence := c.serves(has.Other()); evidence != "" {
			found = append(found, inspect.Finding{Subject: subject(s), Family: has.Other(), Mend: patchPolicy(s, "RequireDualStack"),
				Summary:  fmt.Sprintf("service %s has no %s address, though its ipFamilyPolicy is %s", name(s), has.Other(), s.IPFamilyPolicy),
				Evidence: []string{"its only address is " + s.ClusterIPs[0].String(), evidence}})
		}
	}
	return found
}

// serves returns the sign that the API server gives services addresses of a family, or the empty string.
func (c *Cluster) serves(f inspect.Family) string {
	for _, ranges := range [][]netip.Prefix{c.ServiceCIDRs, c.Kubeadm.ServiceSubnets} {
		for _, r := range ranges {
			if inspect.FamilyOf(r.Addr()) == f {
				return fmt.Sprintf("the cluster has the service range %s", r)
			}
		}
	}
	for i := range c.Services {
		for _, a := range c.Services[i].ClusterIPs {
			if inspect.FamilyOf(a) == f {
				return fmt.Sprintf("service %s has the address %s", name(&c.Services[i]), a)
			}
		}
	}
	return ""
}

func endpointsInOneFamily(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for i := range c.Services {
		s := &c.Services[i]
		n := c.endpoints(s)
		for _, f := range s.IPFamilies {
			if slices.Contains(s.IPFamilies, f.Other()) && n.count.Get(f) == 0 && n.count.Get(f.Other()) > 0 {
				found = append(found, inspect.Finding{Subject: subject(s), Family: f,
					Summary: fmt.Sprintf("service %s has no ready %s endpoint, but %d in %s", name(s), f, n.count.Get(f.Other()), f.Other())})
			}
		}
	}
	return found
}

func name(s *inspect.Service) string { return s.Namespace + "/" + s.Name }

func subject(s *inspect.Service) string { return inspect.ServiceSubject(s.Namespace, s.Name) }

// hasClusterIP reports whether the API server gives a service addresses: not a headless one, and no mere name.
func hasClusterIP(s *inspect.Service) bool {
	return !s.Headless && s.Type != "ExternalName" && len(s.ClusterIPs) > 0
}

func asksForBoth(s *inspect.Service) bool {
	return s.IPFamilyPolicy == "PreferDualStack" || s.IPFamilyPolicy == "RequireDualStack"
}

// exposed reports whether a service has ports on the nodes.
func exposed(s *inspect.Service) bool {
	return slices.ContainsFunc(s.Ports, func(p inspect.ServicePort) bool { return p.NodePort != 0 })
}

// portsAre says which node ports of a service are in its only family.
func portsAre(s *inspect.Service) string {
	var ports []string
	for _, p := range s.Ports {
		if port := strconv.Itoa(int(p.NodePort)); p.NodePort != 0 && !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	if len(ports) == 1 {
		return "is its node port " + ports[0]
	}
	return "are its node ports " + strings.Join(ports, ",")
}

func patchPolicy(s *inspect.Service, policy string) string {
	return fmt.Sprintf(`kubectl -n %s patch service %s --type=merge -p '{"spec":{"ipFamilyPolicy":"%s"}}'`, s.Namespace, s.Name, policy)
}
