package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/pager"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
)

// podRef is the pod that runs a node's calico-node.
type podRef struct {
	namespace, name, image string
	running                bool
}

// calicoPods finds the calico-node pod of each node, by one list for all of them.
//
// Users may give any pod the labels and container name of calico-node. A pod is calico-node only if it is in a system
// namespace, on its node's network, and controlled by the DaemonSet calico-node there. If the caller may
// read that DaemonSet, its UID must match.
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
	var failed error
	for _, namespace := range calico.NodeNamespaces() {
		if err := c.listIn(ctx, namespace, byNode); err != nil {
			failed = cmp.Or(failed, listError(err, "in namespace "+namespace))
		}
	}
	if len(byNode) == 0 {
		return nil, failed
	}
	return byNode, nil
}

// listIn adds the pods of a namespace for the nodes that have none yet.
func (c *calicoPods) listIn(ctx context.Context, namespace string, byNode map[string]podRef) error {
	var pods []*corev1.Pod
	list := pager.New(func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		return c.client.CoreV1().Pods(namespace).List(ctx, opts)
	})
	err := list.EachListItemWithAlloc(ctx, metav1.ListOptions{LabelSelector: calico.NodeSelector}, func(obj runtime.Object) error {
		if pod, ok := obj.(*corev1.Pod); ok {
			pods = append(pods, pod)
		}
		return nil
	})
	if err != nil || len(pods) == 0 {
		return err
	}
	owner, err := c.owner(ctx, namespace)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		image, ok := calicoNode(pod, owner)
		if !ok || byNode[pod.Spec.NodeName].running {
			continue
		}
		byNode[pod.Spec.NodeName] = podRef{
			namespace: pod.Namespace, name: pod.Name, image: image,
			running: pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil,
		}
	}
	return nil
}

// owner returns the UID of the DaemonSet calico-node of a namespace. It is anyUID if the caller may not read it, and noUID
// if there is no such DaemonSet, so that it owns nothing.
func (c *calicoPods) owner(ctx context.Context, namespace string) (types.UID, error) {
	ds, err := c.client.AppsV1().DaemonSets(namespace).Get(ctx, calico.NodeName, metav1.GetOptions{})
	switch {
	case err == nil:
		return ds.UID, nil
	case apierrors.IsForbidden(err):
		return anyUID, nil
	case apierrors.IsNotFound(err):
		return noUID, nil
	default:
		return noUID, err
	}
}

// UIDs that no object has.
const (
	anyUID types.UID = "*"
	noUID  types.UID = "-"
)

// calicoNode reports whether a pod is calico-node's, and which image its container runs.
func calicoNode(pod *corev1.Pod, owner types.UID) (image string, ok bool) {
	ref := metav1.GetControllerOf(pod)
	if ref == nil || ref.APIVersion != appsv1.SchemeGroupVersion.String() || ref.Kind != "DaemonSet" || ref.Name != calico.NodeName ||
		owner != anyUID && ref.UID != owner || !pod.Spec.HostNetwork {
		return "", false
	}
	for _, container := range pod.Spec.Containers {
		if container.Name == calico.NodeName {
			return container.Image, true
		}
	}
	return "", false
}

// listError words an error of a list. A refusal is permanent, and names only the permission.
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
