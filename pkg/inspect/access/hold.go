package access

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// Held is a pod on the network of a node that runs until it is removed.
type Held struct {
	Container Container
	debug     *Debug
	pod       *corev1.Pod
}

// HeldName is the name of a pod for Hold. It is unpredictable.
func HeldName() string { return "dualstack-node-" + randomName() }

// Hold starts a pod on the network of a node and returns when it runs. The command must wait. The pod has the right to open raw
// sockets, for ping, and no other, resolves names as pods do, and otherwise is like that of Run: with a deadline, life, and an owner
// with which the cluster removes it if we are killed. The caller removes it.
func (d *Debug) Hold(ctx context.Context, node, name string, life time.Duration, command []string) (*Held, error) {
	if err := d.silence.Of(node); err != nil {
		return nil, err
	}
	image, err := d.imageFor(ctx, node)
	if err != nil {
		return nil, err
	}
	h := &Held{debug: d, pod: heldPod(d.namespace, node, name, image, life, command)}
	h.Container = Container{Namespace: d.namespace, Pod: name, Name: h.pod.Spec.Containers[0].Name}
	refused := false
	err = WithTimeout(ctx, debugTimeout, func(ctx context.Context) error {
		if err := d.start(ctx, h.pod); err != nil {
			refused = IsPermanent(err)
			return err
		}
		return d.wait(ctx, h.pod, runs)
	})
	if err == nil {
		return h, nil
	}
	if !refused { // an interrupted request may have created it
		if removeErr := h.Remove(ctx); removeErr != nil {
			err = fmt.Errorf("%w; %w", err, removeErr)
		}
	}
	return nil, d.silence.Note(node, err)
}

// Remove deletes the pod and its owner, also when ctx has ended.
func (h *Held) Remove(ctx context.Context) error { return h.debug.remove(ctx, h.pod) }

// runs reports whether the pod runs, or why it never will.
func runs(pod *corev1.Pod) (bool, error) {
	if pod.Status.Phase == corev1.PodRunning {
		return true, nil
	}
	if done, err := ended(pod); err != nil || !done {
		return false, err
	}
	return false, Permanent(fmt.Errorf("pod %s/%s ended at once", pod.Namespace, pod.Name))
}

// heldPod is the pod of Hold. In a container only root can use the right to open raw sockets.
func heldPod(namespace, node, name, image string, life time.Duration, command []string) *corev1.Pod {
	pod := debugPod(namespace, node, image, command)
	pod.Name = name
	deadline, root, no := int64(life.Seconds()), int64(0), false
	pod.Spec.ActiveDeadlineSeconds = &deadline
	pod.Spec.DNSPolicy = corev1.DNSClusterFirstWithHostNet
	pod.Spec.SecurityContext.RunAsUser, pod.Spec.SecurityContext.RunAsGroup, pod.Spec.SecurityContext.RunAsNonRoot = &root, &root, &no
	c := &pod.Spec.Containers[0]
	c.Name = "probe"
	c.SecurityContext.Capabilities.Add = []corev1.Capability{"NET_RAW"}
	return pod
}

// randomName is a part of a name that cannot be guessed.
func randomName() string { return strings.ToLower(rand.Text()[:10]) }
