package gather

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func TestReadNode(t *testing.T) {
	for name, test := range map[string]struct {
		node corev1.Node
		want inspect.Node
	}{
		"both families": {
			node: corev1.Node{
				ObjectMeta: metav1.ObjectMeta{
					Name: "worker",
					Annotations: map[string]string{
						calico.AnnotationIPv4Address: "10.10.10.11/24", calico.AnnotationIPv6Address: "fd00:10:10:0::11/64",
						calico.AnnotationIPv4Tunnel: "192.168.59.192", calico.AnnotationIPv6Tunnel: "fd00:10:244:1b38::4d00",
						calico.AnnotationTunnelMACv6: "66:EE:A7:EF:78:65",
					},
					Labels: map[string]string{
						"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/": "", "kubernetes.io/role": "edge",
						"node-role.kubernetes.io/edge": "",
					},
				},
				Spec: corev1.NodeSpec{PodCIDRs: []string{"192.168.1.7/24", "what"}},
				Status: corev1.NodeStatus{
					NodeInfo:   corev1.NodeSystemInfo{OperatingSystem: "linux", KernelVersion: "6.1.0"},
					Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
					Addresses: []corev1.NodeAddress{
						{Type: corev1.NodeHostName, Address: "worker"},
						{Type: corev1.NodeInternalIP, Address: "10.10.10.11"},
						{Type: corev1.NodeInternalIP, Address: "nonsense"},
						{Type: corev1.NodeInternalIP, Address: "fd00:10:10:0::11"},
						{Type: corev1.NodeExternalIP, Address: "192.0.2.1"},
					},
				},
			},
			want: inspect.Node{
				Name: "worker", Roles: []string{"edge", "worker"}, Ready: true, OS: "linux", KernelVersion: "6.1.0",
				Labels: map[string]string{
					"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/": "", "kubernetes.io/role": "edge",
					"node-role.kubernetes.io/edge": "",
				},
				InternalIPs: []netip.Addr{addr("10.10.10.11"), addr("fd00:10:10::11")},
				PodCIDRs:    []netip.Prefix{prefix("192.168.1.0/24")},
				Address:     inspect.ByFamily[netip.Prefix]{V4: prefix("10.10.10.11/24"), V6: prefix("fd00:10:10::11/64")},
				Tunnel:      inspect.ByFamily[netip.Addr]{V4: addr("192.168.59.192"), V6: addr("fd00:10:244:1b38::4d00")},
				TunnelMAC:   inspect.ByFamily[inspect.MAC]{V6: inspect.MAC{0x66, 0xee, 0xa7, 0xef, 0x78, 0x65}},
			},
		},
		"broken annotations count as absent": {
			node: corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "broken", Annotations: map[string]string{
				calico.AnnotationIPv4Address: "10.10.10.11/33",
				calico.AnnotationIPv6Address: "10.10.10.11/24", // the other family
				calico.AnnotationIPv4Tunnel:  "192.168.59.192/32",
				calico.AnnotationIPv6Tunnel:  "fe80::1%eth0",
				calico.AnnotationTunnelMACv4: "66:ee:a7",
				calico.AnnotationTunnelMACv6: "00:00:00:00:00:00:00:01", // EUI-64
			}}},
			want: inspect.Node{Name: "broken"},
		},
		"an address without a length is that of one host; mapped addresses are of neither family": {
			node: corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "host", Annotations: map[string]string{
				calico.AnnotationIPv4Address: "10.10.10.11", calico.AnnotationIPv6Address: "::ffff:10.10.10.11",
				calico.AnnotationIPv4Tunnel: "::ffff:192.168.0.1",
			}}},
			want: inspect.Node{Name: "host", Address: inspect.ByFamily[netip.Prefix]{V4: prefix("10.10.10.11/32")}},
		},
		"a Windows node": {
			node: corev1.Node{
				ObjectMeta: metav1.ObjectMeta{Name: "windows"},
				Status: corev1.NodeStatus{
					NodeInfo:   corev1.NodeSystemInfo{OperatingSystem: "windows"},
					Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}},
				},
			},
			want: inspect.Node{Name: "windows", OS: "windows"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, readNode(&test.node), equal()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReadPod(t *testing.T) {
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "p", UID: "u", Labels: map[string]string{"a": "b"},
			Annotations: map[string]string{calico.AnnotationContainerID: "0123"}},
		Spec: corev1.PodSpec{
			NodeName: "worker", HostNetwork: true,
			InitContainers: []corev1.Container{{Name: "init"}}, Containers: []corev1.Container{
				{Name: "one", Ports: []corev1.ContainerPort{{Name: "web", ContainerPort: 80, Protocol: "TCP"}}},
				{Name: "two"},
			},
		},
		Status: corev1.PodStatus{
			Phase:      corev1.PodRunning,
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
			PodIPs:     []corev1.PodIP{{IP: "fd00:0::1"}, {IP: "oops"}, {IP: "::ffff:10.0.0.1"}},
		},
	}
	want := inspect.Pod{
		Namespace: "n", Name: "p", UID: "u", Node: "worker", Phase: "Running", Ready: true, HostNetwork: true, CalicoCNI: true,
		IPs: []netip.Addr{addr("fd00::1"), addr("10.0.0.1")}, Labels: map[string]string{"a": "b"},
		Containers: []string{"one", "two"},
		Ports:      []inspect.ContainerPort{{Name: "web", Protocol: "TCP", Port: 80}},
	}
	if diff := cmp.Diff(want, readPod(&pod), equal()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(inspect.Pod{}, readPod(&corev1.Pod{}), equal()); diff != "" {
		t.Errorf("an empty pod: -want +got:\n%s", diff)
	}
}

