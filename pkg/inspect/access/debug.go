package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

// ManagedByLabel and ManagedByValue mark every object that the tool puts into a cluster.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedByValue = "kubectl-dualstack"
)

const (
	debugTimeout  = time.Minute            // until the pod has run; its image is usually on the node already
	debugDeadline = 60                     // activeDeadlineSeconds: for when we are killed and cannot remove it
	debugPoll     = 250 * time.Millisecond // between two looks at the pod
	removeTimeout = 10 * time.Second       // for removing the pod, also after an interruption
	ownerTTL      = 120                    // seconds for which the owner stays beyond the pod's deadline
)

// Debug runs a short-lived pod on the node, in the node's network, which prints the tables and ends. The pod has no
// privileges, no service account token and a deadline, carries ManagedByLabel, and Debug always removes it, also on an
// interruption. Its owner is an empty Job with a time to live: if we are killed, the cluster deletes the Job, and with
// it the pod. (A deadline alone ends a pod but leaves it; a Job that creates the pod would add its controller's delay,
// and we would have to find the pod by labels, which any user may write.)
//
// It needs the permissions to create, get and delete pods, to get pods/log, and to create and delete jobs in its
// namespace, which must admit host networking (pod security standard "privileged").
//
// Only this access changes the cluster, so it comes last.
type Debug struct {
	client    kubernetes.Interface
	namespace string
	image     string
	pods      *calicoPods
	logs      func(ctx context.Context, name string) (io.ReadCloser, error)
	mayRemove func(ctx context.Context, group, resource string) bool
	silence   *Silence
}

var _ Way = (*Debug)(nil)

// NewDebug returns the access by pod. The image needs sh, grep and iproute2's ip; empty is the image of the node's
// calico-node, which has them and is already on the node. A node in silence, which may be nil, is not tried.
func NewDebug(client kubernetes.Interface, namespace, image string, silence *Silence) *Debug {
	d := &Debug{client: client, namespace: namespace, image: image, pods: &calicoPods{client: client}, silence: silence}
	d.logs = func(ctx context.Context, name string) (io.ReadCloser, error) {
		limit := int64(MaxOutput) + 1
		return client.CoreV1().Pods(namespace).GetLogs(name, &corev1.PodLogOptions{LimitBytes: &limit}).Stream(ctx)
	}
	d.mayRemove = func(ctx context.Context, group, resource string) bool {
		return mayDelete(ctx, client, &authorizationv1.ResourceAttributes{Namespace: namespace, Verb: "delete", Group: group, Resource: resource})
	}
	return d
}

// mayDelete asks the server whether the caller may delete. Without an answer, deleting will tell.
func mayDelete(ctx context.Context, client kubernetes.Interface, what *authorizationv1.ResourceAttributes) bool {
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: what}}
	answer, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	return err != nil || answer.Status.Allowed
}

// Name implements Way.
func (*Debug) Name() string { return "debug" }

// Run implements Way.
func (d *Debug) Run(ctx context.Context, node, script string, args ...string) (out []byte, err error) {
	if d.silence.Of(node) != nil {
		return nil, Permanent(errors.New("not tried: the node's kubelet would have to start the pod, and does not answer"))
	}
	image, err := d.imageFor(ctx, node)
	if err != nil {
		return nil, err
	}
	pod := debugPod(d.namespace, node, image, shell(script, args))
	refused := false
	// We choose the name, and it is unpredictable: an interrupted request may still have created the pod.
	defer func() {
		if refused {
			return
		}
		if removeErr := d.remove(ctx, pod); removeErr != nil {
			out, err = nil, Permanent(errors.Join(err, removeErr))
		}
	}()
	err = WithTimeout(ctx, debugTimeout, func(ctx context.Context) error {
		if err := d.start(ctx, pod); err != nil {
			refused = IsPermanent(err)
			return err
		}
		if err := d.wait(ctx, pod, ended); err != nil {
			return err
		}
		out, err = d.read(ctx, pod.Name)
		return err
	})
	return out, d.silence.Note(node, err)
}

