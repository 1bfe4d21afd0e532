package cluster

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"
)

func tigeraStatus(name string, conditions ...any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "operator.tigera.io/v1", "kind": "TigeraStatus", "metadata": map[string]any{"name": name},
		"status": map[string]any{"conditions": conditions},
	}}
}

func condition(kind, status, reason, message string) any {
	return map[string]any{"type": kind, "status": status, "reason": reason, "message": message}
}

func TestCheckOperator(t *testing.T) {
	healthy := tigeraStatus("ippools", condition("Available", "True", "AllObjectsAvailable", ""), condition("Degraded", "False", "", ""))
	tests := []struct {
		name  string
		items []runtime.Object
		want  Health
	}{
		{"all available", []runtime.Object{healthy}, Health{HasOperator: true}},
		{"available, and at work", []runtime.Object{tigeraStatus("calico", condition("Available", "True", "", ""), condition("Progressing", "True", "", "x"))},
			Health{HasOperator: true}},
		{"degraded, and not available yet", []runtime.Object{
			healthy,
			tigeraStatus("calico", condition("Available", "False", "", ""), condition("Degraded", "True", "PodFailure",
				"Some pods are failing\nin two lines"), condition("Progressing", "True", "", "later")),
			tigeraStatus("apiserver", condition("Progressing", "True", "ResourceNotReady", "waiting")),
			tigeraStatus("whisker"),
		}, Health{HasOperator: true, Operator: []string{
			"tigerastatus apiserver: not available yet: ResourceNotReady: waiting",
			"tigerastatus calico: degraded: PodFailure: Some pods are failing",
			"tigerastatus whisker: not available",
		}}},
		{"nothing yet", nil, Health{HasOperator: true, Operator: []string{"it has reported on no component yet"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &Checker{dynamic: fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
				map[schema.GroupVersionResource]string{tigeraStatuses(): "TigeraStatusList"}, tt.items...)}
			var got Health
			if err := c.CheckOperator(t.Context(), &got); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(Health{})); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestCheckOperatorThatIsNotThere(t *testing.T) {
	for name, tt := range map[string]struct {
		answer error
		fails  bool
	}{
		"installed by manifest": {apierrors.NewNotFound(tigeraStatuses().GroupResource(), ""), false},
		"refused":               {apierrors.NewForbidden(tigeraStatuses().GroupResource(), "", errors.New("no")), true},
	} {
		client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(),
			map[schema.GroupVersionResource]string{tigeraStatuses(): "TigeraStatusList"})
		client.PrependReactor("list", "*", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, tt.answer })
		var h Health
		if err := (&Checker{dynamic: client}).CheckOperator(t.Context(), &h); (err != nil) != tt.fails || h.HasOperator {
			t.Errorf("%s: %v, %+v", name, err, h)
		}
	}
}
