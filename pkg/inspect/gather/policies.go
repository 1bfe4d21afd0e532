package gather

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func (g *gatherer) readPolicies(ctx context.Context) error {
	policies, err := g.cluster.policies(ctx, g.calico)
	g.snap.Policies = policies
	return err
}

// Policies reads the network policies of Kubernetes and, where it runs, of Calico. It leaves out those that it may not
// read, and returns the rest with the error.
func (c *Cluster) Policies(ctx context.Context) ([]inspect.Policy, error) {
	return c.policies(ctx, func(ctx context.Context) (calicoAPI, error) { return detectCalico(ctx, c.Clients) })
}

func (c *Cluster) policies(ctx context.Context, detect func(context.Context) (calicoAPI, error)) ([]inspect.Policy, error) {
	var policies []inspect.Policy
	api := c.Kubernetes.NetworkingV1().NetworkPolicies("")
	err := errorf("list", "networkpolicies."+networkingv1.GroupName, "", eachItem(ctx, api.List, metav1.ListOptions{},
		func(p *networkingv1.NetworkPolicy) error {
			policy, err := readKubernetesPolicy(p)
			if err == nil {
				policies = append(policies, policy)
			}
			return err
		}))
	calico, calicoErr := detect(ctx)
	switch {
	case errors.Is(calicoErr, errNoCalico):
		return policies, err
	case calicoErr != nil:
		return policies, errors.Join(err, calicoErr)
	}
	list := func(resource string, read func(*unstructured.Unstructured) inspect.Policy) error {
		err := eachItem(ctx, c.Dynamic.Resource(calico.WithResource(resource)).List, metav1.ListOptions{},
			func(u *unstructured.Unstructured) error {
				policies = append(policies, read(u))
				return nil
			})
		return errorf("list", resource+"."+calico.Group, "", err)
	}
	return policies, errors.Join(err, list("networkpolicies", readNetworkPolicy), list("globalnetworkpolicies", readGlobalPolicy))
}

// readKubernetesPolicy keeps the fields of a policy of Kubernetes that we use.
func readKubernetesPolicy(p *networkingv1.NetworkPolicy) (inspect.Policy, error) {
	selector, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
	if err != nil {
		return inspect.Policy{}, err
	}
	policy := inspect.Policy{Kind: "NetworkPolicy", Namespace: p.Namespace, Name: p.Name, Selector: selector.String(),
		Ingress: slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress),
		Egress:  slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)}
	add := func(egress bool, peers []networkingv1.NetworkPolicyPeer) {
		rule := inspect.PolicyRule{Egress: egress, Action: string(v3.Allow)}
		for _, peer := range peers {
			if peer.IPBlock == nil {
				rule.Others = true
				continue
			}
			rule.Nets = append(rule.Nets, parsePrefixes(peer.IPBlock.CIDR)...)
		}
		policy.Rules = append(policy.Rules, rule)
	}
	for _, r := range p.Spec.Ingress {
		add(false, r.From)
	}
	for _, r := range p.Spec.Egress {
		add(true, r.To)
	}
	return policy, nil
}

// readNetworkPolicy keeps the fields of Calico's NetworkPolicy that we use. An unreadable one selects all pods, as an
// empty selector does: it may be to blame.
func readNetworkPolicy(u *unstructured.Unstructured) inspect.Policy {
	spec, _ := readSpec[v3.NetworkPolicySpec](u)
	p := inspect.Policy{Kind: "Calico NetworkPolicy", Namespace: u.GetNamespace(), Name: u.GetName(), Calico: true,
		Selector: spec.Selector, Narrowed: spec.ServiceAccountSelector != ""}
	readRules(&p, spec.Types, spec.Ingress, spec.Egress)
	return p
}

func readGlobalPolicy(u *unstructured.Unstructured) inspect.Policy {
	spec, _ := readSpec[v3.GlobalNetworkPolicySpec](u)
	p := inspect.Policy{Kind: "GlobalNetworkPolicy", Name: u.GetName(), Calico: true, Selector: spec.Selector,
		Narrowed: spec.ServiceAccountSelector != "" || spec.NamespaceSelector != "" && spec.NamespaceSelector != "all()"}
	readRules(&p, spec.Types, spec.Ingress, spec.Egress)
	return p
}

// readRules keeps the rules of a policy of Calico. Without types, it applies to the directions that it has rules for, and to
// ingress if it has none (api/pkg/apis/projectcalico/v3/networkpolicy.go).
func readRules(p *inspect.Policy, types []v3.PolicyType, ingress, egress []v3.Rule) {
	p.Ingress, p.Egress = slices.Contains(types, v3.PolicyTypeIngress), slices.Contains(types, v3.PolicyTypeEgress)
	if len(types) == 0 {
		p.Ingress, p.Egress = len(ingress) > 0 || len(egress) == 0, len(egress) > 0
	}
	add := func(egress bool, rules []v3.Rule) {
		for _, r := range rules {
			end := r.Source
			if egress {
				end = r.Destination
			}
			rule := inspect.PolicyRule{Egress: egress, Action: string(r.Action), Nets: prefixes(end.Nets),
				Others: end.Selector != "" || end.NamespaceSelector != "" || end.ServiceAccounts != nil || end.Services != nil}
			if r.Protocol != nil {
				rule.Protocol = r.Protocol.String()
			}
			switch deref(r.IPVersion) {
			case 4:
				rule.Family = inspect.IPv4
			case 6:
				rule.Family = inspect.IPv6
			}
			p.Rules = append(p.Rules, rule)
		}
	}
	add(false, ingress)
	add(true, egress)
}

func prefixes(texts []string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, parsePrefixes(text)...)
	}
	return all
}
