package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// trafficRules ask which pods and which nodes serve a service, in each of its families.
func trafficRules() []Rule {
	return []Rule{
		{
			Code: PodsBehindOne, Section: Services, Severity: inspect.SeverityWarning, Needs: serviceFacts(),
			Follows: []inspect.Code{AddressNotReported, PodLacksFamily, NodeLacksInternalIP},
			Title:   "some pods of a dual-stack service serve one of its families only",
			Why: "these pods have no address of the other family: it is served by fewer pods, and a client that expects each pod behind both addresses " +
				"does not find it.",
			Mend: "see the findings about these pods; pods on the host's network need a node with two InternalIPs",
			Find: podsBehindOneFamily,
		},
		{
			Code: ExternalLocal, Section: Services, Severity: inspect.SeverityWarning, Needs: serviceFacts(),
			Follows: []inspect.Code{PodsBehindOne, EndpointsOneFamily, AddressNotReported, PodLacksFamily},
			Title:   "a service with externalTrafficPolicy Local is served by some node in one family only, or by none",
			Why: "with Local, a node passes traffic from outside to its own ready endpoints only, and drops what it has none for. That is as it should be " +
				"for nodes without any, which load balancers leave out. But the health check of a node counts endpoints of any family: a node with endpoints of one " +
				"family also gets, and drops, the other's traffic.",
			Mend:    `have the pods get both addresses; or kubectl -n NAMESPACE patch service NAME --type=merge -p '{"spec":{"externalTrafficPolicy":"Cluster"}}', which hides clients' addresses`,
			Reports: []string{"projectcalico/calico#4665"},
			Find:    externalLocal,
		},
		{
			Code: InternalLocal, Section: Services, Severity: inspect.SeverityWarning, Needs: serviceFacts(inspect.FactPods),
			Follows: []inspect.Code{PodsBehindOne, EndpointsOneFamily, AddressNotReported, PodLacksFamily},
			Title:   "a service with internalTrafficPolicy Local has no ready endpoint on a node with pods",
			Why:     "with Local, pods reach only endpoints on their own node. On a node without one, connections to the service are dropped.",
			Mend:    `run its pods on every node (DaemonSet), or kubectl -n NAMESPACE patch service NAME --type=merge -p '{"spec":{"internalTrafficPolicy":"Cluster"}}'`,
			Find:    internalLocal,
		},
	}
}

// readiness is where the ready endpoints of a service are.
type readiness struct {
	count inspect.ByFamily[int]
	nodes inspect.ByFamily[map[string]int]
	pods  map[string]inspect.ByFamily[bool]
	// ports counts the ready endpoints by the name of their port.
	ports map[string]inspect.ByFamily[int]
	// settling is set if the endpoints changed a moment ago.
	settling bool
}

// endpoints returns the ready endpoints of a service.
func (c *Cluster) endpoints(s *inspect.Service) *readiness {
	if c.ready == nil {
		c.ready = map[string]*readiness{}
		for i := range c.EndpointSlices {
			c.addEndpoints(&c.EndpointSlices[i])
		}
	}
	if r := c.ready[name(s)]; r != nil {
		return r
	}
	return &readiness{}
}

func (c *Cluster) addEndpoints(slice *inspect.EndpointSlice) {
	if slice.Service == "" || slice.Family == 0 {
		return
	}
	key := slice.Namespace + "/" + slice.Service
	r := c.ready[key]
	if r == nil {
		r = &readiness{pods: map[string]inspect.ByFamily[bool]{}, ports: map[string]inspect.ByFamily[int]{},
			nodes: inspect.ByFamily[map[string]int]{V4: map[string]int{}, V6: map[string]int{}}}
		c.ready[key] = r
	}
	r.settling = r.settling || slice.Settling
	f, n := slice.Family, 0
	for _, e := range slice.Endpoints {
		if !e.Ready {
			continue
		}
		n++
		if e.Node != "" {
			r.nodes.Get(f)[e.Node]++
		}
		if e.Pod != "" {
			in := r.pods[e.Pod]
			in.Set(f, true)
			r.pods[e.Pod] = in
		}
	}
	r.count.Set(f, r.count.Get(f)+n)
	for _, p := range slice.Ports {
		in := r.ports[p.Name]
		in.Set(f, in.Get(f)+n)
		r.ports[p.Name] = in
	}
}

// podsBehindOneFamily finds ready pods that are endpoints in one family of a service and not in the other, where others are.
func podsBehindOneFamily(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for i := range c.Services {
		s := &c.Services[i]
		r := c.endpoints(s)
		if len(s.IPFamilies) != 2 || r.count.V4 == 0 || r.count.V6 == 0 {
			continue
		}
		for _, f := range inspect.Families() {
			var lacking []string
			for pod, in := range r.pods {
				if !in.Get(f) && in.Get(f.Other()) {
					lacking = append(lacking, pod)
				}
			}
			if slices.Sort(lacking); len(lacking) > 0 {
				found = append(found, inspect.Finding{Subject: subject(s), Family: f,
					Summary:  fmt.Sprintf("service %s is not served in %s by %s", name(s), f, some(len(lacking), "ready pod", lacking)),
					Evidence: []string{fmt.Sprintf("its EndpointSlices have %d ready endpoints in %s, and %d in %s", r.count.Get(f), f, r.count.Get(f.Other()), f.Other())}})
			}
		}
	}
	return found
}

