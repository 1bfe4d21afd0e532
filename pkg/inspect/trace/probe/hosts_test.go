package probe

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// TestHosts: probes from a node run in one pod on its network, which is announced before it is there and gone at the end.
func TestHosts(t *testing.T) {
	client := fake.NewClientset()
	var created []string
	var notes []string
	var mu sync.Mutex
	client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		pod := a.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		pod.Status.Phase = corev1.PodRunning
		created = append(created, pod.Spec.NodeName)
		if len(notes) == 0 || !strings.Contains(notes[0], pod.Name) || !pod.Spec.HostNetwork {
			t.Errorf("notes %q before pod %s", notes, pod.Name)
		}
		return false, nil, nil
	})
	client.PrependReactor("create", "selfsubjectaccessreviews", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, io.ErrUnexpectedEOF // then deleting will tell
	})
	released := make(chan struct{})
	stream := func(_ context.Context, _ access.Container, command []string, s access.Streams) error {
		if command[3] == "dualstack-keep" {
			_, _ = io.Copy(io.Discard, s.Stdin)
			close(released)
			return nil
		}
		return all(command, s)
	}
	p := newProber(stream, client, Options{Namespace: "host-ns", Note: func(text string) {
		mu.Lock()
		defer mu.Unlock()
		notes = append(notes, text)
	}})
	for range 2 {
		results, err := p.Probe(t.Context(), trace.NodeSource("n1", "default"), connections(1))
		if err != nil || !results[0].Answered {
			t.Fatalf("%+v, %v", results, err)
		}
	}
	if len(created) != 1 || created[0] != "n1" {
		t.Errorf("created pods on %q", created)
	}
	if _, err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	<-released
	pods, err := client.CoreV1().Pods("host-ns").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 0 {
		t.Errorf("%v, %d pods left behind", err, len(pods.Items))
	}
	if _, err := p.Probe(t.Context(), trace.NodeSource("n2", "default"), connections(1)); err == nil || len(created) != 1 {
		t.Errorf("after the end: error %v, pods on %q", err, created)
	}
}