func (d *Debug) imageFor(ctx context.Context, node string) (string, error) {
	if d.image != "" {
		return d.image, nil
	}
	pods, err := d.pods.all(ctx)
	if err != nil {
		return "", err
	}
	for _, pod := range []podRef{pods[node], anyOf(pods)} {
		if pod.image != "" {
			return pod.image, nil
		}
	}
	return "", Permanent(errors.New("no calico-node pod to take the image from; name an image with iproute2"))
}

// anyOf returns one of the pods, or the zero podRef.
func anyOf(pods map[string]podRef) podRef {
	for _, p := range pods {
		return p
	}
	return podRef{}
}

// start creates the pod and its owner, unless it may not delete them, and notes their UIDs from the server. A permanent
// error says that the server did not create the pod.
func (d *Debug) start(ctx context.Context, pod *corev1.Pod) error {
	for _, r := range []schema.GroupResource{{Resource: "pods"}, {Group: "batch", Resource: "jobs"}} {
		if !d.mayRemove(ctx, r.Group, r.Resource) {
			return Permanent(fmt.Errorf("cannot delete %s in namespace %s: permission denied", r, d.namespace))
		}
	}
	job, err := d.client.BatchV1().Jobs(d.namespace).Create(ctx, ownerOf(pod), metav1.CreateOptions{})
	if err != nil {
		return d.refusal("jobs.batch", err)
	}
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: job.Name, UID: job.UID}}
	created, err := d.client.CoreV1().Pods(d.namespace).Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		err = d.refusal("pods", err)
		if IsPermanent(err) {
			return errors.Join(err, d.removeOwner(ctx, pod.Name))
		}
		return err
	}
	pod.UID = created.UID
	return nil
}

// refusal words why something was not created.
func (d *Debug) refusal(what string, err error) error {
	switch {
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "cannot create resource"):
		return Permanent(fmt.Errorf("cannot create %s in namespace %s: permission denied", what, d.namespace))
	case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsNotFound(err), apierrors.IsAlreadyExists(err):
		// Pod security, quotas and webhooks refuse in their own words.
		return Permanent(fmt.Errorf("cannot create %s in namespace %s: %w", what, d.namespace, err))
	default:
		return fmt.Errorf("create %s in namespace %s: %w", what, d.namespace, err)
	}
}

// wait returns when the pod is as it should be.
func (d *Debug) wait(ctx context.Context, ours *corev1.Pod, done func(*corev1.Pod) (bool, error)) error {
	began := time.Now()
	return wait.PollUntilContextCancel(ctx, debugPoll, true, func(ctx context.Context) (bool, error) {
		pod, err := d.client.CoreV1().Pods(d.namespace).Get(ctx, ours.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsForbidden(err):
			return false, Permanent(fmt.Errorf("cannot get pods in namespace %s: permission denied", d.namespace))
		case err != nil:
			return false, fmt.Errorf("get pod %s/%s: %w", d.namespace, ours.Name, err)
		case pod.UID != ours.UID:
			return false, Permanent(fmt.Errorf("pod %s/%s is gone, and another has its name", d.namespace, ours.Name))
		case pod.Status.StartTime == nil && pod.Status.Phase == corev1.PodPending && time.Since(began) > kubeletPatience:
			return false, Permanent(NoAnswerError{fmt.Sprintf("it has not taken a pod within %v", kubeletPatience)})
		}
		return done(pod)
	})
}

// ended reports whether the pod has ended well, or why it never will.
func ended(pod *corev1.Pod) (bool, error) {
	switch pod.Status.Phase {
	case corev1.PodSucceeded:
		return true, nil
	case corev1.PodFailed:
		return false, Permanent(fmt.Errorf("pod %s/%s failed: %s", pod.Namespace, pod.Name, failure(pod)))
	}
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil && NeverStarts(w.Reason) {
			return false, Permanent(fmt.Errorf("pod %s/%s cannot start: %s: %s", pod.Namespace, pod.Name, w.Reason, w.Message))
		}
	}
	return false, nil
}

func failure(pod *corev1.Pod) string {
	for _, c := range pod.Status.ContainerStatuses {
		if t := c.State.Terminated; t != nil {
			return fmt.Sprintf("%s (exit code %d) %s", t.Reason, t.ExitCode, t.Message)
		}
	}
	return pod.Status.Reason + " " + pod.Status.Message
}

