package probe

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

const (
	guestPrefix   = "dualstack-probe-"
	guestStart    = time.Minute            // until it runs; its image may have to be pulled
	guestPoll     = 200 * time.Millisecond // between two looks at the pod
	guestDeadline = 15 * time.Minute       // then it always ends
	guestUnkept   = 30 * time.Second       // it ends earlier if it has no keeper
	guestEnd      = 10 * time.Second       // for ending it, also after an interruption
)

// guests are the ephemeral containers of a trace, one for each pod that has no tools of its own.
//
// An ephemeral container cannot be removed, so it must end. It ends when told to, when the connection of its keeper breaks
// (the trace was killed), when it finds no keeper (the trace was killed before it left one), and when its time is over.
type guests struct {
	client kubernetes.Interface
	stream access.Stream
	opts   Options
	name   string // the same in every pod
	byPod  register[*guest]
}

// guest is the ephemeral container in a pod.
type guest struct {
	pod     inspect.Pod
	once    sync.Once
	err     error
	created bool
	release func() // lets its keeper go
}

func newGuests(client kubernetes.Interface, stream access.Stream, opts Options) *guests {
	return &guests{
		client: client, stream: stream, opts: opts,
		name: guestPrefix + strings.ToLower(rand.Text()[:8]),
	}
}

// randomMark is unpredictable: it has 130 random bits.
func randomMark() string { return "@" + rand.Text() }

// in returns the ephemeral container in a pod, and starts it at the first call.
func (g *guests) in(ctx context.Context, pod inspect.Pod) (access.Container, error) {
	one, err := g.byPod.of(key(pod), func() *guest { return &guest{pod: pod, release: func() {}} })
	if err != nil {
		return access.Container{}, err
	}
	one.once.Do(func() { one.err = g.start(ctx, one) })
	if one.err != nil {
		return access.Container{}, fmt.Errorf("pod %s/%s has no shell and no tools, and needs an ephemeral container: %w",
			pod.Namespace, pod.Name, one.err)
	}
	return g.container(one), nil
}

func (g *guests) container(one *guest) access.Container {
	return access.Container{Namespace: one.pod.Namespace, Pod: one.pod.Name, Name: g.name}
}

// start adds the container, waits until it runs, and leaves a keeper in it. It notes that first: the container stays listed
// in a pod that may belong to another user.
func (g *guests) start(ctx context.Context, one *guest) error {
	if g.opts.Note != nil {
		g.opts.Note(fmt.Sprintf("pod %s/%s has no tools to probe with: adding the ephemeral container %s of image %s to it", one.pod.Namespace,
			one.pod.Name, g.name, g.opts.Image))
	}
	err := g.add(ctx, one, rawContainer(g.name, g.opts.Image))
	if apierrors.IsForbidden(err) && strings.Contains(err.Error(), "PodSecurity") {
		// Try without raw sockets: ping may fail, the rest works.
		err = g.add(ctx, one, plainContainer(g.name, g.opts.Image))
	}
	if err != nil {
		return refusal(err, one.pod)
	}
	err = access.WithTimeout(ctx, guestStart, func(ctx context.Context) error {
		return wait.PollUntilContextCancel(ctx, guestPoll, true, func(ctx context.Context) (bool, error) {
			status, err := g.status(ctx, one.pod)
			if err != nil {
				return false, err
			}
			return runs(status, g.opts.Image)
		})
	})
	if err != nil {
		one.created = one.created && !errors.Is(err, errStranger)
		return fmt.Errorf("%s did not come to run: %w", g.name, err)
	}
	one.release = keep(g.stream, g.container(one), g.name)
	return nil
}

// add patches the container into the pod. It counts as created unless the server refused it: an interrupted
// request may have succeeded.
func (g *guests) add(ctx context.Context, one *guest, c corev1.EphemeralContainer) error {
	body := map[string]any{"spec": map[string]any{"ephemeralContainers": []corev1.EphemeralContainer{c}}}
	if one.pod.UID != "" {
		body["metadata"] = map[string]any{"uid": one.pod.UID} // the server refuses another pod of the same name
	}
	patch, err := json.Marshal(body)
	if err != nil {
		return err
	}
	_, err = g.client.CoreV1().Pods(one.pod.Namespace).Patch(ctx, one.pod.Name, types.StrategicMergePatchType, patch,
		metav1.PatchOptions{}, "ephemeralcontainers")
	one.created = err == nil || apierrors.ReasonForError(err) == metav1.StatusReasonUnknown
	return err
}

