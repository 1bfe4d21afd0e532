package cluster

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic/fake"
	kubernetes "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/restmapper"
	clienttesting "k8s.io/client-go/testing"
)

func pool(group, name, cidr string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{"apiVersion": group, "kind": "IPPool",
		"metadata": map[string]any{"name": name}, "spec": map[string]any{"cidr": cidr}}}
}

func serving(group string) []*metav1.APIResourceList {
	return []*metav1.APIResourceList{{GroupVersion: group, APIResources: []metav1.APIResource{{Name: "ippools", Kind: "IPPool"}}}}
}

// TestServes: an API server that has just started serves the kinds of definitions some seconds late. A kind that never comes is an error.
func TestServes(t *testing.T) {
	for name, tt := range map[string]struct {
		group string
		after time.Duration
		want  string
	}{
		"at once":       {"crd.projectcalico.org/v1", 0, "crd.projectcalico.org"},
		"late":          {"crd.projectcalico.org/v1", 10 * time.Second, "crd.projectcalico.org"},
		"late, native":  {"projectcalico.org/v3", 10 * time.Second, "projectcalico.org"},
		"after a while": {"crd.projectcalico.org/v1", time.Hour, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				discovery := kubernetes.NewClientset()
				discovery.Resources = []*metav1.APIResourceList{{GroupVersion: "v1", APIResources: []metav1.APIResource{{Name: "pods", Kind: "Pod"}}}}
				discovery.PrependReactor("get", "group", func(clienttesting.Action) (bool, runtime.Object, error) {
					if time.Since(start) >= tt.after {
						discovery.Resources = serving(tt.group)
					}
					return false, nil, nil
				})
				i := &Installer{mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovery.Discovery()))}
				mapping, err := i.serves(t.Context(), pool("crd.projectcalico.org/v1", "v4", "10.244.0.0/16"))
				if (err == nil) != (tt.want != "") || err == nil && mapping.Resource.Group != tt.want {
					t.Errorf("got %v, %v, want %q", mapping, err, tt.want)
				}
			})
		})
	}
}

// TestCreatePools: pools go to the group that the cluster serves, and only families without one get one.
func TestCreatePools(t *testing.T) {
	const crd, native = "crd.projectcalico.org/v1", "projectcalico.org/v3"
	ours := []*unstructured.Unstructured{pool(crd, "v4", "10.244.0.0/16"), pool(crd, "v6", "fd00:10:244::/48")}
	for name, tt := range map[string]struct {
		group string
		there []*unstructured.Unstructured
		want  []string
	}{
		"none":           {crd, nil, []string{"v4", "v6"}},
		"none, native":   {native, nil, []string{"v4", "v6"}},
		"one":            {crd, ours[:1], []string{"v4", "v6"}},
		"one, native":    {native, []*unstructured.Unstructured{pool(native, "v4", "10.244.0.0/16")}, []string{"v4", "v6"}},
		"a user's own":   {crd, []*unstructured.Unstructured{pool(crd, "other", "10.0.0.0/16")}, []string{"other", "v6"}},
		"both of others": {crd, []*unstructured.Unstructured{pool(crd, "a", "10.0.0.0/16"), pool(crd, "b", "fd00::/48")}, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			gv, err := schema.ParseGroupVersion(tt.group)
			if err != nil {
				t.Fatal(err)
			}
			discovery := kubernetes.NewClientset()
			discovery.Resources = serving(tt.group)
			resource := gv.WithResource("ippools")
			client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{resource: "IPPoolList"})
			for _, p := range tt.there {
				if err := client.Tracker().Create(resource, p, ""); err != nil {
					t.Fatal(err)
				}
			}
			i := &Installer{client: client, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discovery.Discovery()))}
			if err := i.CreatePools(t.Context(), ours); err != nil {
				t.Fatal(err)
			}
			list, err := client.Resource(resource).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range list.Items {
				got = append(got, p.GetName())
				if p.GetAPIVersion() != tt.group {
					t.Errorf("pool %s is of %s", p.GetName(), p.GetAPIVersion())
				}
			}
			if slices.Sort(got); !slices.Equal(got, tt.want) {
				t.Errorf("got pools %v, want %v", got, tt.want)
			}
		})
	}
}
