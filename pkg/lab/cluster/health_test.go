package cluster

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
)

// started is when the containers of the test's nodes were started.
var started = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func node(name string, ready corev1.ConditionStatus, message string) *corev1.Node {
	return &corev1.Node{ObjectMeta: named("", name), Status: corev1.NodeStatus{
		Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready, Message: message}}}}
}

func lease(name string, renewed time.Time) *coordinationv1.Lease {
	t := metav1.NewMicroTime(renewed)
	return &coordinationv1.Lease{ObjectMeta: named(corev1.NamespaceNodeLease, name), Spec: coordinationv1.LeaseSpec{RenewTime: &t}}
}

func pod(namespace, name string, ready corev1.ConditionStatus, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: named(namespace, name), Spec: corev1.PodSpec{NodeName: "n1"}, Status: corev1.PodStatus{
		Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: ready}},
		ContainerStatuses: []corev1.ContainerStatus{{State: corev1.ContainerState{
			Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(started.Add(5 * time.Second))}}}}}}
	for _, c := range change {
		c(p)
	}
	return p
}

func calicoNode(namespace string, ready int32) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{ObjectMeta: named(namespace, "calico-node"), Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "calico-node", Image: "registry.example:5000/calico/node:v3.28.5"}}}}},
		Status: appsv1.DaemonSetStatus{NumberReady: ready}}
}

func endpoints(name, service string, family discoveryv1.AddressType, ready bool) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "default", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		AddressType: family, Endpoints: []discoveryv1.Endpoint{{Conditions: discoveryv1.EndpointConditions{Ready: &ready}}}}
}

// healthy returns the objects of a cluster of one node in which nothing is wrong.
func healthy() map[string]runtime.Object {
	return map[string]runtime.Object{
		"node": node("n1", corev1.ConditionTrue, ""), "lease": lease("n1", started.Add(time.Second)),
		"calico": calicoNode("kube-system", 1), "dns": pod("kube-system", "coredns-1", corev1.ConditionTrue),
		"tool": pod("default", "multitool-1", corev1.ConditionTrue, func(p *corev1.Pod) { p.Labels = map[string]string{"app": "multitool"} }),
		"ds4":  endpoints("a", "multitool-dual-stack", discoveryv1.AddressTypeIPv4, true),
		"ds6":  endpoints("b", "multitool-dual-stack", discoveryv1.AddressTypeIPv6, true),
		"v6":   endpoints("c", "multitool-ipv6-only", discoveryv1.AddressTypeIPv6, true),
	}
}

func checker(objects map[string]runtime.Object) *Checker {
	var all []runtime.Object
	for _, o := range objects {
		if o != nil {
			all = append(all, o)
		}
	}
	return &Checker{client: fake.NewClientset(all...)}
}

