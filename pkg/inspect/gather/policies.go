package gather

import (
	"context"
	"errors"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Policies reads the network policies of Kubernetes, and of Calico where that is. What may not be read is left out,
// with the error beside the rest.
func (c *Cluster) Policies(ctx context.Context) ([]inspect.Policy, error) {
	var policies []inspect.Policy
	api := c.Kubernetes.NetworkingV1().NetworkPolicies("")
	err := errorf("list", "networkpolicies", "", eachPage(ctx, api.List, metav1.ListOptions{},
		func(list *networkingv1.NetworkPolicyList) error {
			for i := range list.Items {
				p := &list.Items[i]
				selector, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
				if err != nil {
					return err
				}
				policies = append(policies, inspect.Policy{Kind: "NetworkPolicy", Namespace: p.Namespace, Name: p.Name,
					Selector: selector.String()})
			}
			return nil
		}))
	calico, calicoErr := detectCalico(ctx, c.Clients)
	switch {
	case errors.Is(calicoErr, errNoCalico):
		return policies, err
	case calicoErr != nil:
		return policies, errors.Join(err, calicoErr)
	}
	for _, kind := range []struct{ resource, name string }{
		{"networkpolicies", "Calico NetworkPolicy"}, {"globalnetworkpolicies", "GlobalNetworkPolicy"},
	} {
		list := c.Dynamic.Resource(calico.WithResource(kind.resource)).List
		err = errors.Join(err, errorf("list", kind.resource, "", eachPage(ctx, list, metav1.ListOptions{},
			func(list *unstructured.UnstructuredList) error {
				for i := range list.Items {
					policies = append(policies, calicoPolicy(kind.name, &list.Items[i]))
				}
				return nil
			})))
	}
	return policies, err
}

func calicoPolicy(kind string, o *unstructured.Unstructured) inspect.Policy {
	selector, _, _ := unstructured.NestedString(o.Object, "spec", "selector")
	return inspect.Policy{Kind: kind, Namespace: o.GetNamespace(), Name: o.GetName(), Calico: true, Selector: selector}
}
