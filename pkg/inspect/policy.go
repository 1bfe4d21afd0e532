package inspect

import "net/netip"

// Policy is a network policy of Kubernetes or of Calico, trimmed to whom it selects and which ranges it names.
type Policy struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // none for one of the whole cluster
	Name      string `json:"name"`
	// Calico is set for Calico's policies, whose selectors have their own syntax.
	Calico   bool   `json:"calico,omitempty"`
	Selector string `json:"selector,omitempty"`
	// Narrowed is set where namespaces or service accounts narrow the selection further.
	Narrowed bool `json:"narrowed,omitempty"`
	// Ingress and Egress are set if the policy applies to that direction.
	Ingress bool         `json:"ingress,omitempty"`
	Egress  bool         `json:"egress,omitempty"`
	Rules   []PolicyRule `json:"rules,omitempty"`
}

// PolicyRule is a rule of a policy.
type PolicyRule struct {
	Egress bool   `json:"egress,omitempty"` // else it is one for ingress
	Action string `json:"action,omitempty"` // Allow, Deny, Log, Pass
	Family Family `json:"family,omitzero"`  // ipVersion; zero is both
	// Nets are the ranges that the rule's other end has to be in; none is any.
	Nets []netip.Prefix `json:"nets,omitempty"`
	// Others is set where the rule also admits ends that it selects otherwise: by selectors, or service accounts.
	Others   bool   `json:"others,omitempty"`
	Protocol string `json:"protocol,omitempty"` // empty is all
}

// String names the policy as "Kind namespace/name".
func (p Policy) String() string {
	if p.Namespace == "" {
		return p.Kind + " " + p.Name
	}
	return p.Kind + " " + p.Namespace + "/" + p.Name
}