func TestReadService(t *testing.T) {
	policy := corev1.IPFamilyPolicyPreferDualStack
	for name, test := range map[string]struct {
		service corev1.Service
		want    inspect.Service
	}{
		"dual stack": {
			service: corev1.Service{
				ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "s", Labels: map[string]string{"a": "b"}},
				Spec: corev1.ServiceSpec{
					Type: corev1.ServiceTypeNodePort, IPFamilyPolicy: &policy, Selector: map[string]string{"c": "d"},
					IPFamilies: []corev1.IPFamily{"IPv6", "IPv4", "IPv5"},
					ClusterIP:  "fd00:10:96::1", ClusterIPs: []string{"fd00:10:96::1", "10.96.0.1", "x"},
					Ports: []corev1.ServicePort{
						{Name: "http", Protocol: "TCP", Port: 80, NodePort: 30080, TargetPort: intstr.FromString("web")},
						{Protocol: "UDP", Port: 53, TargetPort: intstr.FromInt32(5353)},
						{Protocol: "TCP", Port: 81},
					},
				},
			},
			want: inspect.Service{
				Namespace: "n", Name: "s", Labels: map[string]string{"a": "b"}, Type: "NodePort",
				IPFamilyPolicy: "PreferDualStack", Selector: map[string]string{"c": "d"},
				IPFamilies: []inspect.Family{inspect.IPv6, inspect.IPv4},
				ClusterIPs: []netip.Addr{addr("fd00:10:96::1"), addr("10.96.0.1")},
				Ports: []inspect.ServicePort{
					{Name: "http", Protocol: "TCP", Port: 80, NodePort: 30080, TargetPort: "web"},
					{Protocol: "UDP", Port: 53, TargetPort: "5353"},
					{Protocol: "TCP", Port: 81},
				},
			},
		},
		"headless": {
			service: corev1.Service{Spec: corev1.ServiceSpec{ClusterIP: "None", ClusterIPs: []string{"None"}}},
			want:    inspect.Service{Headless: true},
		},
		"external": {
			service: corev1.Service{Spec: corev1.ServiceSpec{Type: "ExternalName", ExternalName: "example.test"}},
			want:    inspect.Service{Type: "ExternalName", ExternalName: "example.test"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, readService(&test.service), equal()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReadEndpointSlice(t *testing.T) {
	yes, no, node, port, protocol := true, false, "worker", int32(80), corev1.ProtocolTCP
	slice := discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "n", Name: "s-1", Labels: map[string]string{discoveryv1.LabelServiceName: "s"}},
		AddressType: discoveryv1.AddressTypeIPv6,
		Ports:       []discoveryv1.EndpointPort{{Port: &port, Protocol: &protocol}, {}},
		Endpoints: []discoveryv1.Endpoint{
			{
				Addresses: []string{"fd00::1", "10.0.0.1"}, NodeName: &node, Conditions: discoveryv1.EndpointConditions{Ready: &yes},
				TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "p"},
			},
			{Addresses: []string{"fd00::2"}, Conditions: discoveryv1.EndpointConditions{Ready: &no},
				TargetRef: &corev1.ObjectReference{Kind: "Node", Name: "worker"}},
			{Addresses: []string{"fd00::3"}}, // no condition counts as ready
			{Addresses: []string{"fd00::4"}, Conditions: discoveryv1.EndpointConditions{Ready: &no, Serving: &yes, Terminating: &yes}},
			{Addresses: []string{"fd00::5"}, Conditions: discoveryv1.EndpointConditions{Ready: &no, Serving: &no, Terminating: &yes}},
		},
	}
	want := inspect.EndpointSlice{
		Namespace: "n", Name: "s-1", Service: "s", Family: inspect.IPv6,
		Ports: []inspect.EndpointPort{{Protocol: "TCP", Port: 80}, {}},
		Endpoints: []inspect.Endpoint{
			{Addresses: []netip.Addr{addr("fd00::1")}, Ready: true, Node: "worker", Pod: "p"},
			{Addresses: []netip.Addr{addr("fd00::2")}},
			{Addresses: []netip.Addr{addr("fd00::3")}, Ready: true},
			{Addresses: []netip.Addr{addr("fd00::4")}, Ends: true},
			{Addresses: []netip.Addr{addr("fd00::5")}},
		},
	}
	if diff := cmp.Diff(want, readEndpointSlice(&slice), equal()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	names := discoveryv1.EndpointSlice{
		AddressType: discoveryv1.AddressTypeFQDN, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"example.test"}}},
	}
	want = inspect.EndpointSlice{Endpoints: []inspect.Endpoint{{Ready: true}}}
	if diff := cmp.Diff(want, readEndpointSlice(&names), equal()); diff != "" {
		t.Errorf("host names: -want +got:\n%s", diff)
	}
}

