package access

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/pager"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
)

// podRef is where a node's calico-node runs.
type podRef struct {
	namespace, name, image string
	running                bool
}

// calicoPods finds the calico-node pod of each node, by one list for all of them.
type calicoPods struct {
	client kubernetes.Interface

	mu     sync.Mutex
	listed bool
	byNode map[string]podRef
	err    error
}

// on returns the running calico-node pod of a node.
func (c *calicoPods) on(ctx context.Context, node string) (podRef, error) {
	pods, err := c.all(ctx)
	if err != nil {
		return podRef{}, err
	}
	pod, ok := pods[node]
	switch {
	case !ok:
		return podRef{}, Permanent(errors.New("no calico-node pod on the node"))
	case !pod.running:
		return podRef{}, Permanent(fmt.Errorf("pod %s/%s is not running", pod.namespace, pod.name))
	default:
		return pod, nil
	}
}

// all returns the calico-node pods by node. An interrupted list is not kept.
func (c *calicoPods) all(ctx context.Context) (map[string]podRef, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.listed {
		return c.byNode, c.err
	}
	byNode, err := c.list(ctx)
	if ctx.Err() != nil {
		return nil, err
	}
	c.listed, c.byNode, c.err = true, byNode, err
	return byNode, err
}

func (c *calicoPods) list(ctx context.Context) (map[string]podRef, error) {
	byNode := map[string]podRef{}
	err := c.listIn(ctx, metav1.NamespaceAll, byNode)
	if !apierrors.IsForbidden(err) {
		return byNode, listError(err, "in all namespaces")
	}
	var denied error
	for _, namespace := range calico.NodeNamespaces() {
		err := c.listIn(ctx, namespace, byNode)
		if err != nil {
			denied = listError(err, "in namespace "+namespace)
		}
	}
	if len(byNode) == 0 {
		return nil, denied
	}
	return byNode, nil
}

func (c *calicoPods) listIn(ctx context.Context, namespace string, byNode map[string]podRef) error {
	list := pager.New(func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		return c.client.CoreV1().Pods(namespace).List(ctx, opts)
	})
	return list.EachListItem(ctx, metav1.ListOptions{LabelSelector: calico.NodeSelector}, func(obj runtime.Object) error {
		pod, ok := obj.(*corev1.Pod)
		if !ok {
			return fmt.Errorf("%T where a pod must be", obj)
		}
		for _, container := range pod.Spec.Containers {
			if container.Name != calico.NodeName || byNode[pod.Spec.NodeName].running {
				continue
			}
			byNode[pod.Spec.NodeName] = podRef{
				namespace: pod.Namespace, name: pod.Name, image: container.Image,
				running: pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil,
			}
		}
		return nil
	})
}

// listError words an error of a list. A refusal is permanent, and the permission is all there is to say about it.
func listError(err error, where string) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return Permanent(fmt.Errorf("cannot list pods %s: permission denied", where))
	default:
		return fmt.Errorf("list calico-node pods %s: %w", where, err)
	}
}
