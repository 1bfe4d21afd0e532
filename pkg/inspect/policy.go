package inspect

// Policy is a network policy, trimmed to the fields that select pods. No Snapshot holds policies: they are read only to
// name those that may drop a packet.
type Policy struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // none for one of the whole cluster
	Name      string `json:"name"`
	// Calico is set for Calico's policies, whose selectors have their own syntax.
	Calico   bool   `json:"calico,omitempty"`
	Selector string `json:"selector,omitempty"`
}

// String names the policy as "Kind namespace/name".
func (p Policy) String() string {
	if p.Namespace == "" {
		return p.Kind + " " + p.Name
	}
	return p.Kind + " " + p.Namespace + "/" + p.Name
}
