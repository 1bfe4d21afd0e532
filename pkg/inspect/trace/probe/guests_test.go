package probe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// guestPod is a pod without a shell, its API server and its kubelet. It is safe for concurrent use.
type guestPod struct {
	// refuse is the server's answer to the nth attempt to add a container; nil adds it.
	refuse func(n int) error
	// look is the state of the container when the pod is looked at for the nth time after it was added, and before it
	// was told to end; nil runs.
	look func(n int) (*corev1.ContainerState, error)
	// edit changes the pod as the server has it.
	edit func(*corev1.Pod)
	// deaf ignores what tells it to end.
	deaf bool

	mu       sync.Mutex
	tried    []corev1.EphemeralContainer
	name     string // of the container that was added
	looks    int
	told     bool
	released chan struct{} // closed when the keeper's input has ended
}

func (g *guestPod) client(t *testing.T) *fake.Clientset {
	g.released = make(chan struct{})
	client := fake.NewClientset()
	client.PrependReactor("patch", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		g.mu.Lock()
		defer g.mu.Unlock()
		patch := a.(clienttesting.PatchActionImpl)
		pod := corev1.Pod{}
		if err := json.Unmarshal(patch.Patch, &pod); err != nil || patch.Subresource != "ephemeralcontainers" ||
			len(pod.Spec.EphemeralContainers) != 1 {
			t.Errorf("patch of %q: %s, %v", patch.Subresource, patch.Patch, err)
			return true, nil, apierrors.NewBadRequest("no container")
		}
		if pod.UID != "uid" {
			t.Errorf("the patch is for any pod of the name: %s", patch.Patch)
		}
		g.tried = append(g.tried, pod.Spec.EphemeralContainers[0])
		if g.refuse != nil {
			if err := g.refuse(len(g.tried)); err != nil {
				return true, nil, err
			}
		}
		g.name = pod.Spec.EphemeralContainers[0].Name
		return true, &pod, nil
	})
	client.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		state, err := g.state()
		if err != nil {
			return true, nil, err
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "uid"}}
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.tried) > 0 {
			pod.Spec.EphemeralContainers = g.tried[len(g.tried)-1:]
		}
		if g.edit != nil {
			g.edit(pod)
		}
		if state != nil {
			pod.Status.EphemeralContainerStatuses = []corev1.ContainerStatus{{Name: "other"}, {Name: g.name, State: *state}}
		}
		return true, pod, nil
	})
	return client
}

func (g *guestPod) state() (*corev1.ContainerState, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looks++
	switch {
	case g.told && !g.deaf:
		return ended(0, "Completed"), nil
	case g.look != nil:
		return g.look(g.looks)
	}
	return running(), nil
}

func (g *guestPod) stream(ctx context.Context, c access.Container, command []string, s access.Streams) error {
	if c.Name != g.name {
		return errNoShell()
	}
	switch command[3] {
	case "dualstack-keep":
		_, _ = io.Copy(io.Discard, s.Stdin)
		close(g.released)
	case "dualstack-end":
		g.mu.Lock()
		defer g.mu.Unlock()
		g.told = command[4] == g.name
	default:
		return all(command, s)
	}
	return ctx.Err()
}

func running() *corev1.ContainerState {
	return &corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
}

func waiting(reason, message string) *corev1.ContainerState {
	return &corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
}

func ended(code int32, reason string) *corev1.ContainerState {
	return &corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}
}

func always(s *corev1.ContainerState) func(int) (*corev1.ContainerState, error) {
	return func(int) (*corev1.ContainerState, error) { return s, nil }
}

func refused(message string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "pod", errors.New(message))
}

