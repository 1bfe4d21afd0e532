package gather

import (
	"errors"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestDetectCalico(t *testing.T) {
	migration := func(phase string) *unstructured.Unstructured {
		o := calicoObject(schema.GroupVersion{Group: groupMigration, Version: "v1beta1"}, "DatastoreMigration", "v1-to-v3", nil)
		o.Object["status"] = map[string]any{"phase": phase}
		return o
	}
	both := []schema.GroupVersion{groupCRD(), groupNative()}
	aggregated := func(c cluster) { // an API server in front of the old group serves no blocks
		resources := c.kubernetes.Resources[1]
		resources.APIResources = slices.DeleteFunc(resources.APIResources,
			func(r metav1.APIResource) bool { return r.Name == "ipamblocks" })
	}
	for name, test := range map[string]struct {
		groups  []schema.GroupVersion
		phase   string
		prepare func(cluster)
		want    string
		wantErr error
	}{
		"none":                  {wantErr: errNoCalico},
		"old":                   {groups: []schema.GroupVersion{groupCRD()}, want: "crd.projectcalico.org/v1"},
		"native":                {groups: []schema.GroupVersion{groupNative()}, want: "projectcalico.org/v3"},
		"old behind aggregated": {groups: both, prepare: aggregated, want: "crd.projectcalico.org/v1"},
		"both":                  {groups: both, want: "crd.projectcalico.org/v1"},
		"both, migrating":       {groups: both, phase: "Migrating", want: "crd.projectcalico.org/v1"},
		"both, converged":       {groups: both, phase: "Converged", want: "projectcalico.org/v3"},
		"both, complete":        {groups: both, phase: "Complete", want: "projectcalico.org/v3"},
		"both, complete, but aggregated": {
			groups: both, phase: "Complete", prepare: aggregated, want: "crd.projectcalico.org/v1",
		},
		"both, migration forbidden": {
			groups: both, phase: "Complete", want: "crd.projectcalico.org/v1",
			prepare: func(c cluster) { c.refuse("list", "datastoremigrations", forbidden("datastoremigrations")) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			var objects []*unstructured.Unstructured
			if test.phase != "" {
				objects = append(objects, migration(test.phase))
			}
			c := newCluster(test.groups, nil, objects...)
			if test.phase != "" {
				c.kubernetes.Resources = append(c.kubernetes.Resources,
					&metav1.APIResourceList{GroupVersion: groupMigration + "/v1beta1"})
			}
			if test.prepare != nil {
				test.prepare(c)
			}
			got, err := detectCalico(t.Context(), c.live().Clients)
			if !errors.Is(err, test.wantErr) || got.String() != test.want {
				t.Errorf("got %q, %v; want %q, %v", got, err, test.want, test.wantErr)
			}
		})
	}
}
