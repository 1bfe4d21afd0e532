package gather

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// EachPod implements Source. It passes on the pods in batches of pageSize, in the order of the API server: by namespace and name, where
// namespaces sort as if a slash followed them ("a-b" before "a").
func (c *Cluster) EachPod(ctx context.Context, req Request, use func([]inspect.Pod) error) error {
	names, selector := req.subject(inspect.FactPods)
	api := c.Kubernetes.CoreV1().Pods(req.Namespace)
	if len(names) > 0 {
		pods := make([]inspect.Pod, 0, len(names))
		for _, name := range names {
			pod, err := api.Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return errorf("get", "pods", req.Namespace, err)
			}
			if req.Node == "" || req.Node == pod.Spec.NodeName {
				pods = append(pods, readPod(pod))
			}
		}
		return use(pods)
	}
	opts := metav1.ListOptions{LabelSelector: selector}
	if req.Node != "" {
		opts.FieldSelector = fields.OneTermEqualSelector("spec.nodeName", req.Node).String()
	}
	var batch []inspect.Pod
	err := eachItem(ctx, api.List, opts, func(pod *corev1.Pod) error {
		batch = append(batch, readPod(pod))
		if len(batch) < pageSize {
			return nil
		}
		err := use(batch)
		batch = nil
		return err
	})
	if len(batch) > 0 { // also those that came before the list broke off
		err = cmp.Or(err, use(batch))
	}
	return errorf("list", "pods", req.Namespace, err)
}

func (g *gatherer) readPods(ctx context.Context) error {
	var all []inspect.Pod
	err := g.cluster.EachPod(ctx, g.req, func(page []inspect.Pod) error {
		all = append(all, page...)
		return nil
	})
	if err != nil {
		return err
	}
	g.snap.Pods = all
	return nil
}

// readPod keeps the fields of a pod that we use.
func readPod(p *corev1.Pod) inspect.Pod {
	pod := inspect.Pod{
		Namespace:   p.Namespace,
		Name:        p.Name,
		UID:         string(p.UID),
		Node:        p.Spec.NodeName,
		Phase:       string(p.Status.Phase),
		HostNetwork: p.Spec.HostNetwork,
		Labels:      p.Labels,
		Ready: slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		}),
	}
	for _, key := range []string{calico.AnnotationPodIP, calico.AnnotationPodIPs, calico.AnnotationContainerID} {
		if _, ok := p.Annotations[key]; ok {
			pod.CalicoCNI = true
		}
	}
	pod.Created = p.CreationTimestamp.UTC()
	pod.CalicoIPs = calicoIPs(p.Annotations)
	pod.Wants = wants(p.Annotations)
	readContainerStatus(&pod, slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses))
	for _, ip := range p.Status.PodIPs {
		if addr, err := netip.ParseAddr(ip.IP); err == nil {
			pod.IPs = append(pod.IPs, addr.Unmap())
		}
	}
	for _, c := range p.Spec.Containers {
		pod.Containers = append(pod.Containers, c.Name)
		for _, port := range c.Ports {
			pod.Ports = append(pod.Ports, inspect.ContainerPort{
				Name: port.Name, Protocol: string(port.Protocol), Port: port.ContainerPort,
				HostPort: port.HostPort, HostIP: hostIP(port.HostIP),
			})
		}
	}
	return pod
}

// hostIP reads the address that a hostPort is limited to. The unspecified ones mean all addresses.
func hostIP(text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	if err != nil || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// calicoIPs reads the addresses that Calico's CNI plugin gave a pod: "10.1.1.1/32,fd00::1/128".
func calicoIPs(annotations map[string]string) []netip.Addr {
	var all []netip.Addr
	for _, p := range parsePrefixes(cmp.Or(annotations[calico.AnnotationPodIPs], annotations[calico.AnnotationPodIP])) {
		all = append(all, p.Addr().Unmap())
	}
	return all
}

// wants reads what a pod asks of Calico's IPAM.
func wants(annotations map[string]string) map[string]string {
	var found map[string]string
	for _, name := range calico.PodRequests() {
		if value, ok := annotations[calico.AnnotationPodPrefix+name]; ok {
			if found == nil {
				found = map[string]string{}
			}
			found[name] = value
		}
	}
	return found
}

// readContainerStatus keeps why a container waits, and how the one that restarted most ended.
func readContainerStatus(pod *inspect.Pod, containers []corev1.ContainerStatus) {
	for _, c := range containers {
		if w := c.State.Waiting; w != nil && pod.Waiting == "" {
			pod.Waiting = reasonOf(w.Reason, w.Message)
		}
		if c.RestartCount <= pod.Restarts {
			continue
		}
		pod.Restarts = c.RestartCount
		if t := c.LastTerminationState.Terminated; t != nil {
			pod.LastExit = reasonOf(fmt.Sprintf("%s (exit code %d)", t.Reason, t.ExitCode), t.Message)
		}
	}
}

func reasonOf(reason, message string) string {
	if message == "" {
		return reason
	}
	return shorten(reason + ": " + message)
}
