package gather

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func (g *gatherer) readPolicies(ctx context.Context) error {
	policies, basis, err := g.cluster.policies(ctx, g.calico)
	g.snap.Policies, g.snap.PolicyBasis = policies, basis
	return err
}

// Policies reads the network policies of Kubernetes and, where it runs, of Calico, with what they refer to. It leaves out
// what it may not read, and returns the rest with the error.
func (c *Cluster) Policies(ctx context.Context) ([]inspect.Policy, inspect.PolicyBasis, error) {
	return c.policies(ctx, func(ctx context.Context) (calicoAPI, error) { return detectCalico(ctx, c.Clients) })
}

func (c *Cluster) policies(
	ctx context.Context, detect func(context.Context) (calicoAPI, error),
) (policies []inspect.Policy, basis inspect.PolicyBasis, err error) {
	api := c.Kubernetes.NetworkingV1().NetworkPolicies("")
	err = errorf("list", "networkpolicies."+networkingv1.GroupName, "", eachItem(ctx, api.List, metav1.ListOptions{},
		func(p *networkingv1.NetworkPolicy) error {
			policy, err := readKubernetesPolicy(p)
			if err == nil {
				policies = append(policies, policy)
			}
			return err
		}))
	err = errors.Join(err, errorf("list", "namespaces", "", eachItem(ctx, c.Kubernetes.CoreV1().Namespaces().List, metav1.ListOptions{},
		func(n *corev1.Namespace) error {
			basis.Namespaces = append(basis.Namespaces, inspect.Namespace{Name: n.Name, Labels: n.Labels})
			return nil
		})))
	add := func(p inspect.Policy) { policies = append(policies, p) }
	err = errors.Join(err, c.adminPolicies(ctx, add))
	calico, calicoErr := detect(ctx)
	switch {
	case errors.Is(calicoErr, errNoCalico):
		return policies, basis, err
	case calicoErr != nil:
		return policies, basis, errors.Join(err, calicoErr)
	}
	for _, r := range calicoPolicies(add, &basis) {
		err = errors.Join(err, c.listObjects(ctx, calico.WithResource(r.name), r.optional, r.read))
	}
	return policies, basis, err
}

// listObjects reads the objects of a resource. Where that is optional, a cluster without it is as one without objects.
func (c *Cluster) listObjects(ctx context.Context, r schema.GroupVersionResource, optional bool, read func(*unstructured.Unstructured)) error {
	err := eachItem(ctx, c.Dynamic.Resource(r).List, metav1.ListOptions{}, func(u *unstructured.Unstructured) error {
		read(u)
		return nil
	})
	if optional && apierrors.IsNotFound(err) {
		return nil
	}
	return errorf("list", r.Resource+"."+r.Group, "", err)
}

// kubernetesOrder is the order that Calico gives to each NetworkPolicy of Kubernetes, in its tier default
// (libcalico-go/lib/backend/k8s/conversion, K8sNetworkPolicyToCalico).
const kubernetesOrder = 1000

// readKubernetesPolicy keeps the fields of a policy of Kubernetes that we use.
func readKubernetesPolicy(p *networkingv1.NetworkPolicy) (inspect.Policy, error) {
	selector, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
	if err != nil {
		return inspect.Policy{}, err
	}
	order := float64(kubernetesOrder)
	policy := inspect.Policy{Kind: "NetworkPolicy", Namespace: p.Namespace, Name: p.Name, Selector: selector.String(), Order: &order,
		Ingress: slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress),
		Egress:  slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)}
	for i, r := range p.Spec.Ingress {
		err = errors.Join(err, addKubernetesRule(&policy, inspect.PolicyRule{Number: i + 1}, r.From, r.Ports))
	}
	for i, r := range p.Spec.Egress {
		err = errors.Join(err, addKubernetesRule(&policy, inspect.PolicyRule{Number: i + 1, Egress: true}, r.To, r.Ports))
	}
	return policy, err
}

// addKubernetesRule adds a rule for each peer and protocol: one of the peers and one of the ports have to match.
func addKubernetesRule(policy *inspect.Policy, rule inspect.PolicyRule, peers []networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) error {
	rule.Action = string(v3.Allow)
	ends := make([]inspect.PolicyEnd, 0, len(peers))
	for _, peer := range peers {
		end, err := readPeer(peer)
		if err != nil {
			return err
		}
		ends = append(ends, end)
	}
	if len(peers) == 0 {
		ends = append(ends, inspect.PolicyEnd{})
	}
	byProtocol := map[string][]inspect.PolicyPort{}
	protocols := []string{}
	for _, p := range ports {
		protocol := string(deref(p.Protocol))
		if protocol == "" {
			protocol = string(corev1.ProtocolTCP)
		}
		if _, ok := byProtocol[protocol]; !ok {
			protocols = append(protocols, protocol)
			byProtocol[protocol] = nil
		}
		if p.Port != nil {
			byProtocol[protocol] = append(byProtocol[protocol], readPort(*p.Port, deref(p.EndPort)))
		} else {
			byProtocol[protocol] = append(byProtocol[protocol], inspect.PolicyPort{Max: 65535})
		}
	}
	if len(ports) == 0 {
		protocols = append(protocols, "")
	}
	for _, protocol := range protocols {
		for _, end := range ends {
			r := rule
			r.Protocol = protocol
			*r.Peer() = end
			r.Destination.Ports = byProtocol[protocol]
			policy.Rules = append(policy.Rules, r)
		}
	}
	return nil
}

func readPeer(peer networkingv1.NetworkPolicyPeer) (inspect.PolicyEnd, error) {
	if peer.IPBlock != nil {
		return inspect.PolicyEnd{Nets: parsePrefixes(peer.IPBlock.CIDR), NotNets: prefixes(peer.IPBlock.Except)}, nil
	}
	return selectedPods(peer.NamespaceSelector, peer.PodSelector)
}

// selectedPods are the pods that two selectors of Kubernetes choose. Without one for namespaces, they are of the policy's own.
func selectedPods(namespaces, pods *metav1.LabelSelector) (inspect.PolicyEnd, error) {
	end := inspect.PolicyEnd{Selected: true, OwnNamespace: namespaces == nil}
	if namespaces != nil {
		s, err := metav1.LabelSelectorAsSelector(namespaces)
		if err != nil {
			return end, err
		}
		end.Namespaces = s.String()
	}
	if pods != nil {
		s, err := metav1.LabelSelectorAsSelector(pods)
		if err != nil {
			return end, err
		}
		end.Selector = s.String()
	}
	return end, nil
}

// readPort reads a port or its name, and the end of a range.
func readPort(p intstr.IntOrString, end int32) inspect.PolicyPort {
	if p.Type == intstr.String {
		return inspect.PolicyPort{Name: p.StrVal}
	}
	return inspect.PolicyPort{Min: uint16(p.IntVal), Max: uint16(max(p.IntVal, end))}
}

func prefixes(texts []string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, parsePrefixes(text)...)
	}
	return all
}
