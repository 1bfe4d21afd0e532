package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
)

// kubelet makes the pods that are created have a status, as a kubelet would.
func kubelet(client *fake.Clientset, status corev1.PodStatus) {
	client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		pod := a.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		pod.Status = status
		return false, nil, nil
	})
}

// newDebug returns the access for a user who may delete pods, as far as the server says.
func newDebug(client kubernetes.Interface, image string) *Debug {
	d := NewDebug(client, "debug-ns", image, nil)
	d.mayRemove = func(context.Context, string, string) bool { return true }
	return d
}

func waiting(reason string) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{
		{State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "no such image"}}},
	}}
}

func TestDebug(t *testing.T) {
	deny := func(verb, resource string) func(*fake.Clientset) {
		return func(c *fake.Clientset) {
			c.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, forbidden(resource)
			})
		}
	}
	succeeded := corev1.PodStatus{Phase: corev1.PodSucceeded}
	tests := map[string]struct {
		status    corev1.PodStatus
		prepare   func(*fake.Clientset)
		logs      error
		image     string
		want      string
		not       string // what the error must not say
		permanent bool
		left      int // pods left behind
	}{
		"it runs":               {status: succeeded},
		"it runs another image": {status: succeeded, image: "netshoot:1"},
		"the image cannot be pulled": {
			status: waiting("ImagePullBackOff"), want: "cannot start: ImagePullBackOff: no such image", permanent: true,
		},
		"it fails": {
			status: corev1.PodStatus{Phase: corev1.PodFailed, Reason: "DeadlineExceeded"}, want: "failed: DeadlineExceeded",
			permanent: true,
		},
		"pods may not be created": {
			prepare: deny("create", "pods"), want: "cannot create pods in namespace debug-ns", permanent: true,
		},
		"pods may neither be created nor deleted": {
			prepare:   func(c *fake.Clientset) { deny("create", "pods")(c); deny("delete", "pods")(c) },
			want:      "cannot create pods in namespace debug-ns",
			not:       "delete it with kubectl",
			permanent: true,
		},
		"pods may not be read": {
			prepare: deny("get", "pods"), want: "cannot get pods in namespace debug-ns", permanent: true,
		},
		"its log may not be read": {
			status: succeeded, logs: forbidden("pods"), want: "cannot get pods/log in namespace debug-ns", permanent: true,
		},
		"its log breaks off": {status: succeeded, logs: io.ErrUnexpectedEOF, want: "read log of pod"},
		"pods may not be deleted": {
			status: succeeded, prepare: deny("delete", "pods"), want: "delete it with kubectl -n debug-ns delete pod dualstack-tables-",
			permanent: true, left: 1,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(daemonSet("calico-system"), calicoPod("calico-system", "calico-node-1", "n1", corev1.PodRunning))
			kubelet(client, tt.status)
			if tt.prepare != nil {
				tt.prepare(client)
			}
			d := newDebug(client, tt.image)
			d.logs = func(context.Context, string) (io.ReadCloser, error) {
				return io.NopCloser(strings.NewReader("printed")), tt.logs
			}
			out, err := d.Run(t.Context(), "n1", "SCRIPT")
			checkError(t, err, tt.want, tt.permanent)
			if tt.not != "" && err != nil && strings.Contains(err.Error(), tt.not) {
				t.Errorf("error %v", err)
			}
			if tt.want == "" && string(out) != "printed" {
				t.Errorf("output %q", out)
			}
			checkCreated(t, client, tt.image)
			if left := podsIn(t, client, "debug-ns"); left != tt.left {
				t.Errorf("%d pods left behind, want %d", left, tt.left)
			}
		})
	}
}

func checkCreated(t *testing.T, client *fake.Clientset, image string) {
	t.Helper()
	if image == "" {
		image = "calico/node:v3.28.5" // that of the node's calico-node
	}
	for _, a := range client.Actions() {
		create, ok := a.(clienttesting.CreateAction)
		if !ok {
			continue
		}
		pod, ok := create.GetObject().(*corev1.Pod)
		if !ok {
			continue
		}
		if got := pod.Spec.Containers[0].Image; got != image || pod.Spec.NodeName != "n1" {
			t.Errorf("pod with image %s on node %s", got, pod.Spec.NodeName)
		}
		return
	}
	t.Error("no pod was created")
}

func podsIn(t *testing.T, client *fake.Clientset, namespace string) int {
	t.Helper()
	// Not through the client, whose reactors may refuse.
	list, err := client.Tracker().List(corev1.SchemeGroupVersion.WithResource("pods"), corev1.SchemeGroupVersion.WithKind("Pod"), namespace)
	if err != nil {
		t.Fatal(err)
	}
	return len(list.(*corev1.PodList).Items)
}

// TestDebugInterrupted: Ctrl-C while the pod runs removes it all the same.
func TestDebugInterrupted(t *testing.T) {
	client := fake.NewClientset()
	ctx, cancel := context.WithCancel(t.Context())
	client.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		if podsIn(t, client, "debug-ns") != 1 {
			t.Error("the pod is not there")
		}
		cancel()
		return false, nil, nil
	})
	_, err := newDebug(client, "netshoot:1").Run(ctx, "n1", "SCRIPT")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left := podsIn(t, client, "debug-ns"); left != 0 {
		t.Errorf("%d pods left behind", left)
	}
}

