//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// podAddresses is a multitool pod as the API server knows it.
type podAddresses struct {
	name, node, v4, v6 string
}

func multitools(t testing.TB, l *lab) []podAddresses {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Spec     struct{ NodeName string }
			Status   struct{ PodIPs []struct{ IP string } }
		}
	}
	if err := json.Unmarshal([]byte(l.kubectl(t, "get", "pods", "-l", "app=multitool", "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	var all []podAddresses
	for _, i := range list.Items {
		if len(i.Status.PodIPs) != 2 {
			t.Fatalf("pod %s has addresses %v", i.Metadata.Name, i.Status.PodIPs)
		}
		all = append(all, podAddresses{i.Metadata.Name, i.Spec.NodeName, i.Status.PodIPs[0].IP, i.Status.PodIPs[1].IP})
	}
	if len(all) != len(l.nodes()) {
		t.Fatalf("%d multitool pods on %d nodes", len(all), len(l.nodes()))
	}
	return all
}

// TestPaths goes the ways that the lab is for, from a pod on each node: to the world outside, to the other nodes' pods, to
// services by name.
func TestPaths(t *testing.T) {
	l := shared(t)
	pods := multitools(t, l)
	for _, from := range pods {
		var script []string
		want := map[string]string{}
		probe := func(name, expected, command string) {
			want[name] = expected
			script = append(script, fmt.Sprintf("echo %s: $(%s)", name, command))
		}
		ping := func(name, target string, ttl int) {
			probe(name, fmt.Sprintf("ttl=%d", ttl), fmt.Sprintf("ping -c1 -W5 %s | grep -o 'ttl=[0-9]*'", target))
		}
		ping("external-v4", "1.1.1.1", 63)
		ping("external-v6", "2001:db8::1", 63)
		for _, to := range pods {
			if to.name != from.name {
				ping("pod-v4-"+to.node, to.v4, 62)
				ping("pod-v6-"+to.node, to.v6, 62)
			}
		}
		const service = "multitool-dual-stack.default.svc.cluster.local"
		v4 := clusterIP(t, l, "multitool-dual-stack", 0)
		v6 := clusterIP(t, l, "multitool-dual-stack", 1)
		probe("dns-a", v4, "dig +short "+service+" A")
		probe("dns-aaaa", v6, "dig +short "+service+" AAAA")
		probe("dns-a-of-ipv6-only", "", "dig +short multitool-ipv6-only.default.svc.cluster.local A")
		for _, f := range []string{"4", "6"} {
			probe("http-v"+f, "200", "curl -"+f+" -s -m5 -o /dev/null -w '%{http_code}' http://multitool-dual-stack")
		}
		probe("http-ipv6-only", "200", "curl -s -m5 -o /dev/null -w '%{http_code}' http://multitool-ipv6-only")
		out := l.kubectl(t, "exec", from.name, "--", "sh", "-c", strings.Join(script, "\n"))
		got := map[string]string{}
		for line := range strings.Lines(out) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			got[name] = strings.TrimSpace(value)
		}
		for name, expected := range want {
			if value, answered := got[name]; !answered || value != expected {
				t.Errorf("from %s: %s: %q, want %q", from.node, name, value, expected)
			}
		}
	}
}

func clusterIP(t testing.TB, l *lab, service string, i int) string {
	t.Helper()
	return l.kubectl(t, "get", "service", service, "-o", fmt.Sprintf("jsonpath={.spec.clusterIPs[%d]}", i))
}