// TestGuests: a pod without tools gets an ephemeral container, once, which has ended in the end. Where none can be had
// it says why.
func TestGuests(t *testing.T) {
	tests := map[string]struct {
		pod   *guestPod
		tried int // attempts to add it
		err   string
		note  bool // one is left in the list of the pod, and it is said so
	}{
		"it runs":        {pod: &guestPod{}, tried: 1, note: true},
		"it takes a bit": {pod: &guestPod{look: slowly}, tried: 1, note: true},
		"no rights in the namespace": {pod: &guestPod{refuse: func(n int) error {
			if n == 1 {
				return refused(`violates PodSecurity "restricted:latest": unrestricted capabilities`)
			}
			return nil
		}}, tried: 2, note: true},
		"nothing is admitted": {pod: &guestPod{refuse: func(int) error { return refused(`violates PodSecurity "x"`) }},
			tried: 2, err: `it cannot be added: pods "pod" is forbidden: violates PodSecurity "x"`},
		"no permission to add it": {pod: &guestPod{refuse: func(int) error {
			return refused(`User "u" cannot patch resource "pods/ephemeralcontainers"`)
		}}, tried: 1, err: "cannot patch pods/ephemeralcontainers in namespace ns: permission denied"},
		"no permission to look at it": {pod: &guestPod{look: func(n int) (*corev1.ContainerState, error) {
			if n == 1 {
				return nil, refused("no")
			}
			return running(), nil
		}}, tried: 1, err: "cannot get pods in namespace ns: permission denied", note: true},
		"the pod is gone": {pod: &guestPod{refuse: func(int) error {
			return apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, "pod")
		}}, tried: 1, err: "pod ns/pod is gone"},
		"no image": {pod: &guestPod{look: always(waiting("ImagePullBackOff", "Back-off pulling\nmore"))}, tried: 1, note: true,
			err: "it cannot start (image " + DefaultImage + "): ImagePullBackOff: Back-off pulling; name an image with --probe-image"},
		"no shell in the image": {pod: &guestPod{look: always(ended(128, "StartError"))}, tried: 1, note: true,
			err: "it ended at once with exit code 128 (image " + DefaultImage + "): StartError"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			g := tt.pod
			p := quick(g.stream, g.client(t))
			for range 2 { // what has failed once is not tried again
				results, err := p.Probe(t.Context(), somePod("static"), connections(2))
				checkError(t, err, tt.err)
				if err == nil && (!results[0].Answered || !results[1].Answered) {
					t.Errorf("results %+v", results)
				}
			}
			if len(g.tried) != tt.tried {
				t.Errorf("%d attempts to add it, want %d", len(g.tried), tt.tried)
			}
			notes, err := p.Close(t.Context())
			if err != nil || len(notes) == 1 != tt.note || tt.note && !strings.Contains(notes[0], g.name+" of pod ns/pod has ended") {
				t.Errorf("closing: notes %q, error %v", notes, err)
			}
			if tt.err == "" {
				<-g.released
				if !g.told {
					t.Error("it was not told to end")
				}
			}
			if _, err := p.guests.in(t.Context(), somePod("static")); err == nil {
				t.Error("one is added after the end")
			}
		})
	}
}

// slowly comes to run by way of what a kubelet shows before.
func slowly(n int) (*corev1.ContainerState, error) {
	states := []*corev1.ContainerState{nil, waiting("ContainerCreating", ""), running()}
	return states[min(n, len(states))-1], nil
}

// TestGuestOfItsOwn: only the container that this trace has added to this very pod is entered or ended, whatever has its name;
// and the user is told before one is added.
func TestGuestOfItsOwn(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(*corev1.Pod)
		err  string
	}{
		"its own": {func(*corev1.Pod) {}, ""},
		"another container of its name": {func(p *corev1.Pod) {
			c := *p.Spec.EphemeralContainers[0].DeepCopy()
			c.Command = []string{"sh", "-c", "echo pass"}
			p.Spec.EphemeralContainers = []corev1.EphemeralContainer{c}
		}, "it is not the one that was added"},
		"another pod of its name": {func(p *corev1.Pod) { p.UID = "another" }, "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			g := &guestPod{edit: tt.edit}
			p := quick(g.stream, g.client(t))
			told, added := "", 0
			p.guests.opts.Note = func(text string) { told, added = text, len(g.tried) }
			_, err := p.Probe(t.Context(), somePod("static"), connections(1))
			checkError(t, err, tt.err)
			if !strings.Contains(told, "pod ns/pod has no tools") || !strings.Contains(told, DefaultImage) || added != 0 {
				t.Errorf("told %q after %d were added", told, added)
			}
			if _, err := p.Close(t.Context()); err != nil || g.told != (tt.err == "") {
				t.Errorf("closing: told to end %v, %v", g.told, err)
			}
		})
	}
}

