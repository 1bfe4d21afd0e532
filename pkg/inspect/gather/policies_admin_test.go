package gather

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func policyObject(t *testing.T, kind, spec string) *unstructured.Unstructured {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(spec), &fields); err != nil {
		t.Fatal(err)
	}
	return calicoObject(schema.GroupVersion{Group: groupPolicy, Version: "v1alpha1"}, kind, "p", fields)
}

// TestAdminPolicies: the policies of Kubernetes for whole clusters, in both versions of their API.
func TestAdminPolicies(t *testing.T) {
	teamA := inspect.PolicyEnd{Selected: true, Namespaces: "team=a"}
	tests := map[string]struct {
		kind, spec string
		want       inspect.Policy
	}{
		"AdminNetworkPolicy": {"AdminNetworkPolicy", `{"priority": 5, "subject": {"namespaces": {}},
			"ingress": [{"action": "Deny", "from": [{"namespaces": {"matchLabels": {"team": "a"}}}],
				"ports": [{"portNumber": {"protocol": "UDP", "port": 53}}, {"namedPort": "web"}, {"portRange": {"start": 1, "end": 9}}]}]}`,
			inspect.Policy{Kind: "AdminNetworkPolicy", Name: "p", Tier: "adminnetworkpolicy", Order: new(5.0), Ingress: true, Rules: []inspect.PolicyRule{
				{Number: 1, Action: "Deny", Protocol: "UDP", Source: teamA, Destination: inspect.PolicyEnd{Ports: []inspect.PolicyPort{{Min: 53, Max: 53}}}},
				{Number: 1, Action: "Deny", Source: teamA, Destination: inspect.PolicyEnd{Ports: []inspect.PolicyPort{{Name: "web"}}}},
				{Number: 1, Action: "Deny", Protocol: "TCP", Source: teamA, Destination: inspect.PolicyEnd{Ports: []inspect.PolicyPort{{Min: 1, Max: 9}}}},
			}}},
		"BaselineAdminNetworkPolicy": {"BaselineAdminNetworkPolicy", `{"subject": {"pods": {"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {"matchLabels": {"app": "web"}}}},
			"egress": [{"action": "Allow", "to": [{"networks": ["::/0", "0.0.0.0/0"]}, {"nodes": {}}]}]}`,
			inspect.Policy{Kind: "BaselineAdminNetworkPolicy", Name: "p", Tier: "baselineadminnetworkpolicy", Selector: "app=web", Namespaces: "team=a", Egress: true,
				Rules: []inspect.PolicyRule{
					{Number: 1, Egress: true, Action: "Allow", Destination: inspect.PolicyEnd{Nets: parsePrefixes("::/0,0.0.0.0/0")}},
					{Number: 1, Egress: true, Action: "Allow", Unread: "nodes"},
				}}},
		"ClusterNetworkPolicy": {"ClusterNetworkPolicy", `{"tier": "Admin", "priority": 10, "subject": {"namespaces": {}},
			"egress": [{"action": "Accept", "to": [{"domainNames": ["example.org"]}], "protocols": [{"tcp": {"destinationPort": {"number": 443}}}, {"udp": {}}]},
				{"action": "Pass", "to": [{"namespaces": {"matchLabels": {"team": "a"}}}]}]}`,
			inspect.Policy{Kind: "ClusterNetworkPolicy", Name: "p", Tier: "kube-admin", Order: new(10.0), Egress: true, Rules: []inspect.PolicyRule{
				{Number: 1, Egress: true, Action: "Allow", Protocol: "TCP", Unread: "domainNames", Destination: inspect.PolicyEnd{Ports: []inspect.PolicyPort{{Min: 443, Max: 443}}}},
				{Number: 1, Egress: true, Action: "Allow", Protocol: "UDP", Unread: "domainNames"},
				{Number: 2, Egress: true, Action: "Pass", Destination: teamA},
			}}},
		"of a newer kind": {"ClusterNetworkPolicy", `{"tier": "Baseline", "priority": 10, "subject": {"machines": {}}}`,
			inspect.Policy{Kind: "ClusterNetworkPolicy", Name: "p", Tier: "kube-baseline", Order: new(10.0), Unread: true}},
		"unreadable": {"AdminNetworkPolicy", `{"priority": "high"}`,
			inspect.Policy{Kind: "AdminNetworkPolicy", Name: "p", Tier: "adminnetworkpolicy", Ingress: true, Egress: true, Unread: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, readAdminPolicy(tt.kind, policyObject(t, tt.kind, tt.spec)), equal()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestCalicoRules: what a rule of Calico matches, in each field.
func TestCalicoRules(t *testing.T) {
	p := readNetworkPolicy(policyObject(t, "NetworkPolicy", `{"tier": "security", "order": 7, "selector": "app == 'web'", "serviceAccountSelector": "all()",
		"ingress": [{"action": "Allow", "protocol": 6, "notProtocol": "UDP", "ipVersion": 6,
			"source": {"selector": "a == 'b'", "notNets": ["10.0.0.0/8"], "serviceAccounts": {"names": ["x"], "selector": "y == 'z'"}},
			"destination": {"ports": [80, "8000:8080", "http"], "notPorts": [81]}}, {"action": "Deny", "icmp": {"type": 8}, "protocol": "ICMP"}],
		"egress": [{"action": "Pass", "destination": {"services": {"name": "web"}}}, {"action": "Log", "http": {"methods": ["GET"]}},
			{"action": "Allow", "destination": {"namespaceSelector": "global()", "notSelector": "c == 'd'"}}]}`))
	ports := []inspect.PolicyPort{{Min: 80, Max: 80}, {Min: 8000, Max: 8080}, {Name: "http"}}
	want := inspect.Policy{Kind: "Calico NetworkPolicy", Name: "p", Calico: true, Tier: "security", Order: new(7.0), Selector: "app == 'web'", ServiceAccounts: "all()",
		Ingress: true, Egress: true, Rules: []inspect.PolicyRule{
			{Number: 1, Action: "Allow", Protocol: "6", NotProtocol: "UDP", Family: inspect.IPv6,
				Source: inspect.PolicyEnd{Selected: true, Selector: "a == 'b'", NotNets: parsePrefixes("10.0.0.0/8"), ServiceAccounts: []string{"x"},
					ServiceAccountSelector: "y == 'z'"},
				Destination: inspect.PolicyEnd{Ports: ports, NotPorts: []inspect.PolicyPort{{Min: 81, Max: 81}}}},
			{Number: 2, Action: "Deny", Protocol: "ICMP", ICMPType: new(8)},
			{Number: 1, Egress: true, Action: "Pass", Destination: inspect.PolicyEnd{Service: "/web"}},
			{Number: 2, Egress: true, Action: "Log", Unread: "http"},
			{Number: 3, Egress: true, Action: "Allow", Destination: inspect.PolicyEnd{Selected: true, Namespaces: "global()", NotSelector: "c == 'd'"}},
		}}
	if diff := cmp.Diff(want, p, equal()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	host := readGlobalPolicy(policyObject(t, "GlobalNetworkPolicy", `{"applyOnForward": true, "preDNAT": true, "types": ["Ingress"]}`))
	if host.Ingress || host.Egress {
		t.Error("a policy for host endpoints only applies to pods")
	}
	broken := readGlobalPolicy(policyObject(t, "GlobalNetworkPolicy", `{"order": "first"}`))
	if !broken.Unread {
		t.Error("a policy that cannot be decoded is taken as read")
	}
}
