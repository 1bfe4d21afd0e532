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
	text := "tigerastatus " + status.GetName() + ": "
	switch {
	case said["Degraded"] != nil:
		return text + "degraded" + why(said["Degraded"])
	case said["Available"] != nil:
		return ""
	case said["Progressing"] != nil:
		return text + "not available yet" + why(said["Progressing"])
	default:
		return text + "not available"
	}
}

// why is the reason and the message of a condition, as they follow a text.
func why(condition map[string]any) string {
	var text string
	for _, key := range []string{"reason", "message"} {
		if said, _ := condition[key].(string); said != "" {
			text += ": " + firstLine(said)
		}
	}
	return text
}