// externalLocal finds services that some node serves in one family only, or no node in any.
func externalLocal(c *Cluster) []inspect.Finding {
	var found []inspect.Finding
	for i := range c.Services {
		s := &c.Services[i]
		if s.ExternalTrafficPolicy != "Local" || !exposed(s) && s.Type != "LoadBalancer" {
			continue
		}
		r := c.endpoints(s)
		for _, f := range s.IPFamilies {
			if r.count.Get(f) > 0 { // else endpointsInOneFamily finds it
				found = append(found, externalLocalIn(s, r, f)...)
			}
		}
		if nodes := c.without(r); s.Type == "NodePort" && len(nodes) > 0 && len(nodes) < len(c.Nodes) {
			found = append(found, inspect.Finding{Subject: subject(s), Severity: inspect.SeverityInfo, Mend: patchTraffic(s, "external"),
				Summary: fmt.Sprintf("service %s has externalTrafficPolicy Local, and %s without endpoints drop its traffic", name(s),
					some(len(nodes), "node", nodes))})
		}
	}
	return found
}

func externalLocalIn(s *inspect.Service, r *readiness, f inspect.Family) []inspect.Finding {
	nodes := slices.Sorted(maps.Keys(r.nodes.Get(f)))
	finding := inspect.Finding{Subject: subject(s), Family: f, Mend: patchTraffic(s, "external")}
	if len(nodes) == 0 {
		finding.Severity = inspect.SeverityError
		finding.Summary = fmt.Sprintf("service %s has externalTrafficPolicy Local, and none of its ready %s endpoints is on a node: all nodes drop its traffic", name(s), f)
		finding.Evidence = []string{fmt.Sprintf("%s without nodeName in its EndpointSlices", inspect.Quantity(r.count.Get(f), "ready endpoint"))}
		return []inspect.Finding{finding}
	}
	var lacking []string
	for _, node := range slices.Sorted(maps.Keys(r.nodes.Get(f.Other()))) {
		if slices.Contains(s.IPFamilies, f.Other()) && r.nodes.Get(f)[node] == 0 {
			lacking = append(lacking, node)
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	finding.Summary = fmt.Sprintf("service %s has externalTrafficPolicy Local, and its %s traffic is dropped on %s with endpoints in %s only", name(s), f,
		some(len(lacking), "node", lacking), f.Other())
	finding.Evidence = []string{fmt.Sprintf("it has ready %s endpoints on %s", f, some(len(nodes), "node", nodes))}
	return []inspect.Finding{finding}
}

// without returns the nodes that have no ready endpoint in any family.
func (c *Cluster) without(r *readiness) []string {
	var nodes []string
	for _, n := range c.Nodes {
		if n.OS != "windows" && r.nodes.V4[n.Name]+r.nodes.V6[n.Name] == 0 {
			nodes = append(nodes, n.Name)
		}
	}
	return nodes
}

// internalLocal finds services that pods of some node cannot reach.
func internalLocal(c *Cluster) []inspect.Finding {
	occupied := map[string]bool{}
	for i := range c.Pods {
		if p := &c.Pods[i]; running(p) {
			occupied[p.Node] = true
		}
	}
	var found []inspect.Finding
	for i := range c.Services {
		s := &c.Services[i]
		if s.InternalTrafficPolicy != "Local" || !hasClusterIP(s) {
			continue
		}
		r := c.endpoints(s)
		lacking := func(f inspect.Family) []string {
			var nodes []string
			for _, n := range c.Nodes {
				if occupied[n.Name] && n.OS != "windows" && r.count.Get(f) > 0 && r.nodes.Get(f)[n.Name] == 0 {
					nodes = append(nodes, n.Name)
				}
			}
			return nodes
		}
		report := func(f inspect.Family, in string, nodes []string) {
			if len(nodes) > 0 {
				found = append(found, inspect.Finding{Subject: subject(s), Family: f, Mend: patchTraffic(s, "internal"),
					Summary: fmt.Sprintf("service %s has internalTrafficPolicy Local and no ready endpoint%s on %s: their pods cannot reach it", name(s), in,
						some(len(nodes), "node", nodes))})
			}
		}
		v4, v6 := lacking(inspect.IPv4), lacking(inspect.IPv6)
		if slices.Equal(v4, v6) {
			report(0, "", v4)
			continue
		}
		report(inspect.IPv4, " in IPv4", v4)
		report(inspect.IPv6, " in IPv6", v6)
	}
	return found
}

func patchTraffic(s *inspect.Service, which string) string {
	return fmt.Sprintf(`kubectl -n %s patch service %s --type=merge -p '{"spec":{"%sTrafficPolicy":"Cluster"}}'`, s.Namespace, s.Name, which)
}

// some names the first few of n things.
func some(n int, noun string, names []string) string {
	text := strings.Join(names[:min(3, len(names))], ", ")
	if len(names) > 3 {
		text += ", …"
	}
	return fmt.Sprintf("%s (%s)", inspect.Quantity(n, noun), text)
}