func (d *Debug) read(ctx context.Context, name string) ([]byte, error) {
	stream, err := d.logs(ctx, name)
	if apierrors.IsForbidden(err) {
		return nil, Permanent(fmt.Errorf("cannot get pods/log in namespace %s: permission denied", d.namespace))
	}
	if err != nil {
		return nil, fmt.Errorf("read log of pod %s/%s: %w", d.namespace, name, err)
	}
	defer stream.Close()
	out := NewOutput(ctx, MaxOutput)
	if _, err := io.Copy(out, stream); err != nil {
		return nil, fmt.Errorf("read log of pod %s/%s: %w", d.namespace, name, err)
	}
	return out.Bytes(), nil
}

// remove deletes the pod and its owner within its own timeout: ctx may have ended. It tries again after a failure, since
// a leftover pod is worse than a short wait.
func (d *Debug) remove(ctx context.Context, pod *corev1.Pod) error {
	opts := metav1.DeleteOptions{GracePeriodSeconds: new(int64)}
	if pod.UID != "" {
		opts.Preconditions = metav1.NewUIDPreconditions(string(pod.UID))
	}
	err := d.untilGone(ctx, func(ctx context.Context) error {
		return d.client.CoreV1().Pods(d.namespace).Delete(ctx, pod.Name, opts)
	})
	if err != nil {
		return fmt.Errorf("remove pod %s/%s: %w; delete it with kubectl -n %s delete pod %s",
			d.namespace, pod.Name, err, d.namespace, pod.Name)
	}
	return d.removeOwner(ctx, pod.Name)
}

func (d *Debug) removeOwner(ctx context.Context, name string) error {
	background := metav1.DeletePropagationBackground
	err := d.untilGone(ctx, func(ctx context.Context) error {
		return d.client.BatchV1().Jobs(d.namespace).Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &background})
	})
	if err != nil {
		return fmt.Errorf("remove job %s/%s: %w; it goes by itself", d.namespace, name, err)
	}
	return nil
}

// untilGone deletes until the server has done so, or refuses. A conflict says that another object now has the name.
func (d *Debug) untilGone(ctx context.Context, remove func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	var last error
	err := wait.PollUntilContextCancel(ctx, debugPoll, true, func(ctx context.Context) (bool, error) {
		last = remove(ctx)
		switch {
		case last == nil, apierrors.IsNotFound(last), apierrors.IsConflict(last):
			return true, nil
		case apierrors.IsForbidden(last):
			return false, last
		default:
			return false, nil
		}
	})
	if err == nil {
		return nil
	}
	return last
}

// ownerOf is an empty Job, which is complete at once and deleted when the pod's deadline and ownerTTL have passed. Its template is
// never used, but the server requires one.
func ownerOf(pod *corev1.Pod) *batchv1.Job {
	none, ttl := int32(0), int32(*pod.Spec.ActiveDeadlineSeconds+ownerTTL)
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, Labels: pod.Labels},
		Spec: batchv1.JobSpec{Completions: &none, Parallelism: &none, TTLSecondsAfterFinished: &ttl,
			Template: corev1.PodTemplateSpec{Spec: pod.Spec}},
	}
}

// debugPod is the pod that prints a node's tables. Reading them takes no privilege, only the node's network.
func debugPod(namespace, node, image string, command []string) *corev1.Pod {
	deadline, grace, nobody := int64(debugDeadline), int64(0), int64(65534)
	yes, no := true, false
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace,
			Name:      "dualstack-tables-" + randomName(),
			Labels:    map[string]string{ManagedByLabel: ManagedByValue},
		},
		Spec: corev1.PodSpec{
			NodeName:                      node,
			HostNetwork:                   true,
			RestartPolicy:                 corev1.RestartPolicyNever,
			ActiveDeadlineSeconds:         &deadline,
			TerminationGracePeriodSeconds: &grace,
			AutomountServiceAccountToken:  &no,
			EnableServiceLinks:            &no,
			Tolerations:                   []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot:   &yes,
				RunAsUser:      &nobody,
				RunAsGroup:     &nobody,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name:            "tables",
				Image:           image,
				ImagePullPolicy: corev1.PullIfNotPresent,
				Command:         command,
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no,
					ReadOnlyRootFilesystem:   &yes,
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}
