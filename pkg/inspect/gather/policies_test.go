package gather

import (
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"
)

// policy is a NetworkPolicy of Kubernetes for the pods of an app.
func policy(name, app string) *networkingv1.NetworkPolicy {
	p := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
	if app != "" {
		p.Spec.PodSelector.MatchLabels = map[string]string{"app": app}
	}
	return p
}

// pagedPolicies makes the server return its NetworkPolicies one by one.
func pagedPolicies(c cluster, all ...*networkingv1.NetworkPolicy) {
	c.kubernetes.PrependReactor("list", "networkpolicies", func(a clienttesting.Action) (bool, runtime.Object, error) {
		index := int(append([]byte(a.(clienttesting.ListActionImpl).ListOptions.Continue), '0')[0] - '0')
		list := &networkingv1.NetworkPolicyList{Items: []networkingv1.NetworkPolicy{*all[index]}}
		if index+1 < len(all) {
			list.Continue = string(rune('0' + index + 1))
		}
		return true, list, nil
	})
}

// TestPolicies: all pages of all kinds. What may not be read is an error beside the rest.
func TestPolicies(t *testing.T) {
	kubernetes := []string{"NetworkPolicy default/all ", "NetworkPolicy default/web app=web"}
	calico := []string{"Calico NetworkPolicy default/own app == 'web'", "GlobalNetworkPolicy deny all()"}
	tests := map[string]struct {
		groups []schema.GroupVersion
		change func(cluster)
		want   []string
		err    []string
	}{
		"all": {groups: []schema.GroupVersion{groupCRD()}, want: slices.Concat(kubernetes, calico)},
		"pages": {groups: []schema.GroupVersion{groupCRD()}, want: slices.Concat(kubernetes, calico), change: func(c cluster) {
			pagedPolicies(c, policy("all", ""), policy("web", "web"))
		}},
		"without Calico": {want: kubernetes},
		"those of Kubernetes may not be read": {groups: []schema.GroupVersion{groupCRD()}, want: calico, change: func(c cluster) {
			c.kubernetes.PrependReactor("list", "networkpolicies", func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, forbidden("networkpolicies")
			})
		}, err: []string{"list networkpolicies.networking.k8s.io: ", "forbidden"}},
		"the global ones may not be read": {groups: []schema.GroupVersion{groupCRD()}, want: append(slices.Clone(kubernetes), calico[0]),
			change: func(c cluster) { c.refuse("list", "globalnetworkpolicies", forbidden("globalnetworkpolicies")) },
			err:    []string{"list globalnetworkpolicies.crd.projectcalico.org: ", "forbidden"}},
		"nothing may be read": {groups: []schema.GroupVersion{groupCRD()}, change: func(c cluster) {
			c.refuse("list", "networkpolicies", forbidden("networkpolicies"))
			c.refuse("list", "globalnetworkpolicies", forbidden("globalnetworkpolicies"))
		}, err: []string{"list networkpolicies.networking.k8s.io: ", "list globalnetworkpolicies.crd.projectcalico.org: "}},
		"a CRD is missing": {groups: []schema.GroupVersion{groupCRD()}, want: append(slices.Clone(kubernetes), calico[1]),
			change: func(c cluster) {
				c.dynamic.PrependReactor("list", "networkpolicies", func(clienttesting.Action) (bool, runtime.Object, error) {
					return true, nil, apierrors.NewNotFound(schema.GroupResource{Resource: "networkpolicies"}, "")
				})
			}, err: []string{"list networkpolicies.crd.projectcalico.org: "}},
		"a selector that makes no sense": {groups: []schema.GroupVersion{groupCRD()}, want: calico, change: func(c cluster) {
			broken := policy("broken", "")
			broken.Spec.PodSelector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Sometimes"}}
			pagedPolicies(c, broken)
		}, err: []string{"Sometimes"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			own := calicoObject(groupCRD(), "NetworkPolicy", "own", map[string]any{"selector": "app == 'web'"})
			own.SetNamespace("default")
			c := newCluster(tt.groups, []runtime.Object{policy("all", ""), policy("web", "web")}, own,
				calicoObject(groupCRD(), "GlobalNetworkPolicy", "deny", map[string]any{"selector": "all()"}))
			if tt.change != nil {
				tt.change(c)
			}
			policies, _, err := c.live().Policies(t.Context())
			var got []string
			for _, p := range policies {
				got = append(got, p.String()+" "+p.Selector)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if (err == nil) != (tt.err == nil) {
				t.Errorf("got error %v", err)
			}
			for _, want := range tt.err {
				if err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("got error %v, want %q", err, want)
				}
			}
		})
	}
}

// TestNarrowed: a policy that selects by namespaces or service accounts as well does not say so by its selector.
func TestNarrowed(t *testing.T) {
	for selector, want := range map[string]bool{"": false, "all()": false, "team == 'a'": true} {
		p := readGlobalPolicy(calicoObject(groupCRD(), "GlobalNetworkPolicy", "p", map[string]any{"namespaceSelector": selector}))
		if p.Narrowed() != want {
			t.Errorf("namespaceSelector %q: narrowed is %v", selector, p.Narrowed())
		}
	}
	p := readNetworkPolicy(calicoObject(groupCRD(), "NetworkPolicy", "p", map[string]any{"serviceAccountSelector": "all()"}))
	if !p.Narrowed() {
		t.Error("serviceAccountSelector: not narrowed")
	}
}

// TestCorefileDirectives keeps the blocks of plugins that decide on answers, and no other.
func TestCorefileDirectives(t *testing.T) {
	got := corefileDirectives(".:53 {\n acl {\n  block type AAAA net *\n  allow net * # all\n }\n rewrite stop {\n  type AAAA A\n }\n" +
		" forward . /etc/resolv.conf {\n  max_concurrent 1000\n }\n cache 30 {\n  type A\n }\n rewrite type AAAA A\n}")
	want := []string{"acl { block type AAAA net * ; allow net * }", "rewrite stop { type AAAA A }", "forward . /etc/resolv.conf", "rewrite type AAAA A"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
