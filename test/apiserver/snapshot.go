package apiserver

import (
	"fmt"
	"net/netip"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The names that Calico's manifest gives to calico-node.
const (
	calicoNode      = "calico-node"
	calicoNamespace = metav1.NamespaceSystem
	calicoConfig    = "calico-config"
	calicoVersion   = "crd.projectcalico.org/v1"
)

// Objects returns the objects of a cluster from which the facts of a snapshot can be gathered, its nodes served by the
// kubelet at a port of the loopback: see Answers.
func Objects(s *inspect.Snapshot, kubeletPort int) ([]*unstructured.Unstructured, error) {
	typed := []runtime.Object{calicoDaemonSet()}
	for i := range s.Nodes {
		typed = append(typed, node(&s.Nodes[i], kubeletPort), calicoPod(s.Nodes[i].Name))
	}
	for i := range s.Services {
		typed = append(typed, service(&s.Services[i]))
	}
	for i := range s.EndpointSlices {
		typed = append(typed, endpointSlice(&s.EndpointSlices[i]))
	}
	typed = append(typed, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: calicoNamespace, Name: calicoConfig},
		Data:       map[string]string{"veth_mtu": "0"},
	})
	objects := make([]*unstructured.Unstructured, 0, len(typed))
	for _, o := range typed {
		u, err := untyped(o)
		if err != nil {
			return nil, err
		}
		objects = append(objects, u)
	}
	return append(objects, calicoObjects(s)...), nil
}

// Answers returns a Kubelet's answers for the nodes of a snapshot: the output of the script on each.
func Answers(s *inspect.Snapshot) (func(pod string) ([]byte, error), error) {
	byPod := map[string][]byte{}
	for name, table := range s.Tables {
		text, err := printed(table)
		if err != nil {
			return nil, err
		}
		byPod[CalicoPodName(name)] = text
	}
	return func(pod string) ([]byte, error) {
		text, ok := byPod[pod]
		if !ok {
			return nil, fmt.Errorf("pod %q has no tables", pod)
		}
		return text, nil
	}, nil
}

// untyped converts an object, with its kind.
func untyped(o runtime.Object) (*unstructured.Unstructured, error) {
	kinds, _, err := scheme.Scheme.ObjectKinds(o)
	if err != nil {
		return nil, err
	}
	o.GetObjectKind().SetGroupVersionKind(kinds[0])
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	return &unstructured.Unstructured{Object: fields}, err
}

func node(n *inspect.Node, kubeletPort int) *corev1.Node {
	o := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: n.Labels, Annotations: map[string]string{}}}
	for key, value := range map[string]fmt.Stringer{
		"projectcalico.org/IPv4Address": n.Address.V4, "projectcalico.org/IPv6Address": n.Address.V6,
		"projectcalico.org/IPv4VXLANTunnelAddr": n.Tunnel.V4, "projectcalico.org/IPv6VXLANTunnelAddr": n.Tunnel.V6,
	} {
		if valid, ok := value.(interface{ IsValid() bool }); ok && valid.IsValid() {
			o.Annotations[key] = value.String()
		}
	}
	ready := corev1.ConditionFalse
	if n.Ready {
		ready = corev1.ConditionTrue
	}
	o.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}
	o.Status.NodeInfo.OperatingSystem = n.OS
	o.Status.DaemonEndpoints.KubeletEndpoint.Port = int32(kubeletPort)
	o.Status.Addresses = []corev1.NodeAddress{{Type: kubeletAddressType, Address: "127.0.0.1"}}
	for _, ip := range n.InternalIPs {
		o.Status.Addresses = append(o.Status.Addresses,
			corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: ip.String()})
	}
	return o
}

// CalicoPodName is the name of the calico-node pod of a node.
func CalicoPodName(node string) string { return calicoNode + "-" + node }

func calicoPod(node string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: calicoNamespace, Name: CalicoPodName(node), Labels: map[string]string{"k8s-app": calicoNode},
			// Create puts in the UID that the server gave the DaemonSet.
			OwnerReferences: []metav1.OwnerReference{
				*metav1.NewControllerRef(calicoDaemonSet(), appsv1.SchemeGroupVersion.WithKind("DaemonSet")),
			},
		},
		Spec:   corev1.PodSpec{NodeName: node, HostNetwork: true, Containers: []corev1.Container{calicoContainer()}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
}

