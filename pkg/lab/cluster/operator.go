package cluster

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// tigeraStatuses is where Calico's operator reports on each of its components (tigera/operator, api/v1/tigerastatus_types.go).
func tigeraStatuses() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "operator.tigera.io", Version: "v1", Resource: "tigerastatuses"}
}

// CheckOperator adds what Calico's operator says of its components, where it installed Calico. The wait for a lab does not ask it: it
// looks at the pods themselves, and the operator is later.
func (c *Checker) CheckOperator(ctx context.Context, h *Health) error {
	list, err := c.dynamic.Resource(tigeraStatuses()).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) {
		return nil // installed by manifest
	}
	if err != nil {
		return fmt.Errorf("list the operator's statuses: %w", err)
	}
	h.HasOperator = true
	for i := range list.Items {
		if problem := statusProblem(&list.Items[i]); problem != "" {
			h.Operator = append(h.Operator, problem)
		}
	}
	if len(list.Items) == 0 {
		h.Operator = append(h.Operator, "it has reported on no component yet")
	}
	slices.Sort(h.Operator)
	return nil
}

// statusProblem returns what keeps a component from being available, or nothing.
func statusProblem(status *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(status.Object, "status", "conditions")
	said := map[string]map[string]any{}
	for _, c := range conditions {
		if m, ok := c.(map[string]any); ok && m["status"] == "True" {
			kind, _ := m["type"].(string)
			said[kind] = m
		}
	}
	for _, kind := range []string{"Degraded", "Progressing"} {
		m := said[kind]
		if m == nil || kind == "Progressing" && said["Available"] != nil {
			continue
		}
		problem := fmt.Sprintf("tigerastatus %s: %s", status.GetName(), map[string]string{"Degraded": "degraded", "Progressing": "not available yet"}[kind])
		for _, key := range []string{"reason", "message"} {
			if text, _ := m[key].(string); text != "" {
				problem += ": " + firstLine(text)
			}
		}
		return problem
	}
	if said["Available"] == nil {
		return fmt.Sprintf("tigerastatus %s: not available", status.GetName())
	}
	return ""
}
