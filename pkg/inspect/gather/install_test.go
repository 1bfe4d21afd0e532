package gather

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func TestParseCNI(t *testing.T) {
	yes, no := true, false
	for name, test := range map[string]struct {
		text string
		want inspect.CNI
	}{
		"the manifest's": {
			text: `{"name": "k8s-pod-network", "plugins": [{"type": "calico", "nodename": "__KUBERNETES_NODE_NAME__", "mtu": __CNI_MTU__,
				"ipam": {"type": "calico-ipam", "assign_ipv4": "true", "assign_ipv6": "false"}}, {"type": "portmap", "snat": true}]}`,
			want: inspect.CNI{IPAM: "calico-ipam", AssignIPv4: &yes, AssignIPv6: &no, PortMap: true},
		},
		"Canal's": {
			text: `{"plugins": [{"type": "calico", "ipam": {"type": "host-local", "ranges": [[{"subnet": "usePodCidr"}], [{"subnet": "usePodCidrIPv6"}]]}}]}`,
			want: inspect.CNI{IPAM: "host-local", Ranges: []string{"usePodCidr", "usePodCidrIPv6"}},
		},
		"an old one, of one plugin": {
			text: `{"type": "calico", "ipam": {"type": "host-local", "subnet": "usePodCidr"}}`,
			want: inspect.CNI{IPAM: "host-local", Ranges: []string{"usePodCidr"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseCNI(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if got, err := parseCNI("{"); err == nil {
		t.Errorf("got %+v of half a configuration", got)
	}
}

// TestPolicyRules: which ranges and families the rules of a policy name, and whether they admit others.
func TestPolicyRules(t *testing.T) {
	block := networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8"}}
	pods := networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{}}
	kubernetes, err := readKubernetesPolicy(&networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{
		PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
		Ingress:     []networkingv1.NetworkPolicyIngressRule{{}, {From: []networkingv1.NetworkPolicyPeer{block, pods}}},
		Egress:      []networkingv1.NetworkPolicyEgressRule{{To: []networkingv1.NetworkPolicyPeer{block}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	nets := parsePrefixes("10.0.0.0/8")
	want := []inspect.PolicyRule{{Number: 1, Action: "Allow"}, {Number: 2, Action: "Allow", Source: inspect.PolicyEnd{Nets: nets}},
		{Number: 2, Action: "Allow", Source: inspect.PolicyEnd{Selected: true, OwnNamespace: true}},
		{Number: 1, Egress: true, Action: "Allow", Destination: inspect.PolicyEnd{Nets: nets}}}
	if diff := cmp.Diff(want, kubernetes.Rules, equal()); diff != "" || !kubernetes.Ingress || !kubernetes.Egress {
		t.Errorf("%+v\n%s", kubernetes, diff)
	}
	global := readGlobalPolicy(calicoObject(groupCRD(), "GlobalNetworkPolicy", "g", map[string]any{
		"egress": []any{
			map[string]any{"action": "Deny", "ipVersion": int64(6), "protocol": "ICMPv6"},
			map[string]any{"action": "Allow", "destination": map[string]any{"nets": []any{"fd00::/8", "10.0.0.0/8"}, "selector": "a == 'b'"}},
		},
	}))
	want = []inspect.PolicyRule{{Number: 1, Egress: true, Action: "Deny", Family: inspect.IPv6, Protocol: "ICMPv6"},
		{Number: 2, Egress: true, Action: "Allow", Destination: inspect.PolicyEnd{Nets: parsePrefixes("fd00::/8,10.0.0.0/8"),
			Selected: true, Selector: "a == 'b'"}}}
	if diff := cmp.Diff(want, global.Rules, equal()); diff != "" || global.Ingress || !global.Egress {
		t.Errorf("%+v\n%s", global, diff)
	}
}

// TestReadContainers: what Calico gave a pod, and why its containers do not run.
func TestReadContainers(t *testing.T) {
	pod := readPod(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
			calico.AnnotationPodIPs: "10.1.1.1/32,fd00::1/128", calico.AnnotationPodPrefix + "ipv6pools": `["v6"]`,
		}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Ports: []corev1.ContainerPort{
			{ContainerPort: 80, HostPort: 8080, HostIP: "0.0.0.0"}, {ContainerPort: 81, HostPort: 8081, HostIP: "::1"},
		}}}},
		Status: corev1.PodStatus{
			ContainerStatuses: []corev1.ContainerStatus{
				{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off\n 5m"}},
					RestartCount: 7, LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
						Reason: "Error", ExitCode: 1, Message: "no icmp6 match"}}},
				{RestartCount: 2, LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "OOM"}}},
			},
		},
	})
	want := inspect.Pod{Created: pod.Created, CalicoCNI: true, CalicoIPs: parseAddrs("10.1.1.1,fd00::1"), Wants: map[string]string{"ipv6pools": `["v6"]`},
		Containers: []string{"c"}, Ports: []inspect.ContainerPort{{Port: 80, HostPort: 8080}, {Port: 81, HostPort: 8081, HostIP: addr("::1")}},
		Waiting: "CrashLoopBackOff: back-off 5m", Restarts: 7, LastExit: "Error (exit code 1): no icmp6 match"}
	if diff := cmp.Diff(want, pod, equal()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
