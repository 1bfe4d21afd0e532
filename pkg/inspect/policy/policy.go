// Package policy judges by network policies whether a connection between two ends may pass, and by which rule.
//
// It knows the policies of Kubernetes, those for whole clusters included, and Calico's with their tiers, in the order in
// which Felix enforces them on a pod: egress where the connection leaves its pod, ingress where it reaches one
// (felix/calc/policy_sorter.go, felix/rules/endpoints.go). It does not know policies for host endpoints.
package policy

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
)

// Decision is what becomes of a connection.
type Decision string

// The decisions.
const (
	Allowed Decision = "allowed"
	Denied  Decision = "denied"
	// Unknown is a decision that depends on what was not read, or cannot be judged here.
	Unknown Decision = "unknown"
)

// Flow is a connection, as the nodes of its ends see it: after the address of a service has become that of an endpoint.
type Flow struct {
	Family inspect.Family
	// Protocol is TCP, UDP, SCTP or ICMP; that of an echo is ICMP in both families.
	Protocol string
	Port     uint16 // of the destination; 0 for ICMP
	From, To End
	// SeenFrom is the source address with which it arrives, where a node has translated that; otherwise not set.
	SeenFrom netip.Addr
}

// End is an end of a connection.
type End struct {
	IP  netip.Addr
	Pod *inspect.Pod // nil if it is none with a network of its own
}

// Verdict says what policies do with a connection in one direction.
type Verdict struct {
	Decision Decision
	Egress   bool
	// Policy has the rule that decides; nil if none selects the pod, or all pass it on.
	Policy *inspect.Policy
	Rule   int // its number; 0 is the end of the tier, where no rule of its policies has matched
	// Tier is the tier that decides. Selecting are its policies that select the pod.
	Tier      string
	Selecting []*inspect.Policy
	Why       string // for Unknown
}

// Set is a set of policies, ready to judge.
type Set struct {
	tiers      []tier
	namespaces map[string]map[string]string
	sets       []inspect.NetworkSet
	slices     []inspect.EndpointSlice
}

type tier struct {
	inspect.PolicyTier
	policies []*inspect.Policy
}

// New orders the policies of a cluster: tiers by order and name, policies in them likewise. Those that the cluster's release
// of Calico does not enforce are left out. The endpoint slices are for rules that name services.
func New(policies []inspect.Policy, basis inspect.PolicyBasis, endpoints []inspect.EndpointSlice, release felix.Release) *Set {
	s := &Set{sets: basis.NetworkSets, slices: endpoints}
	if len(basis.Namespaces) > 0 {
		s.namespaces = map[string]map[string]string{}
		for _, n := range basis.Namespaces {
			s.namespaces[n.Name] = n.Labels
		}
	}
	tiers := map[string]*tier{}
	for _, t := range builtIn() {
		tiers[t.Name] = &tier{PolicyTier: t}
	}
	for _, t := range basis.Tiers {
		tiers[t.Name] = &tier{PolicyTier: t}
	}
	for i := range policies {
		p := &policies[i]
		if !enforced(p, release) {
			continue
		}
		name := cmp.Or(p.Tier, defaultTier)
		if tiers[name] == nil { // it was deleted, or could not be read: then it comes last
			tiers[name] = &tier{PolicyTier: inspect.PolicyTier{Name: name}}
		}
		tiers[name].policies = append(tiers[name].policies, p)
	}
	for _, t := range tiers {
		slices.SortFunc(t.policies, func(a, b *inspect.Policy) int {
			return cmp.Or(cmp.Compare(place(a.Order), place(b.Order)), cmp.Compare(fullName(a), fullName(b)))
		})
		s.tiers = append(s.tiers, *t)
	}
	slices.SortFunc(s.tiers, func(a, b tier) int {
		return cmp.Or(cmp.Compare(place(a.Order), place(b.Order)), cmp.Compare(a.Name, b.Name))
	})
	return s
}

const defaultTier = "default"

// builtIn are the tiers that Calico makes itself, where the cluster's own list does not say otherwise
// (libcalico-go/lib/apis/v3/tier.go and lib/clientv3/client.go: their orders).
func builtIn() []inspect.PolicyTier {
	order := func(n float64) *float64 { return &n }
	const admin, usual, baseline = 1_000, 1_000_000, 10_000_000
	return []inspect.PolicyTier{
		{Name: calico.TierAdminPolicies, Order: order(admin), Pass: true},
		{Name: calico.TierKubeAdmin, Order: order(admin), Pass: true},
		{Name: defaultTier, Order: order(usual)},
		{Name: calico.TierBaselinePolicies, Order: order(baseline), Pass: true},
		{Name: calico.TierKubeBaseline, Order: order(baseline), Pass: true},
	}
}

// enforced reports whether a release of Calico enforces a policy.
func enforced(p *inspect.Policy, release felix.Release) bool {
	switch p.Kind {
	case "AdminNetworkPolicy", "BaselineAdminNetworkPolicy":
		return !release.Known() || release.Has(felix.AdminPolicies)
	case "ClusterNetworkPolicy":
		return !release.Known() || release.Has(felix.ClusterPolicies)
	}
	return true
}

// place is a place in an order: those without one come last.
func place(order *float64) float64 {
	if order == nil {
		return math.Inf(1)
	}
	return *order
}

// fullName is the name by which Felix sorts policies of one order.
func fullName(p *inspect.Policy) string {
	switch {
	case p.Kind == "NetworkPolicy":
		return p.Namespace + "/knp.default." + p.Name
	case p.Namespace != "":
		return p.Namespace + "/" + p.Name
	}
	return p.Name
}

// Judge judges both directions of a connection. The second verdict is missing if the first denies.
func (s *Set) Judge(f Flow) []Verdict {
	egress := s.judge(&f, true)
	if egress.Decision == Denied {
		return []Verdict{egress}
	}
	if f.SeenFrom.IsValid() {
		f.From = End{IP: f.SeenFrom}
	}
	return []Verdict{egress, s.judge(&f, false)}
}

func (s *Set) judge(f *Flow, egress bool) Verdict {
	pod := f.To.Pod
	if egress {
		pod = f.From.Pod
	}
	if pod == nil || pod.HostNetwork || !egress && s.fromOwnNode(f) {
		return Verdict{Decision: Allowed, Egress: egress}
	}
	w := &walk{set: s, flow: f, pod: pod, egress: egress}
	return w.fromTier(0)
}

// fromOwnNode reports whether a node sends to its own pod, which Felix always allows (felix/rules/static.go: filter OUTPUT).
func (s *Set) fromOwnNode(f *Flow) bool {
	return f.From.Pod != nil && f.From.Pod.HostNetwork && f.To.Pod != nil && f.From.Pod.Node == f.To.Pod.Node
}