// refusal says why an ephemeral container was not added.
func refusal(err error, pod inspect.Pod) error {
	switch {
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "cannot patch resource"):
		return fmt.Errorf("cannot patch pods/ephemeralcontainers in namespace %s: permission denied", pod.Namespace)
	case apierrors.IsNotFound(err), apierrors.IsConflict(err):
		return fmt.Errorf("pod %s/%s is gone", pod.Namespace, pod.Name)
	default:
		return fmt.Errorf("it cannot be added: %w", err)
	}
}

// errStranger is a container with the name of a guest that this trace has not added.
var errStranger = errors.New("it is not the one that was added")

// status returns the state of the container, or nil if the kubelet has not reported it yet.
func (g *guests) status(ctx context.Context, pod inspect.Pod) (*corev1.ContainerState, error) {
	p, err := g.client.CoreV1().Pods(pod.Namespace).Get(ctx, pod.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsForbidden(err):
		return nil, fmt.Errorf("cannot get pods in namespace %s: permission denied", pod.Namespace)
	case err != nil:
		return nil, fmt.Errorf("get pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	if pod.UID != "" && string(p.UID) != pod.UID {
		return nil, apierrors.NewNotFound(corev1.Resource("pods"), pod.Name)
	}
	if slices.ContainsFunc(p.Spec.EphemeralContainers, func(c corev1.EphemeralContainer) bool {
		return c.Name == g.name && !slices.Equal(c.Command, holdCommand(g.name))
	}) {
		return nil, fmt.Errorf("container %s of pod %s/%s: %w", g.name, pod.Namespace, pod.Name, errStranger)
	}
	for _, s := range p.Status.EphemeralContainerStatuses {
		if s.Name == g.name {
			return &s.State, nil
		}
	}
	return nil, nil
}

// runs reports whether the container runs, or why it never will.
func runs(s *corev1.ContainerState, image string) (bool, error) {
	switch {
	case s == nil:
		return false, nil
	case s.Running != nil:
		return true, nil
	case s.Terminated != nil:
		return false, fmt.Errorf("it ended at once with exit code %d (image %s): %s",
			s.Terminated.ExitCode, image, access.FirstLine([]byte(s.Terminated.Reason+" "+s.Terminated.Message)))
	case s.Waiting != nil && access.NeverStarts(s.Waiting.Reason):
		return false, fmt.Errorf("it cannot start (image %s): %s; name an image with --probe-image",
			image, access.FirstLine([]byte(s.Waiting.Reason+": "+s.Waiting.Message)))
	default:
		return false, nil
	}
}

// findScript prints the processes whose command lines hold $1. If a pod's containers share processes, the container's
// own is not the first.
const findScript = `find() {
  for p in /proc/[0-9]*; do
    line=
    while IFS= read -r part || [ -n "$part" ]; do line=$line$part; done <"$p/cmdline"
    case $line in *"$1"*) echo "${p#/proc/}" ;; esac
  done 2>/dev/null
}
`

// holdScript is the command of the container with the name $1. It waits until told to end, and looks for its keeper every
// $2 seconds, $3 times.
const holdScript = findScript + `trap 'kill $!; exit 0' TERM INT HUP
looks=0
while [ "$looks" -lt "$3" ]; do
  sleep "$2" & wait $!
  if [ -z "$(find dualstack-keep"$1")" ]; then exit 0; fi
  looks=$((looks + 1))
done`

// endScript ends the container of the name $1.
const endScript = findScript + `for p in $(find dualstack-hold"$1"); do kill -TERM "$p"; done`

// keepScript ends the container when its input ends, as when the trace dies.
const keepScript = "read -r _\n" + endScript

func holdCommand(name string) []string {
	return []string{"sh", "-c", holdScript, "dualstack-hold" + name, name,
		strconv.Itoa(int(guestUnkept.Seconds())), strconv.Itoa(int(guestDeadline / guestUnkept))}
}

// rawContainer may open raw sockets and nothing else. Ping needs them unless the node's kernel lets every user send echo requests
// (net.ipv4.ping_group_range), which Kind's nodes do not. In a container only root can use that right.
func rawContainer(name, image string) corev1.EphemeralContainer {
	root, no := int64(0), false
	c := guestContainer(name, image)
	c.SecurityContext.RunAsUser, c.SecurityContext.RunAsNonRoot = &root, &no
	c.SecurityContext.Capabilities.Add = []corev1.Capability{"NET_RAW"}
	return c
}

// plainContainer has no rights at all, for namespaces that admit none.
func plainContainer(name, image string) corev1.EphemeralContainer {
	nobody, yes := int64(65534), true
	c := guestContainer(name, image)
	c.SecurityContext.RunAsUser, c.SecurityContext.RunAsNonRoot = &nobody, &yes
	return c
}

func guestContainer(name, image string) corev1.EphemeralContainer {
	no := false
	return corev1.EphemeralContainer{EphemeralContainerCommon: corev1.EphemeralContainerCommon{
		Name: name, Image: image, ImagePullPolicy: corev1.PullIfNotPresent, Command: holdCommand(name),
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: &no,
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			SeccompProfile:           &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
	}}
}

// keep starts a command in a container that runs holdCommand, which waits for the end of its input: if that comes with our death, it
// ends the container. The function that it returns lets it go.
func keep(stream access.Stream, c access.Container, name string) (release func()) {
	ctx, cancel := context.WithCancel(context.Background()) // it outlives the call, until release
	input, hold := io.Pipe()
	go func() {
		// Its outcome does not matter: the container is told to end as well, and has a deadline.
		_ = stream(ctx, c, []string{"sh", "-c", keepScript, "dualstack-keep", name},
			access.Streams{Stdin: input, Stdout: io.Discard, Stderr: io.Discard})
	}()
	return func() {
		_ = hold.Close()
		cancel()
	}
}

// end ends all started containers, and says so in notes.
func (g *guests) end(ctx context.Context) ([]string, error) {
	all := g.byPod.close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), guestEnd)
	defer cancel()
	notes, errs := make([]string, len(all)), make([]error, len(all))
	var group errgroup.Group
	group.SetLimit(g.opts.Concurrency)
	for i, one := range all {
		group.Go(func() error {
			one.once.Do(func() {}) // waits for one that is being started
			notes[i], errs[i] = g.endOne(ctx, one)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	return slices.DeleteFunc(notes, func(n string) bool { return n == "" }), errors.Join(errs...)
}

// endOne ends one and waits until it has ended.
func (g *guests) endOne(ctx context.Context, one *guest) (string, error) {
	if !one.created {
		return "", nil
	}
	defer one.release()
	where := fmt.Sprintf("ephemeral container %s of pod %s/%s", g.name, one.pod.Namespace, one.pod.Name)
	told := false
	err := wait.PollUntilContextCancel(ctx, guestPoll, true, func(ctx context.Context) (bool, error) {
		s, err := g.status(ctx, one.pod)
		switch {
		case apierrors.IsNotFound(err), s != nil && s.Terminated != nil:
			return true, nil
		case s != nil && s.Running != nil && !told:
			command := []string{"sh", "-c", endScript, "dualstack-end", g.name}
			_, err := access.Output(ctx, g.stream, g.container(one), command, access.Limits{Timeout: guestEnd, Output: keepOutput})
			told = err == nil
		case s != nil && s.Waiting != nil && access.NeverStarts(s.Waiting.Reason):
			return true, nil
		}
		return false, nil
	})
	if err != nil {
		return "", fmt.Errorf("%s has not ended: it does so by itself within %v of its start", where, guestDeadline)
	}
	return where + " has ended; it stays listed in the pod until the pod is deleted", nil
}
