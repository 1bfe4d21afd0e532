package gather

import (
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// networkPolicySpec and globalPolicySpec are Calico's, with the field that the newest published version of its API module
// lacks.
type networkPolicySpec struct {
	v3.NetworkPolicySpec
	Tier string `json:"tier"` // since v3.30
}

type globalPolicySpec struct {
	v3.GlobalNetworkPolicySpec
	Tier string `json:"tier"` // since v3.30
}

// tierSpec is a Tier's spec. Calico has tiers since v3.30 (api/pkg/apis/projectcalico/v3/tier.go).
type tierSpec struct {
	Order         *float64 `json:"order"`
	DefaultAction string   `json:"defaultAction"` // Deny, also if it is empty, or Pass
}

// policyResource is a resource that policies are made of.
type policyResource struct {
	name     string
	optional bool // older versions of Calico lack it
	read     func(*unstructured.Unstructured)
}

// calicoPolicies are the resources of Calico that say what passes. Staged policies do nothing, and are left out.
func calicoPolicies(add func(inspect.Policy), basis *inspect.PolicyBasis) []policyResource {
	set := func(u *unstructured.Unstructured) {
		spec, _ := readSpec[v3.NetworkSetSpec](u)
		basis.NetworkSets = append(basis.NetworkSets,
			inspect.NetworkSet{Namespace: u.GetNamespace(), Name: u.GetName(), Labels: u.GetLabels(), Nets: prefixes(spec.Nets)})
	}
	return []policyResource{
		{name: "networkpolicies", read: func(u *unstructured.Unstructured) { add(readNetworkPolicy(u)) }},
		{name: "globalnetworkpolicies", read: func(u *unstructured.Unstructured) { add(readGlobalPolicy(u)) }},
		{name: "networksets", optional: true, read: set},
		{name: "globalnetworksets", optional: true, read: set},
		{name: "tiers", optional: true, read: func(u *unstructured.Unstructured) {
			spec, _ := readSpec[tierSpec](u)
			basis.Tiers = append(basis.Tiers, inspect.PolicyTier{Name: u.GetName(), Order: spec.Order, Pass: spec.DefaultAction == string(v3.Pass)})
		}},
	}
}

// policyFields are the fields without which a policy is unreadable.
func policyFields() []string {
	return []string{"tier", "order", "selector", "types", "ingress", "egress", "namespaceSelector", "serviceAccountSelector"}
}

// readNetworkPolicy keeps the fields of Calico's NetworkPolicy that we use. An unreadable one selects all pods, as an
// empty selector does: it may be to blame.
func readNetworkPolicy(u *unstructured.Unstructured) inspect.Policy {
	spec, ok := readSpec[networkPolicySpec](u, policyFields()...)
	p := inspect.Policy{Kind: "Calico NetworkPolicy", Namespace: u.GetNamespace(), Name: u.GetName(), Calico: true, Unread: !ok,
		Tier: spec.Tier, Order: spec.Order, Selector: spec.Selector, ServiceAccounts: spec.ServiceAccountSelector}
	readRules(&p, spec.Types, spec.Ingress, spec.Egress)
	return p
}

func readGlobalPolicy(u *unstructured.Unstructured) inspect.Policy {
	spec, ok := readSpec[globalPolicySpec](u, policyFields()...)
	p := inspect.Policy{Kind: "GlobalNetworkPolicy", Name: u.GetName(), Calico: true, Unread: !ok, Tier: spec.Tier, Order: spec.Order,
		Selector: spec.Selector, Namespaces: spec.NamespaceSelector, ServiceAccounts: spec.ServiceAccountSelector}
	readRules(&p, spec.Types, spec.Ingress, spec.Egress)
	if spec.DoNotTrack || spec.PreDNAT { // these apply to host endpoints only
		p.Ingress, p.Egress = false, false
	}
	return p
}

// readRules keeps the rules of a policy of Calico. Without types, it applies to the directions that it has rules for, and to
// ingress if it has none (api/pkg/apis/projectcalico/v3/networkpolicy.go).
func readRules(p *inspect.Policy, types []v3.PolicyType, ingress, egress []v3.Rule) {
	p.Ingress, p.Egress = slices.Contains(types, v3.PolicyTypeIngress), slices.Contains(types, v3.PolicyTypeEgress)
	if len(types) == 0 {
		p.Ingress, p.Egress = len(ingress) > 0 || len(egress) == 0, len(egress) > 0
	}
	for i := range ingress {
		p.Rules = append(p.Rules, readRule(p, &ingress[i], i+1, false))
	}
	for i := range egress {
		p.Rules = append(p.Rules, readRule(p, &egress[i], i+1, true))
	}
}

func readRule(p *inspect.Policy, r *v3.Rule, number int, egress bool) inspect.PolicyRule {
	rule := inspect.PolicyRule{Egress: egress, Number: number, Action: string(r.Action),
		Source: readEnd(p, &r.Source), Destination: readEnd(p, &r.Destination)}
	if r.Protocol != nil {
		rule.Protocol = r.Protocol.String()
	}
	if r.NotProtocol != nil {
		rule.NotProtocol = r.NotProtocol.String()
	}
	switch deref(r.IPVersion) {
	case 4:
		rule.Family = inspect.IPv4
	case 6:
		rule.Family = inspect.IPv6
	}
	if r.ICMP != nil {
		rule.ICMPType = r.ICMP.Type
		if deref(r.ICMP.Code) != 0 {
			rule.Unread = "icmp.code"
		}
	}
	switch {
	case r.NotICMP != nil:
		rule.Unread = "notICMP"
	case r.HTTP != nil:
		rule.Unread = "http"
	}
	return rule
}

// readEnd keeps an end of a rule. Selectors of a namespaced policy, without one for namespaces, choose among its own.
func readEnd(p *inspect.Policy, e *v3.EntityRule) inspect.PolicyEnd {
	end := inspect.PolicyEnd{Nets: prefixes(e.Nets), NotNets: prefixes(e.NotNets), Selector: e.Selector, NotSelector: e.NotSelector,
		Namespaces: e.NamespaceSelector, Ports: calicoPorts(e.Ports), NotPorts: calicoPorts(e.NotPorts)}
	if a := e.ServiceAccounts; a != nil {
		end.ServiceAccounts, end.ServiceAccountSelector = a.Names, a.Selector
	}
	if s := e.Services; s != nil {
		namespace := s.Namespace
		if namespace == "" {
			namespace = p.Namespace
		}
		end.Service = namespace + "/" + s.Name
	}
	end.Selected = e.Selector != "" || e.NamespaceSelector != "" || e.ServiceAccounts != nil
	end.OwnNamespace = p.Namespace != "" && e.NamespaceSelector == "" && (end.Selected || e.NotSelector != "")
	return end
}

func calicoPorts(ports []numorstring.Port) []inspect.PolicyPort {
	var all []inspect.PolicyPort
	for _, p := range ports {
		all = append(all, inspect.PolicyPort{Min: p.MinPort, Max: p.MaxPort, Name: p.PortName})
	}
	return all
}