func TestReadPool(t *testing.T) {
	for name, test := range map[string]struct {
		spec map[string]any
		want *inspect.IPPool
	}{
		"defaults of IPv6": {
			spec: map[string]any{"cidr": "FD00:10:244:0::1/48"},
			want: &inspect.IPPool{
				Name: "pool", CIDR: prefix("fd00:10:244::/48"), BlockSize: 122, IPIPMode: "Never", VXLANMode: "Never",
				NodeSelector: "all()", AllowedUses: []string{"Workload", "Tunnel"},
			},
		},
		"everything set": {
			spec: map[string]any{
				"cidr": "192.168.0.0/16", "blockSize": int64(24), "ipipMode": "Always", "vxlanMode": "CrossSubnet",
				"natOutgoing": true, "disabled": true, "disableBGPExport": true, "nodeSelector": "has(x)",
				"allowedUses": []any{"LoadBalancer"}, "assignmentMode": "Manual", "fromTheFuture": map[string]any{},
			},
			want: &inspect.IPPool{
				Name: "pool", CIDR: prefix("192.168.0.0/16"), BlockSize: 24, IPIPMode: "Always", VXLANMode: "CrossSubnet",
				NATOutgoing: true, Disabled: true, DisableBGPExport: true, NodeSelector: "has(x)",
				AllowedUses: []string{"LoadBalancer"}, AssignmentMode: "Manual",
			},
		},
		"no CIDR":       {spec: map[string]any{"cidr": "192.168.0.0"}},
		"no spec":       {},
		"another shape": {spec: map[string]any{"cidr": int64(7)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := readPool(calicoObject(groupCRD(), "IPPool", "pool", test.spec))
			if ok != (test.want != nil) {
				t.Fatalf("readPool reports %v", ok)
			}
			if test.want == nil {
				return
			}
			if diff := cmp.Diff(*test.want, got, equal()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestReadSpecTolerates: fields that we do not use may be of any type, since Calico's newer versions may change them; an
// object of which a field cannot be read that we use is left out as a whole.
func TestReadSpecTolerates(t *testing.T) {
	for name, test := range map[string]struct {
		field string
		value any
		want  bool
	}{
		"nothing odd":                      {want: true},
		"a field that nobody knows":        {"routesFrom", []any{1}, true},
		"another type where nobody looks":  {"ipip", "always", true},
		"and in a field of later versions": {"assignmentMode", map[string]any{}, true},
		"a mode that is a number":          {"vxlanMode", int64(1), false},
		"no text for a CIDR":               {"cidr", []any{}, false},
		"uses that are a text":             {"allowedUses", "Workload", false},
	} {
		t.Run(name, func(t *testing.T) {
			o := calicoObject(groupCRD(), "IPPool", "v4", map[string]any{"cidr": "192.168.0.0/16", "vxlanMode": "Always"})
			if test.field != "" {
				o.Object["spec"].(map[string]any)[test.field] = test.value
			}
			pool, ok := readPool(o)
			if ok != test.want || ok && (pool.VXLANMode != inspect.EncapAlways || pool.CIDR != prefix("192.168.0.0/16")) {
				t.Errorf("got %+v, %v", pool, ok)
			}
			if _, changed := o.Object["spec"].(map[string]any)[test.field]; test.field != "" && !changed {
				t.Error("the object itself was changed")
			}
		})
	}
	felix := calicoObject(groupCRD(), "FelixConfiguration", "default", map[string]any{
		"vxlanVNI": int64(5000), "netlinkTimeout": int64(5), "healthTimeoutOverrides": "none", "bpfDataIfacePattern": []any{},
	})
	if s, ok := readFelixConfiguration(felix); !ok || s.VXLANVNI == nil || *s.VXLANVNI != 5000 {
		t.Errorf("got %+v, %v", s, ok)
	}
}

func TestReadBlock(t *testing.T) {
	attributes := []any{
		map[string]any{"handle_id": "vxlan-tunnel-addr-a", "secondary": map[string]any{"node": "a", "type": "vxlanTunnelAddress"}},
		map[string]any{"handle_id": "k8s-pod-network.1", "secondary": map[string]any{"node": "b", "namespace": "n", "pod": "p"}},
		map[string]any{"handle_id": nil, "secondary": nil},
	}
	for name, test := range map[string]struct {
		spec map[string]any
		want *inspect.IPAMBlock
	}{
		"a node's, with an address that another node has borrowed": {
			spec: map[string]any{
				"cidr": "192.168.0.64/30", "affinity": "host:a", "attributes": attributes,
				"allocations": []any{int64(0), nil, int64(1), int64(2), int64(0)}, // the fifth is none of the block's
			},
			want: &inspect.IPAMBlock{CIDR: prefix("192.168.0.64/30"), Node: "a", Allocations: []inspect.Allocation{
				{IP: addr("192.168.0.64"), Node: "a", Handle: "vxlan-tunnel-addr-a", Type: "vxlanTunnelAddress"},
				{IP: addr("192.168.0.66"), Node: "b", Handle: "k8s-pod-network.1", Namespace: "n", Pod: "p"},
				{IP: addr("192.168.0.67")},
			}},
		},
		"IPv6, virtual, with attributes that are not there": {
			spec: map[string]any{
				"cidr": "fd00:10:244:ff::40/122", "affinity": "virtual:load-balancer", "allocations": []any{nil, int64(7), int64(-1)},
			},
			want: &inspect.IPAMBlock{CIDR: prefix("fd00:10:244:ff::40/122"), Affinity: "virtual:load-balancer",
				Allocations: []inspect.Allocation{{IP: addr("fd00:10:244:ff::41")}, {IP: addr("fd00:10:244:ff::42")}}},
		},
		"nobody's": {
			spec: map[string]any{"cidr": "192.168.0.0/26", "affinity": nil},
			want: &inspect.IPAMBlock{CIDR: prefix("192.168.0.0/26")},
		},
		"deleted": {spec: map[string]any{"cidr": "192.168.0.0/26", "deleted": true}},
		"no CIDR": {spec: map[string]any{"cidr": "here"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := readBlock(calicoObject(groupCRD(), "IPAMBlock", "block", test.spec))
			if ok != (test.want != nil) {
				t.Fatalf("readBlock reports %v", ok)
			}
			if test.want == nil {
				return
			}
			if diff := cmp.Diff(*test.want, got, equal()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReadFelixEnv(t *testing.T) {
	number := func(n int) *int { return &n }
	boolean := func(b bool) *bool { return &b }
	env := map[string]string{
		"FELIX_VXLANVNI": "5000", "FELIX_VXLANPORT": " 4790 ", "FELIX_VXLANMTU": "", "FELIX_VXLANMTUV6": "auto",
		"felix_VXLANEnabled": "YES", "FELIX_IPV6SUPPORT": "false", "FELIX_BPFENABLED": "maybe",
		"FELIX_WIREGUARDENABLED": "t", "FELIX_WIREGUARDENABLEDV6": "0", "FELIX_DEVICEROUTEPROTOCOL": "80",
		"FELIX_ROUTESYNCDISABLED": "1", "FELIX_ROUTESOURCE": "WorkloadIPs", "FELIX_MTUIFACEPATTERN": "^eth.*",
		"FELIX_LOGSEVERITYSCREEN": "info",
	}
	want := inspect.FelixSettings{
		VXLANVNI: number(5000), VXLANPort: number(4790), VXLANEnabled: boolean(true), IPv6Support: boolean(false),
		WireGuardEnabled: boolean(true), WireGuardEnabledV6: boolean(false), DeviceRouteProtocol: number(80),
		RouteSyncDisabled: boolean(true), RouteSource: "WorkloadIPs", MTUIfacePattern: "^eth.*",
	}
	if diff := cmp.Diff(want, readFelixEnv(env)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestImageTag(t *testing.T) {
	for image, want := range map[string]string{
		"calico/node:v3.28.5":                    "v3.28.5",
		"registry.test:5000/calico/node:v3.30.1": "v3.30.1",
		"registry.test:5000/calico/node":         "",
		"calico/node@sha256:0123":                "",
		"registry.test/calico/node:v3.31.0-arm@sha256:" + strings.Repeat("01", 32): "v3.31.0-arm",
		"": "",
	} {
		ds := &appsv1.DaemonSet{}
		ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: calico.NodeName, Image: image}}
		if got := imageTag(ds); got != want {
			t.Errorf("imageTag(%q) = %q, want %q", image, got, want)
		}
	}
	if got := imageTag(&appsv1.DaemonSet{}); got != "" {
		t.Errorf("a DaemonSet without the container has the tag %q", got)
	}
}

// TestLabIsNoTrap: what stands in the lab's record is no reason to probe this machine, or everybody.
func TestLabIsNoTrap(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255", "1.1.1.1; rm -rf /", "::ffff:127.0.0.1"} {
		if lab := parseLab(map[string]string{"externalIPv4": address, "gatewayIPv4": address}); lab != (inspect.Lab{}) {
			t.Errorf("%s: got %v", address, lab)
		}
	}
	for _, address := range []string{"::", "::1", "fe80::1", "fe80::1%eth0", "ff02::1", "::ffff:127.0.0.1", "::ffff:1.1.1.1"} {
		if lab := parseLab(map[string]string{"externalIPv6": address, "gatewayIPv6": address}); lab != (inspect.Lab{}) {
			t.Errorf("%s: got %v", address, lab)
		}
	}
}

func TestParseLab(t *testing.T) {
	got := parseLab(map[string]string{
		"name": "dual-stack", "externalIPv4": "1.1.1.1", "externalIPv6": "2001:db8::1", "gatewayIPv4": "10.10.10.1",
		"gatewayIPv6": "10.10.10.1", "fabricIPv4": "10.10.10.0/24", "fabricIPv6": "fd00:10:10::/64",
	})
	want := inspect.Lab{
		Name:     "dual-stack",
		External: inspect.ByFamily[netip.Addr]{V4: addr("1.1.1.1"), V6: addr("2001:db8::1")},
		Gateway:  inspect.ByFamily[netip.Addr]{V4: addr("10.10.10.1")}, // the other one is of the wrong family
		Fabric:   inspect.ByFamily[netip.Prefix]{V4: prefix("10.10.10.0/24"), V6: prefix("fd00:10:10::/64")},
	}
	if diff := cmp.Diff(want, got, equal()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
