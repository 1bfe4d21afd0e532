//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// items decodes a list that the plugin printed.
func items[T any](t testing.TB, out string) []T {
	t.Helper()
	var list struct {
		APIVersion string
		Items      []T
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatalf("%v in:\n%s", err, out)
	}
	if list.APIVersion != "dualstack/v1alpha1" {
		t.Errorf("apiVersion %q", list.APIVersion)
	}
	return list.Items
}

func TestPodsAgreeWithKubectl(t *testing.T) {
	l := shared(t)
	var got []string
	for _, p := range items[struct{ Namespace, Name, IPv4, IPv6 string }](t, l.mustPlugin(t, "pods", "-A", "-o", "json")) {
		got = append(got, fmt.Sprintf("%s/%s %s %s", p.Namespace, p.Name, p.IPv4, p.IPv6))
	}
	out := l.kubectl(t, "get", "pods", "-A", "-o",
		`jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {.status.podIPs[0].ip} {.status.podIPs[1].ip}{"\n"}{end}`)
	want := strings.Split(strings.TrimSpace(out), "\n")
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("kubectl (-), the plugin (+)\n%s", d)
	}
}

func TestPodsAgreeWithCalicoctl(t *testing.T) {
	l := shared(t)
	got := map[string]string{}
	for _, p := range items[struct {
		Namespace, Name, Node, IPv4, IPv6, Interface string
		HostNetwork                                  bool
	}](t, l.mustPlugin(t, "pods", "-A", "-o", "json")) {
		if !p.HostNetwork {
			got[p.Namespace+"/"+p.Name] = fmt.Sprintf("%s %s/32,%s/128 %s", p.Node, p.IPv4, p.IPv6, p.Interface)
		}
	}
	var list struct {
		Items []struct {
			Metadata struct{ Namespace string }
			Spec     struct {
				Pod, Node, InterfaceName string
				IPNetworks               []string
			}
		}
	}
	out := l.calicoctl(t, "get", "workloadendpoints", "-A", "-o", "json")
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, i := range list.Items {
		want[i.Metadata.Namespace+"/"+i.Spec.Pod] = fmt.Sprintf("%s %s %s", i.Spec.Node, strings.Join(i.Spec.IPNetworks, ","), i.Spec.InterfaceName)
	}
	if len(want) == 0 {
		t.Error("calicoctl knows no pods")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("calicoctl (-), the plugin (+)\n%s", d)
	}
}

func TestServices(t *testing.T) {
	l := shared(t)
	type counts struct{ Ready, Total int }
	type service struct {
		Name, IPv4, IPv6 string
		IPFamilies       []string
		Endpoints        struct{ IPv4, IPv6 *counts }
	}
	got := map[string]service{}
	for _, s := range items[service](t, l.mustPlugin(t, "services", "-o", "json")) {
		got[s.Name] = s
	}
	only := got["multitool-ipv6-only"]
	if only.IPv4 != "" || only.IPv6 != clusterIP(t, l, "multitool-ipv6-only", 0) || only.Endpoints.IPv4 != nil || only.Endpoints.IPv6 == nil ||
		*only.Endpoints.IPv6 != (counts{3, 3}) || !slices.Equal(only.IPFamilies, []string{"IPv6"}) {
		t.Errorf("multitool-ipv6-only: %+v", only)
	}
	both := got["multitool-dual-stack"]
	if both.IPv4 != clusterIP(t, l, "multitool-dual-stack", 0) || both.IPv6 != clusterIP(t, l, "multitool-dual-stack", 1) ||
		both.Endpoints.IPv4 == nil || both.Endpoints.IPv6 == nil ||
		*both.Endpoints.IPv4 != (counts{3, 3}) || *both.Endpoints.IPv6 != (counts{3, 3}) {
		t.Errorf("multitool-dual-stack: %+v", both)
	}
}

// TestNodesAgreeWithTheKernel compares the computed addresses of the tunnels with those of the devices on the nodes.
func TestNodesAgreeWithTheKernel(t *testing.T) {
	l := shared(t)
	type node struct{ Name, InternalIPv4, InternalIPv6, TunnelIPv4, TunnelIPv6, TunnelMACv4, TunnelMACv6 string }
	nodes := items[node](t, l.mustPlugin(t, "nodes", "-o", "json"))
	if len(nodes) != 3 {
		t.Fatalf("%d nodes", len(nodes))
	}
	for i, n := range nodes {
		if n.InternalIPv4 != fmt.Sprintf("10.10.10.1%d", i) || n.InternalIPv6 != fmt.Sprintf("fd00:10:10::1%d", i) {
			t.Errorf("%s has the internal addresses %s and %s", n.Name, n.InternalIPv4, n.InternalIPv6)
		}
		for device, want := range map[string]string{
			"vxlan.calico": n.TunnelMACv4 + " " + n.TunnelIPv4, "vxlan-v6.calico": n.TunnelMACv6 + " " + n.TunnelIPv6,
		} {
			var links []struct {
				Address  string
				AddrInfo []struct{ Local, Scope string } `json:"addr_info"`
			}
			if err := json.Unmarshal([]byte(docker(t, "exec", n.Name, "ip", "-j", "addr", "show", "dev", device)), &links); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, a := range links[0].AddrInfo {
				if a.Scope == "global" {
					got = links[0].Address + " " + a.Local
				}
			}
			if got != want {
				t.Errorf("%s on %s: the kernel has %s, the plugin %s", device, n.Name, got, want)
			}
		}
	}
}
