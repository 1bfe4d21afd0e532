package gather

import (
	"context"
	"errors"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Policies reads the network policies of Kubernetes and, where it runs, of Calico. It leaves out those that it may not
// read, and returns the rest with the error.
func (c *Cluster) Policies(ctx context.Context) ([]inspect.Policy, error) {
	var policies []inspect.Policy
	api := c.Kubernetes.NetworkingV1().NetworkPolicies("")
	err := errorf("list", "networkpolicies", "", eachItem(ctx, api.List, metav1.ListOptions{},
		func(p *networkingv1.NetworkPolicy) error {
			selector, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
			if err != nil {
				return err
			}
			policies = append(policies, inspect.Policy{Kind: "NetworkPolicy", Namespace: p.Namespace, Name: p.Name,
				Selector: selector.String()})
			return nil
		}))
	calico, calicoErr := detectCalico(ctx, c.Clients)
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
		return errorf("list", resource, "", err)
	}
	return policies, errors.Join(err, list("networkpolicies", readNetworkPolicy), list("globalnetworkpolicies", readGlobalPolicy))
}

// readNetworkPolicy keeps the fields of Calico's NetworkPolicy that we use. An unreadable one selects all pods, as an
// empty selector does: it may be to blame.
func readNetworkPolicy(u *unstructured.Unstructured) inspect.Policy {
	spec, _ := readSpec[v3.NetworkPolicySpec](u)
	return inspect.Policy{Kind: "Calico NetworkPolicy", Namespace: u.GetNamespace(), Name: u.GetName(), Calico: true,
		Selector: spec.Selector}
}

func readGlobalPolicy(u *unstructured.Unstructured) inspect.Policy {
	spec, _ := readSpec[v3.GlobalNetworkPolicySpec](u)
	return inspect.Policy{Kind: "GlobalNetworkPolicy", Name: u.GetName(), Calico: true, Selector: spec.Selector}
}
