package gather

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes"
)

// TestDiscoveryTransient: a server that cannot answer for a moment does not make a cluster one without Calico. It is asked
// again, and then what it said is told.
func TestDiscoveryTransient(t *testing.T) {
	unavailable := &apierrors.StatusError{ErrStatus: metav1.Status{Code: 503, Reason: metav1.StatusReasonServiceUnavailable, Message: "come back later"}}
	internal := apierrors.NewInternalError(errors.New("etcd is slow"))
	tooMany := apierrors.NewTooManyRequests("slow down", 1)
	crd, both := []schema.GroupVersion{groupCRD()}, []schema.GroupVersion{groupCRD(), groupNative()}
	for name, test := range map[string]struct {
		groups []schema.GroupVersion
		fails  map[string]int // how often discovery of a group fails
		with   error
		want   string
		err    string
	}{
		"503 once":                   {crd, map[string]int{"crd.projectcalico.org/v1": 1}, unavailable, "crd.projectcalico.org/v1", ""},
		"500 twice":                  {crd, map[string]int{"crd.projectcalico.org/v1": 2}, internal, "crd.projectcalico.org/v1", ""},
		"429 twice":                  {crd, map[string]int{"crd.projectcalico.org/v1": 2}, tooMany, "crd.projectcalico.org/v1", ""},
		"503 for good":               {crd, map[string]int{"crd.projectcalico.org/v1": 99}, unavailable, "", "cannot discover crd.projectcalico.org/v1: come back later"},
		"429 for good":               {crd, map[string]int{"crd.projectcalico.org/v1": 99}, tooMany, "", "slow down"},
		"an aggregated server down":  {both, map[string]int{"projectcalico.org/v3": 99}, unavailable, "crd.projectcalico.org/v1", ""},
		"and nothing else":           {nil, map[string]int{"projectcalico.org/v3": 99}, unavailable, "", "cannot discover projectcalico.org/v3: come back later"},
		"500 of one of the two":      {both, map[string]int{"projectcalico.org/v3": 99}, internal, "", "etcd is slow"},
		"a cluster without Calico":   {nil, nil, nil, "", "the cluster has no Calico API"},
		"a refusal is no transience": {crd, map[string]int{"crd.projectcalico.org/v1": 1}, forbidden("x"), "", "forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(test.groups, nil)
				discovery := failing{c.kubernetes.Discovery(), test.fails, test.with}
				clients := c.live().Clients
				clients.Kubernetes = flaky{clients.Kubernetes, discovery}
				got, err := detectCalico(t.Context(), clients)
				if got.String() != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %q, %v", got, err)
				}
				if test.err != "the cluster has no Calico API" && errors.Is(err, errNoCalico) {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// flaky is a client whose discovery fails now and then.
type flaky struct {
	kubernetes.Interface
	discovery discovery.DiscoveryInterfaces
}

func (f flaky) Discovery() discovery.DiscoveryInterfaces { return f.discovery }

type failing struct {
	discovery.DiscoveryInterfaces
	fails map[string]int
	with  error
}

func (f failing) ServerResourcesForGroupVersionWithContext(ctx context.Context, gv string) (*metav1.APIResourceList, error) {
	if f.fails[gv] > 0 {
		f.fails[gv]--
		return nil, f.with
	}
	return f.DiscoveryInterfaces.ServerResourcesForGroupVersionWithContext(ctx, gv)
}

// TestRetryAfterIsBounded: a server cannot have its client wait for an hour.
func TestRetryAfterIsBounded(t *testing.T) {
	for asked, want := range map[string]string{"3600": "2", "1": "1", "": "", "Wed, 21 Oct 2015 07:28:00 GMT": "Wed, 21 Oct 2015 07:28:00 GMT"} {
		resp, err := patience{roundTrip(func() *http.Response {
			return &http.Response{StatusCode: 503, Header: http.Header{"Retry-After": {asked}}}
		})}.RoundTrip(nil)
		if err != nil || resp.Header.Get("Retry-After") != want {
			t.Errorf("%q: got %q, %v", asked, resp.Header.Get("Retry-After"), err)
		}
	}
}

type roundTrip func() *http.Response

func (f roundTrip) RoundTrip(*http.Request) (*http.Response, error) { return f(), nil }

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
