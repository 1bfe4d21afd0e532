package judge

import (
	"maps"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico/selector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Selecting names the policies that select one of the pods. It includes policies with an unreadable selector.
func Selecting(policies []inspect.Policy, pods []inspect.Pod) []string {
	var names []string
	for _, policy := range policies {
		for _, pod := range pods {
			if !pod.HostNetwork && selects(policy, pod) {
				names = append(names, policy.String())
				break
			}
		}
	}
	return names
}

func selects(policy inspect.Policy, pod inspect.Pod) bool {
	if policy.Namespace != "" && policy.Namespace != pod.Namespace {
		return false
	}
	if !policy.Calico {
		selector, err := labels.Parse(policy.Selector)
		return err != nil || selector.Matches(labels.Set(pod.Labels))
	}
	// Labels that Calico gives to the pods of Kubernetes.
	own := map[string]string{"projectcalico.org/namespace": pod.Namespace, "projectcalico.org/orchestrator": "k8s"}
	maps.Copy(own, pod.Labels)
	ok, err := selector.Selects(policy.Selector, own)
	return err != nil || ok
}