// calicoContainer sets the MTU, as the manifest does, by a ConfigMap: 0 is "find out".
func calicoContainer() corev1.Container {
	mtu := &corev1.ConfigMapKeySelector{Key: "veth_mtu"}
	mtu.Name = calicoConfig
	return corev1.Container{Name: calicoNode, Image: "calico/node:v3.28.5", Env: []corev1.EnvVar{
		{Name: "FELIX_VXLANMTU", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: mtu}},
		{Name: "FELIX_IPV6SUPPORT", Value: "true"},
	}}
}

func calicoDaemonSet() *appsv1.DaemonSet {
	labels := map[string]string{"k8s-app": calicoNode}
	o := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: calicoNamespace, Name: calicoNode}}
	o.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
	o.Spec.Template.Labels = labels
	o.Spec.Template.Spec.Containers = []corev1.Container{calicoContainer()}
	return o
}

func service(s *inspect.Service) *corev1.Service {
	policy := corev1.IPFamilyPolicy(s.IPFamilyPolicy)
	o := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name},
		Spec: corev1.ServiceSpec{Type: corev1.ServiceType(s.Type), IPFamilyPolicy: &policy, Selector: s.Selector,
			ClusterIP: s.ClusterIPs[0].String()},
	}
	for _, ip := range s.ClusterIPs {
		o.Spec.ClusterIPs = append(o.Spec.ClusterIPs, ip.String())
	}
	for _, f := range s.IPFamilies {
		o.Spec.IPFamilies = append(o.Spec.IPFamilies, corev1.IPFamily(f.String()))
	}
	for _, p := range s.Ports {
		o.Spec.Ports = append(o.Spec.Ports, corev1.ServicePort{Name: p.Name, Port: p.Port})
	}
	return o
}

func endpointSlice(s *inspect.EndpointSlice) *discoveryv1.EndpointSlice {
	o := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace, Name: s.Name, Labels: map[string]string{discoveryv1.LabelServiceName: s.Service},
		},
		AddressType: discoveryv1.AddressType(s.Family.String()),
	}
	for _, p := range s.Ports {
		o.Ports = append(o.Ports, discoveryv1.EndpointPort{Name: &p.Name, Port: &p.Port})
	}
	for _, e := range s.Endpoints {
		endpoint := discoveryv1.Endpoint{Conditions: discoveryv1.EndpointConditions{Ready: &e.Ready}}
		for _, a := range e.Addresses {
			endpoint.Addresses = append(endpoint.Addresses, a.String())
		}
		o.Endpoints = append(o.Endpoints, endpoint)
	}
	return o
}

func calicoObjects(s *inspect.Snapshot) []*unstructured.Unstructured {
	objects := []*unstructured.Unstructured{
		calicoObject("ClusterInformation", "default", map[string]any{"calicoVersion": s.Calico.Version}),
		calicoObject("FelixConfiguration", "default", map[string]any{}),
	}
	for _, p := range s.Pools {
		objects = append(objects, calicoObject("IPPool", p.Name, map[string]any{
			"cidr": p.CIDR.String(), "blockSize": int64(p.BlockSize), "vxlanMode": string(p.VXLANMode),
			"natOutgoing": p.NATOutgoing,
		}))
	}
	for i := range s.Blocks {
		objects = append(objects, block(&s.Blocks[i], i))
	}
	return objects
}

// block lists an entry for each address of the block: nil for a free one, else the index of its attributes.
func block(b *inspect.IPAMBlock, i int) *unstructured.Unstructured {
	used := map[netip.Addr]inspect.Allocation{}
	for _, a := range b.Allocations {
		used[a.IP] = a
	}
	allocations, attributes, free := []any{}, []any{}, []any{}
	ip := b.CIDR.Addr()
	for n := range 1 << (b.Family().Bits() - b.CIDR.Bits()) {
		if a, ok := used[ip]; ok {
			allocations = append(allocations, int64(len(attributes)))
			attributes = append(attributes, map[string]any{"handle_id": a.Handle, "secondary": map[string]any{
				"node": a.Node, "type": a.Type, "namespace": a.Namespace, "pod": a.Pod,
			}})
		} else {
			allocations = append(allocations, nil)
			free = append(free, int64(n))
		}
		ip = ip.Next()
	}
	return calicoObject("IPAMBlock", fmt.Sprintf("block-%d", i), map[string]any{
		"cidr": b.CIDR.String(), "affinity": "host:" + b.Node, "deleted": false, "strictAffinity": false,
		"allocations": allocations, "attributes": attributes, "unallocated": free,
	})
}

func calicoObject(kind, name string, spec map[string]any) *unstructured.Unstructured {
	o := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	o.SetGroupVersionKind(schema.FromAPIVersionAndKind(calicoVersion, kind))
	o.SetName(name)
	return o
}
