package pods

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func equal() cmp.Option { return cmp.Comparer(func(a, b netip.Addr) bool { return a == b }) }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func addrs(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, s := range texts {
		list = append(list, addr(s))
	}
	return list
}

func pools() []inspect.IPPool {
	return []inspect.IPPool{
		{Name: "v4", CIDR: netip.MustParsePrefix("192.168.0.0/16")},
		{Name: "v4-small", CIDR: netip.MustParsePrefix("192.168.7.0/24")},
		{Name: "v6", CIDR: netip.MustParsePrefix("fd00:10:244::/48")},
	}
}

func TestAnalyze(t *testing.T) {
	for name, test := range map[string]struct {
		pod    inspect.Pod
		family inspect.Family
		pools  []inspect.IPPool
		want   *Row
	}{
		"both families, the second one first": {
			pod:   inspect.Pod{Namespace: "n", Name: "p", Node: "w", Phase: "Running", IPs: addrs("fd00:10:244::1", "192.168.0.1")},
			pools: pools(),
			want: &Row{
				Namespace: "n", Name: "p", Node: "w", Phase: "Running", IPv4: addr("192.168.0.1"), IPv6: addr("fd00:10:244::1"),
				PoolIPv4: "v4", PoolIPv6: "v6", Interface: calico.PodInterface("n", "p"),
			},
		},
		"one family": {
			pod:   inspect.Pod{IPs: addrs("fd00:10:244::1")},
			pools: pools(),
			want:  &Row{IPv6: addr("fd00:10:244::1"), PoolIPv6: "v6", Interface: calico.PodInterface("", "")},
		},
		"the smallest of the pools that contain it": {
			pod:   inspect.Pod{IPs: addrs("192.168.7.9")},
			pools: pools(),
			want:  &Row{IPv4: addr("192.168.7.9"), PoolIPv4: "v4-small", Interface: calico.PodInterface("", "")},
		},
		"host network, even where a pool covers the nodes": {
			pod:   inspect.Pod{HostNetwork: true, IPs: addrs("192.168.0.1", "fd00:10:10::1")},
			pools: pools(),
			want:  &Row{HostNetwork: true, IPv4: addr("192.168.0.1"), IPv6: addr("fd00:10:10::1")},
		},
		"another network": {
			pod:   inspect.Pod{IPs: addrs("10.1.1.1")},
			pools: pools(),
			want:  &Row{IPv4: addr("10.1.1.1")},
		},
		"pools unknown, Calico's annotation there": {
			pod:  inspect.Pod{CalicoCNI: true, IPs: addrs("10.1.1.1")},
			want: &Row{IPv4: addr("10.1.1.1"), Interface: calico.PodInterface("", "")},
		},
		"pools unknown, no annotation": {
			pod:  inspect.Pod{IPs: addrs("10.1.1.1")},
			want: &Row{IPv4: addr("10.1.1.1")},
		},
		"finished: the device is gone": {
			pod:   inspect.Pod{Phase: "Succeeded", CalicoCNI: true, IPs: addrs("192.168.0.1")},
			pools: pools(),
			want:  &Row{Phase: "Succeeded", IPv4: addr("192.168.0.1"), PoolIPv4: "v4"},
		},
		"pending": {
			pod:  inspect.Pod{Phase: "Pending", CalicoCNI: true},
			want: &Row{Phase: "Pending"},
		},
		"more than one address of a family: the first": {
			pod:  inspect.Pod{IPs: addrs("10.1.1.1", "10.1.1.2")},
			want: &Row{IPv4: addr("10.1.1.1")},
		},
		"IPv6 only": {
			pod: inspect.Pod{IPs: addrs("192.168.0.1", "fd00:10:244::1")}, family: inspect.IPv6, pools: pools(),
			want: &Row{IPv6: addr("fd00:10:244::1"), PoolIPv6: "v6", Interface: calico.PodInterface("", "")},
		},
		"IPv6 only, and there is none": {
			pod: inspect.Pod{IPs: addrs("192.168.0.1")}, family: inspect.IPv6, pools: pools(),
			want: &Row{Interface: calico.PodInterface("", "")},
		},
		"IPv4 only, and there is no address at all": {
			pod: inspect.Pod{Phase: "Pending"}, family: inspect.IPv4, want: &Row{Phase: "Pending"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Analyze([]inspect.Pod{test.pod}, test.pools, test.family)
			if diff := cmp.Diff([]Row{*test.want}, got.Items, equal()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.Kind != "PodList" {
				t.Errorf("the kind is %s", got.Kind)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	// In the order in which they must come out.
	want := []inspect.Pod{
		{Namespace: "a-b", Node: "n2", Name: "a"}, // before "a", as the API server lists namespaces
		{Namespace: "a", Node: "", Name: "z"},
		{Namespace: "a", Node: "n1", Name: "b"},
		{Namespace: "a", Node: "n1", Name: "c", IPs: addrs("10.0.0.9")},
		{Namespace: "a", Node: "n1", Name: "c", IPs: addrs("10.0.0.10")},
		{Namespace: "a", Node: "n2", Name: "a"},
		{Namespace: "b", Node: "n1", Name: "a"},
	}
	shuffled := []inspect.Pod{want[4], want[6], want[0], want[5], want[3], want[2], want[1]}
	list := Analyze(shuffled, nil, 0)
	expected := make([]Row, len(want))
	for i, pod := range want {
		expected[i] = report(pod, nil, 0)
	}
	if diff := cmp.Diff(expected, list.Items, equal()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestInterface holds names that Calico expects in a test of its own (libcalico-go/lib/backend/k8s/conversion).
func TestInterface(t *testing.T) {
	for _, test := range []struct{ namespace, name, want string }{
		{"default", "podB", "cali92cf1f5e9f6"},
		{"namespace", "podname", "cali82111e10a96"},
	} {
		if got := calico.PodInterface(test.namespace, test.name); got != test.want {
			t.Errorf("calico.PodInterface(%q, %q) = %q, want %q", test.namespace, test.name, got, test.want)
		}
	}
}
