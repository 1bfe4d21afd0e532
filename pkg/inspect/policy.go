package inspect

import "net/netip"

// Policy is a network policy of Kubernetes or of Calico, trimmed to whom it selects and what its rules match.
type Policy struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // none for one of the whole cluster
	Name      string `json:"name"`
	// Calico is set for Calico's policies, whose selectors have their own syntax.
	Calico bool `json:"calico,omitempty"`
	// Tier groups policies; empty is Calico's tier default, which has Kubernetes' NetworkPolicies too.
	Tier string `json:"tier,omitempty"`
	// Order is the place in the tier, ascending. Those without one come last.
	Order    *float64 `json:"order,omitempty"`
	Selector string   `json:"selector,omitempty"`
	// Namespaces and ServiceAccounts are selectors that narrow the selection further, by labels of a pod's namespace and
	// of its service account.
	Namespaces      string `json:"namespaces,omitempty"`
	ServiceAccounts string `json:"serviceAccounts,omitempty"`
	// Ingress and Egress are set if the policy applies to that direction of pods.
	Ingress bool         `json:"ingress,omitempty"`
	Egress  bool         `json:"egress,omitempty"`
	Rules   []PolicyRule `json:"rules,omitempty"`
	// Unread is set where the policy could not be decoded: it may select any pod, and do anything.
	Unread bool `json:"unread,omitempty"`
}

// Narrowed reports whether namespaces or service accounts narrow the selection.
func (p Policy) Narrowed() bool {
	return p.ServiceAccounts != "" || p.Namespaces != "" && p.Namespaces != "all()"
}

// PolicyRule is a rule of a policy. A rule of Kubernetes with several peers or protocols is several, with one number.
type PolicyRule struct {
	Egress bool   `json:"egress,omitempty"` // else it is one for ingress
	Number int    `json:"number,omitempty"` // among those of its direction, from 1
	Action string `json:"action,omitempty"` // Allow, Deny, Log, Pass
	Family Family `json:"family,omitzero"`  // ipVersion; zero is both
	// Protocol is TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite or a number; empty is all.
	Protocol    string `json:"protocol,omitempty"`
	NotProtocol string `json:"notProtocol,omitempty"`
	ICMPType    *int   `json:"icmpType,omitempty"`
	// Source and Destination are what the ends of a connection have to be.
	Source      PolicyEnd `json:"source,omitzero"`
	Destination PolicyEnd `json:"destination,omitzero"`
	// Unread names a part of the rule that is not judged here: matches of HTTP, names of domains, a newer kind of peer.
	Unread string `json:"unread,omitempty"`
}

// Peer is the end of the rule that is not the policy's own pod.
func (r *PolicyRule) Peer() *PolicyEnd {
	if r.Egress {
		return &r.Destination
	}
	return &r.Source
}

// PolicyEnd is what one end of a connection has to be. All fields that are set have to match.
type PolicyEnd struct {
	Nets    []netip.Prefix `json:"nets,omitempty"` // one of them; none is any
	NotNets []netip.Prefix `json:"notNets,omitempty"`
	// Selected is set where the end has to be a pod, or in a network set, that the following fields select.
	Selected     bool   `json:"selected,omitempty"`
	Selector     string `json:"selector,omitempty"`
	Namespaces   string `json:"namespaces,omitempty"`   // a selector of namespaces; empty is all
	OwnNamespace bool   `json:"ownNamespace,omitempty"` // only the policy's
	// ServiceAccounts are names; ServiceAccountSelector selects by labels.
	ServiceAccounts        []string `json:"serviceAccounts,omitempty"`
	ServiceAccountSelector string   `json:"serviceAccountSelector,omitempty"`
	// NotSelector is a selector that must not select the end. It does not ask for a pod.
	NotSelector string `json:"notSelector,omitempty"`
	// Service is a service whose endpoints the end has to be among, with their ports, as "namespace/name".
	Service  string       `json:"service,omitempty"`
	Ports    []PolicyPort `json:"ports,omitempty"` // one of them; none is any
	NotPorts []PolicyPort `json:"notPorts,omitempty"`
}

// Chooses reports whether the end is chosen by selectors or a service, besides ranges.
func (e *PolicyEnd) Chooses() bool { return e.Selected || e.Service != "" }

// PolicyPort is a range of ports, or the name of a port that a pod declares.
type PolicyPort struct {
	Min  uint16 `json:"min,omitempty"`
	Max  uint16 `json:"max,omitempty"`
	Name string `json:"name,omitempty"`
}

// PolicyBasis is what policies refer to.
type PolicyBasis struct {
	Tiers       []PolicyTier `json:"tiers,omitempty"`
	Namespaces  []Namespace  `json:"namespaces,omitempty"`
	NetworkSets []NetworkSet `json:"networkSets,omitempty"`
}

// PolicyTier is a tier of Calico's policies.
type PolicyTier struct {
	Name  string   `json:"name"`
	Order *float64 `json:"order,omitempty"` // ascending; without one last
	// Pass is set where what no policy of the tier decides goes on to the next tier (defaultAction); else it is denied.
	Pass bool `json:"pass,omitempty"`
}

// Namespace is a namespace with the labels that select it.
type Namespace struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels,omitempty"`
}

// NetworkSet is a named list of ranges, which rules select by labels.
type NetworkSet struct {
	Namespace string            `json:"namespace,omitempty"` // none for a GlobalNetworkSet
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels,omitempty"`
	Nets      []netip.Prefix    `json:"nets,omitempty"`
}

// String names the policy as "Kind namespace/name".
func (p Policy) String() string {
	if p.Namespace == "" {
		return p.Kind + " " + p.Name
	}
	return p.Kind + " " + p.Namespace + "/" + p.Name
}