func TestCheck(t *testing.T) {
	waiting := func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image\nmore"}}}}
	}
	tests := []struct {
		name   string
		change func(map[string]runtime.Object)
		want   []string
	}{
		{"nothing", func(map[string]runtime.Object) {}, nil},
		{"a pod that is done", func(o map[string]runtime.Object) {
			o["dns"] = pod("kube-system", "job", corev1.ConditionFalse, func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded })
		}, nil},
		{"a user's own pod", func(o map[string]runtime.Object) { o["mine"] = pod("mine", "broken", corev1.ConditionFalse) }, nil},
		{"Calico by its operator", func(o map[string]runtime.Object) { o["calico"] = calicoNode("calico-system", 1) }, nil},
		{"a node that is not ready", func(o map[string]runtime.Object) { o["node"] = node("n1", corev1.ConditionFalse, "no CNI") },
			[]string{"node n1: not ready: no CNI"}},
		{"a node that has not joined", func(o map[string]runtime.Object) { o["node"] = nil }, []string{"node n1: has not joined the cluster"}},
		{"a node that was restarted and has not reported", func(o map[string]runtime.Object) { o["lease"] = lease("n1", started.Add(-time.Second)) },
			[]string{"node n1: its kubelet has not reported since it was started"}},
		{"a pod whose status is from before the restart", func(o map[string]runtime.Object) {
			o["dns"] = pod("kube-system", "coredns-1", corev1.ConditionTrue, func(p *corev1.Pod) {
				p.Status.ContainerStatuses[0].State.Running.StartedAt = metav1.NewTime(started.Add(-time.Minute))
			})
		}, []string{"pod kube-system/coredns-1: not ready: it has not been started again since its node was"}},
		{"a pod without its image", func(o map[string]runtime.Object) {
			o["dns"] = pod("kube-system", "coredns-1", corev1.ConditionFalse, waiting)
		},
			[]string{"pod kube-system/coredns-1: not ready: ImagePullBackOff: no such image"}},
		{"calico-node on too few nodes", func(o map[string]runtime.Object) { o["calico"] = calicoNode("kube-system", 0) },
			[]string{"calico-node is ready on 0 of 1 nodes"}},
		{"no Calico", func(o map[string]runtime.Object) { o["calico"] = nil }, []string{"calico-node is not installed"}},
		{"an endpoint that is not ready", func(o map[string]runtime.Object) {
			o["v6"] = endpoints("c", "multitool-ipv6-only", discoveryv1.AddressTypeIPv6, false)
		},
			[]string{"service multitool-ipv6-only has 0 of 1 endpoints in IPv6"}},
		{"a family without endpoints", func(o map[string]runtime.Object) { o["ds4"] = nil },
			[]string{"service multitool-dual-stack has 0 of 1 endpoints in IPv4"}},
	}
	members := []Member{{Name: "n1", Started: started}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			objects := healthy()
			tt.change(objects)
			h, err := checker(objects).Check(t.Context(), members)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, h.Problems(members)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestCheckReadsTheVersionFromTheImage(t *testing.T) {
	h, err := checker(healthy()).Check(t.Context(), nil)
	if err != nil || h.Calico != "v3.28.5" {
		t.Errorf("version %q, %v", h.Calico, err)
	}
}

func TestWaitReadySaysWhatWasMissing(t *testing.T) {
	objects := healthy()
	objects["calico"] = nil
	late := errors.New("not ready after 1ms (--wait)")
	ctx, cancel := context.WithCancelCause(t.Context())
	var shown string
	err := checker(objects).WaitReady(ctx, []Member{{Name: "n1", Started: started}}, nil, func(s string) {
		shown = s
		cancel(late)
	})
	if !errors.Is(err, late) || !strings.Contains(err.Error(), "calico-node is not installed") || shown != "calico-node is not installed" {
		t.Errorf("error %v, shown %q", err, shown)
	}
}

func TestWaitReadyAsksTheOtherSideToo(t *testing.T) {
	asked := 0
	err := checker(healthy()).WaitReady(t.Context(), []Member{{Name: "n1", Started: started}}, func(context.Context) ([]string, error) {
		asked++
		if asked < 2 {
			return []string{"n1: vxlan.calico is missing"}, nil
		}
		return nil, nil
	}, func(string) {})
	if err != nil || asked != 2 {
		t.Errorf("error %v after %d questions", err, asked)
	}
}

// TestServiceAddresses: the cluster's DNS and the tools, in both families, by TCP, and nobody else's.
func TestServiceAddresses(t *testing.T) {
	service := func(namespace, name string, labels map[string]string, ips []string, ports ...corev1.ServicePort) *corev1.Service {
		return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
			Spec: corev1.ServiceSpec{ClusterIPs: ips, Ports: ports}}
	}
	port := func(name string, protocol corev1.Protocol, number int32) corev1.ServicePort {
		return corev1.ServicePort{Name: name, Protocol: protocol, Port: number}
	}
	got, err := checker(map[string]runtime.Object{
		"dns": service("kube-system", "kube-dns", map[string]string{"k8s-app": "kube-dns"}, []string{"10.96.0.10"},
			port("dns", corev1.ProtocolUDP, 53), port("dns-tcp", corev1.ProtocolTCP, 53), port("metrics", corev1.ProtocolTCP, 9153)),
		"tool":  service("default", "multitool-dual-stack", map[string]string{"app": "multitool"}, []string{"10.96.1.1", "fd00:10:96::1"}, port("http", corev1.ProtocolTCP, 80)),
		"api":   service("default", "kubernetes", nil, []string{"10.96.0.1"}, port("https", corev1.ProtocolTCP, 443)),
		"other": service("other", "multitool", map[string]string{"app": "multitool"}, []string{"10.96.9.9"}, port("http", corev1.ProtocolTCP, 80)),
	}).ServiceAddresses(t.Context())
	if want := []string{"10.96.0.10 53", "10.96.1.1 80", "fd00:10:96::1 80"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