// TestDebugRemovesHalfMade: the server made the pod, but its answer was lost.
func TestDebugRemovesHalfMade(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		create := a.(clienttesting.CreateAction)
		if err := client.Tracker().Create(create.GetResource(), create.GetObject(), create.GetNamespace()); err != nil {
			t.Error(err)
		}
		return true, nil, io.ErrUnexpectedEOF
	})
	_, err := newDebug(client, "netshoot:1").Run(t.Context(), "n1", "SCRIPT")
	checkError(t, err, "create pods in namespace debug-ns: unexpected EOF", false)
	if left := podsIn(t, client, "debug-ns"); left != 0 {
		t.Errorf("%d pods left behind", left)
	}
}

// TestDebugMayNotRemove: who may not delete pods does not create one.
func TestDebugMayNotRemove(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("create", "selfsubjectaccessreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		return true, a.(clienttesting.CreateAction).GetObject(), nil // nothing is allowed
	})
	_, err := NewDebug(client, "debug-ns", "netshoot:1", nil).Run(t.Context(), "n1", "SCRIPT")
	checkError(t, err, "cannot delete pods in namespace debug-ns: permission denied", true)
	if left := podsIn(t, client, "debug-ns"); left != 0 {
		t.Errorf("%d pods left behind", left)
	}
}

func TestDebugNoImage(t *testing.T) {
	_, err := newDebug(fake.NewClientset(), "").Run(t.Context(), "n1", "SCRIPT")
	checkError(t, err, "name an image with iproute2", true)
}

// TestDebugPod pins what the pod may do.
func TestDebugPod(t *testing.T) {
	pod := debugPod("debug-ns", "n1", "calico/node:v3.28.5", shell("SCRIPT", nil))
	if !strings.HasPrefix(pod.Name, "dualstack-tables-") {
		t.Errorf("name %s", pod.Name)
	}
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	pod.Name = "dualstack-tables-xxxxxxxxxx"
	got, err := yaml.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	testutil.Golden(t, "debugpod.golden.yaml", got)
}

// TestDebugRemovesOverTheWire: the removal is a request of its own, which an interruption does not hold back. The
// fake client does not look at contexts, so this goes to a server.
func TestDebugRemovesOverTheWire(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	deleted := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.Method {
		case http.MethodGet:
			cancel()
		case http.MethodDelete:
			deleted <- r.URL.Path
		}
		fmt.Fprint(w, `{"kind":"Pod","apiVersion":"v1","status":{"phase":"Pending"}}`)
	}))
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newDebug(client, "netshoot:1").Run(ctx, "n1", "SCRIPT"); err == nil {
		t.Error("no error")
	}
	select {
	case path := <-deleted:
		if !strings.HasPrefix(path, "/api/v1/namespaces/debug-ns/pods/dualstack-tables-") {
			t.Errorf("deleted %s", path)
		}
	default:
		t.Error("the pod was left behind")
	}
}

// TestDebugGoesByItself: the pod belongs to an object that the cluster deletes when its time is over, for when we are
// killed; and both are gone when we are not.
func TestDebugGoesByItself(t *testing.T) {
	client := fake.NewClientset()
	var job *batchv1.Job
	client.PrependReactor("create", "jobs", func(a clienttesting.Action) (bool, runtime.Object, error) {
		job = a.(clienttesting.CreateAction).GetObject().(*batchv1.Job)
		job.UID = "job"
		return false, nil, nil
	})
	var owners []metav1.OwnerReference
	kubelet(client, corev1.PodStatus{Phase: corev1.PodSucceeded})
	client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		owners = a.(clienttesting.CreateAction).GetObject().(*corev1.Pod).OwnerReferences
		return false, nil, nil
	})
	d := newDebug(client, "netshoot:1")
	d.logs = func(context.Context, string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("printed")), nil
	}
	if _, err := d.Run(t.Context(), "n1", "SCRIPT"); err != nil {
		t.Fatal(err)
	}
	if job == nil || *job.Spec.Completions != 0 || *job.Spec.Parallelism != 0 || *job.Spec.TTLSecondsAfterFinished <= debugDeadline {
		t.Fatalf("job %+v", job)
	}
	if len(owners) != 1 || owners[0].Kind != "Job" || owners[0].UID != "job" || owners[0].Name != job.Name {
		t.Errorf("owners %+v", owners)
	}
	jobs, err := client.BatchV1().Jobs("debug-ns").List(t.Context(), metav1.ListOptions{})
	if left := podsIn(t, client, "debug-ns"); err != nil || len(jobs.Items) != 0 || left != 0 {
		t.Errorf("%v: %d jobs and %d pods left behind", err, len(jobs.Items), left)
	}
}

// TestDebugAdoptsNoStranger: a pod that has the name of ours and is another is neither believed nor deleted.
func TestDebugAdoptsNoStranger(t *testing.T) {
	client := fake.NewClientset()
	kubelet(client, corev1.PodStatus{Phase: corev1.PodSucceeded})
	client.PrependReactor("get", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		return true, &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "debug-ns", Name: a.(clienttesting.GetAction).GetName(), UID: "stranger"},
			Status:     corev1.PodStatus{Phase: corev1.PodSucceeded},
		}, nil
	})
	var conditions []*metav1.Preconditions
	client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		a.(clienttesting.CreateAction).GetObject().(*corev1.Pod).UID = "ours"
		return false, nil, nil
	})
	client.PrependReactor("delete", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		conditions = append(conditions, a.(clienttesting.DeleteActionImpl).DeleteOptions.Preconditions)
		return false, nil, nil
	})
	_, err := newDebug(client, "netshoot:1").Run(t.Context(), "n1", "SCRIPT")
	checkError(t, err, "another has its name", true)
	if len(conditions) != 1 || conditions[0] == nil || *conditions[0].UID != "ours" {
		t.Errorf("deleted under the conditions %+v", conditions)
	}
}
