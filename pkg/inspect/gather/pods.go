package gather

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

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
	share := newSharer()
	err := g.cluster.EachPod(ctx, g.req, func(page []inspect.Pod) error {
		for i := range page {
			share.pod(&page[i])
		}
		all = append(all, page...)
		return nil
	})
	if err != nil {
		return err
	}
	g.snap.Pods = all
	return nil
}

// sharer makes pods share what is equal in them: the labels of a workload's pods are half of what pods take.
type sharer struct {
	strings map[string]string
	sets    map[string]map[string]string
	key     []byte
}

func newSharer() *sharer {
	return &sharer{strings: map[string]string{}, sets: map[string]map[string]string{}}
}

func (s *sharer) pod(p *inspect.Pod) {
	for _, text := range []*string{&p.Namespace, &p.Node, &p.Phase, &p.Waiting, &p.LastExit, &p.ServiceAccount} {
		*text = s.string(*text)
	}
	for i := range p.Containers {
		p.Containers[i] = s.string(p.Containers[i])
	}
	for i := range p.Ports {
		p.Ports[i].Name, p.Ports[i].Protocol = s.string(p.Ports[i].Name), s.string(p.Ports[i].Protocol)
	}
	p.Labels = s.set(p.Labels)
	if slices.Equal(p.CalicoIPs, p.IPs) {
		p.CalicoIPs = p.IPs
	}
}

func (s *sharer) string(text string) string {
	known, ok := s.strings[text]
	if !ok {
		s.strings[text], known = text, text
	}
	return known
}

// set returns one map for all equal ones.
func (s *sharer) set(labels map[string]string) map[string]string {
	if len(labels) == 0 {
		return labels
	}
	s.key = s.key[:0]
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		s.key = fmt.Appendf(s.key, "%q=%q,", name, labels[name])
	}
	known, ok := s.sets[string(s.key)]
	if !ok {
		s.sets[string(s.key)], known = labels, labels
	}
	return known
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
		Ready:       isReady(p.Status.Conditions),
	}
	pod.ServiceAccount = p.Spec.ServiceAccountName
	for _, key := range []string{calico.AnnotationPodIP, calico.AnnotationPodIPs, calico.AnnotationContainerID} {
		if _, ok := p.Annotations[key]; ok {
			pod.CalicoCNI = true
		}
	}
	pod.Created = p.CreationTimestamp.UTC()
	pod.CalicoIPs = calicoIPs(p.Annotations)
	pod.Wants = wants(p.Annotations)
	readContainerStatus(&pod, p.Status.InitContainerStatuses)
	readContainerStatus(&pod, p.Status.ContainerStatuses)
	for _, ip := range p.Status.PodIPs {
		if addr, err := netip.ParseAddr(ip.IP); err == nil {
			pod.IPs = append(pod.IPs, addr.Unmap())
		}
	}
	for i := range p.Spec.Containers {
		c := &p.Spec.Containers[i]
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

func isReady(conditions []corev1.PodCondition) bool {
	for i := range conditions { // they are large
		if conditions[i].Type == corev1.PodReady {
			return conditions[i].Status == corev1.ConditionTrue
		}
	}
	return false
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
	for annotation, value := range annotations {
		name, ours := strings.CutPrefix(annotation, calico.AnnotationPodPrefix)
		if !ours || !slices.Contains(calico.PodRequests(), name) {
			continue
		}
		if found == nil {
			found = map[string]string{}
		}
		found[name] = value
	}
	return found
}

// readContainerStatus keeps why a container waits, and how the one that restarted most ended.
func readContainerStatus(pod *inspect.Pod, containers []corev1.ContainerStatus) {
	for i := range containers {
		c := &containers[i]
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