// TestGuestRights: the first attempt asks for raw sockets and for nothing else, the second for nothing.
func TestGuestRights(t *testing.T) {
	g := &guestPod{refuse: func(int) error { return refused("PodSecurity") }}
	_, _ = quick(g.stream, g.client(t)).Probe(t.Context(), somePod("static"), connections(1)) // it is refused
	if len(g.tried) != 2 {
		t.Fatalf("%d attempts", len(g.tried))
	}
	for i, want := range [][]corev1.Capability{{"NET_RAW"}, nil} {
		s := g.tried[i].SecurityContext
		if !slices.Equal(s.Capabilities.Add, want) || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) ||
			*s.AllowPrivilegeEscalation || *s.RunAsNonRoot != (i == 1) || g.tried[i].Name != g.tried[0].Name {
			t.Errorf("attempt %d: %+v", i+1, s)
		}
	}
}

// TestGuestInterrupted: what was interrupted while it was being started is ended all the same.
func TestGuestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	g := &guestPod{look: func(n int) (*corev1.ContainerState, error) {
		if n <= 2 {
			if n == 2 {
				cancel()
			}
			return waiting("ContainerCreating", ""), nil
		}
		return running(), nil
	}}
	p := quick(g.stream, g.client(t))
	_, err := p.Probe(ctx, somePod("static"), connections(1))
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "did not come to run") {
		t.Errorf("got error %v", err)
	}
	notes, err := p.Close(ctx)
	if err != nil || len(notes) != 1 || !g.told {
		t.Errorf("notes %q, error %v, told %v", notes, err, g.told)
	}
}

// TestGuestMayHaveBeenAdded: a request whose answer got lost may have been granted, and what it may have made is ended.
func TestGuestMayHaveBeenAdded(t *testing.T) {
	g := &guestPod{}
	g.refuse = func(int) error {
		g.name = g.tried[0].Name
		return io.ErrUnexpectedEOF
	}
	p := quick(g.stream, g.client(t))
	_, err := p.Probe(t.Context(), somePod("static"), connections(1))
	checkError(t, err, "it cannot be added: unexpected EOF")
	if notes, err := p.Close(t.Context()); err != nil || len(notes) != 1 || !g.told {
		t.Errorf("notes %q, error %v, told %v", notes, err, g.told)
	}
}

// TestGuestStays: one that does not come to run, or does not end, is an error within bounds of time, and one that says
// until when it may run.
func TestGuestStays(t *testing.T) {
	tests := map[string]struct {
		pod *guestPod
		err string
	}{
		"deaf": {pod: &guestPod{deaf: true}},
		"the kubelet never gets to it": {pod: &guestPod{look: always(nil)},
			err: "did not come to run: no answer within 1m0s"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // its clock goes on when all else waits
				g := tt.pod
				p := quick(g.stream, g.client(t))
				_, err := p.Probe(t.Context(), somePod("static"), connections(1))
				checkError(t, err, tt.err)
				notes, err := p.Close(t.Context())
				checkError(t, err, g.name+" of pod ns/pod has not ended: it does so by itself within 15m0s of its start")
				if len(notes) != 0 || g.told != (tt.err == "") {
					t.Errorf("notes %q, told %v", notes, g.told)
				}
				if tt.err == "" {
					<-g.released // the keeper is let go in any case
				}
			})
		})
	}
}
