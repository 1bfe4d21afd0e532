package gather

import (
	"cmp"
	"context"
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
			})
		}
	}
	return pod
}
