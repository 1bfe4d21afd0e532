package services

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func equal() cmp.Option { return cmp.Comparer(func(a, b netip.Addr) bool { return a == b }) }

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// slice returns an endpoint slice of service n/s.
func slice(f inspect.Family, endpoints ...inspect.Endpoint) inspect.EndpointSlice {
	return inspect.EndpointSlice{Namespace: "n", Service: "s", Family: f, Endpoints: endpoints}
}

func endpoint(ready bool, addresses ...string) inspect.Endpoint {
	e := inspect.Endpoint{Ready: ready}
	for _, a := range addresses {
		e.Addresses = append(e.Addresses, addr(a))
	}
	return e
}

func TestAnalyze(t *testing.T) {
	both := []inspect.Family{inspect.IPv4, inspect.IPv6}
	for name, test := range map[string]struct {
		service inspect.Service
		slices  []inspect.EndpointSlice
		missing []inspect.Missing
		family  inspect.Family
		want    *Row // nil: the service is not reported
	}{
		"both families, several slices, distinct addresses": {
			service: inspect.Service{
				Type: "ClusterIP", IPFamilyPolicy: "RequireDualStack", IPFamilies: both,
				ClusterIPs: []netip.Addr{addr("10.96.0.1"), addr("fd00:10:96::1")},
				Ports:      []inspect.ServicePort{{Name: "http", Protocol: "TCP", Port: 80, TargetPort: "web", NodePort: 30080}},
			},
			slices: []inspect.EndpointSlice{
				slice(inspect.IPv4, endpoint(true, "10.0.0.1"), endpoint(false, "10.0.0.2", "10.0.0.3")),
				slice(inspect.IPv4, endpoint(true, "10.0.0.2"), endpoint(false, "10.0.0.1")),
				slice(inspect.IPv6, endpoint(false, "fd00::1")),
				{Namespace: "other", Service: "s", Family: inspect.IPv4, Endpoints: []inspect.Endpoint{endpoint(true, "10.0.0.9")}},
				{Namespace: "n", Service: "other", Family: inspect.IPv4, Endpoints: []inspect.Endpoint{endpoint(true, "10.0.0.9")}},
				{Namespace: "n", Family: inspect.IPv4, Endpoints: []inspect.Endpoint{endpoint(true, "10.0.0.9")}},
			},
			want: &Row{
				Type: "ClusterIP", IPFamilyPolicy: "RequireDualStack", IPFamilies: both,
				IPv4: addr("10.96.0.1"), IPv6: addr("fd00:10:96::1"),
				Ports:     []Port{{Name: "http", Protocol: "TCP", Port: 80, TargetPort: "web", NodePort: 30080}},
				Endpoints: inspect.ByFamily[*Endpoints]{V4: &Endpoints{Ready: 2, Total: 3}, V6: &Endpoints{Ready: 0, Total: 1}},
			},
		},
		"one family, no endpoints: zero of zero in that family": {
			service: inspect.Service{IPFamilies: both[1:], ClusterIPs: []netip.Addr{addr("fd00:10:96::1")}},
			want: &Row{
				IPFamilies: both[1:], IPv6: addr("fd00:10:96::1"), Endpoints: inspect.ByFamily[*Endpoints]{V6: &Endpoints{}},
			},
		},
		"headless": {
			service: inspect.Service{Headless: true, IPFamilies: both[:1]},
			slices:  []inspect.EndpointSlice{slice(inspect.IPv4, endpoint(true, "10.0.0.1"))},
			want: &Row{Headless: true, IPFamilies: both[:1],
				Endpoints: inspect.ByFamily[*Endpoints]{V4: &Endpoints{Ready: 1, Total: 1}}},
		},
		"without a selector: slices of a family that it does not have count too": {
			service: inspect.Service{IPFamilies: both[:1]},
			slices:  []inspect.EndpointSlice{slice(inspect.IPv6, endpoint(true, "fd00::1"))},
			want: &Row{IPFamilies: both[:1],
				Endpoints: inspect.ByFamily[*Endpoints]{V4: &Endpoints{}, V6: &Endpoints{Ready: 1, Total: 1}}},
		},
		"an external name has neither addresses nor endpoints": {
			service: inspect.Service{Type: "ExternalName", ExternalName: "example.test"},
			slices:  []inspect.EndpointSlice{slice(0, endpoint(true))},
			want:    &Row{Type: "ExternalName"},
		},
		"endpoints that could not be read are not zero": {
			service: inspect.Service{IPFamilies: both},
			missing: []inspect.Missing{{Fact: inspect.FactEndpointSlices, Reason: "no permission"}},
			want:    &Row{IPFamilies: both},
		},
		"IPv6 only": {
			service: inspect.Service{IPFamilies: both, ClusterIPs: []netip.Addr{addr("10.96.0.1"), addr("fd00:10:96::1")}},
			slices:  []inspect.EndpointSlice{slice(inspect.IPv4, endpoint(true, "10.0.0.1"))},
			family:  inspect.IPv6,
			want: &Row{IPFamilies: both, IPv6: addr("fd00:10:96::1"),
				Endpoints: inspect.ByFamily[*Endpoints]{V6: &Endpoints{}}},
		},
		"IPv6 only, and it has none": {
			service: inspect.Service{IPFamilies: both[:1]}, family: inspect.IPv6, want: &Row{IPFamilies: both[:1]},
		},
		"external addresses": {
			service: inspect.Service{Type: "LoadBalancer", IPFamilies: both, Ingress: []netip.Addr{addr("192.0.2.1"), addr("2001:db8::5")},
				ExternalIPs: []netip.Addr{addr("192.0.2.9"), addr("192.0.2.1")}, IngressNames: []string{"lb.example"}},
			want: &Row{Type: "LoadBalancer", IPFamilies: both, ExternalNames: []string{"lb.example"}, External: inspect.ByFamily[[]netip.Addr]{
				V4: []netip.Addr{addr("192.0.2.1"), addr("192.0.2.9")}, V6: []netip.Addr{addr("2001:db8::5")}},
				Endpoints: inspect.ByFamily[*Endpoints]{V4: &Endpoints{}, V6: &Endpoints{}}},
		},
		"external addresses of one family": {
			family:  inspect.IPv6,
			service: inspect.Service{Type: "LoadBalancer", IPFamilies: both[:1], Ingress: []netip.Addr{addr("192.0.2.1")}},
			want:    &Row{Type: "LoadBalancer", IPFamilies: both[:1]},
		},
	} {
		t.Run(name, func(t *testing.T) {
			test.service.Namespace, test.service.Name = "n", "s"
			got := Analyze(&inspect.Snapshot{
				Services: []inspect.Service{test.service}, EndpointSlices: test.slices, Missing: test.missing,
			}, test.family)
			test.want.Namespace, test.want.Name = "n", "s"
			if diff := cmp.Diff([]Row{*test.want}, got.Items, equal()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if got.Kind != "ServiceList" {
				t.Errorf("the kind is %s", got.Kind)
			}
		})
	}
}

func TestOrder(t *testing.T) {
	list := Analyze(&inspect.Snapshot{Services: []inspect.Service{
		{Namespace: "b", Name: "a"}, {Namespace: "a", Name: "c"}, {Namespace: "a", Name: "b"},
	}}, 0)
	var got string
	for _, row := range list.Items {
		got += row.Namespace + "/" + row.Name + " "
	}
	if got != "a/b a/c b/a " {
		t.Errorf("the order is %s", got)
	}
}
