package access

import (
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
)

// TestHold: the pod runs until it is removed, its owner outlives its deadline, and a pod that does not come to run is removed at once.
func TestHold(t *testing.T) {
	for name, tt := range map[string]struct {
		status corev1.PodStatus
		want   string
	}{
		"it runs":                    {status: corev1.PodStatus{Phase: corev1.PodRunning}},
		"the image cannot be pulled": {waiting("ErrImagePull"), "cannot start: ErrImagePull"},
		"it ends at once":            {corev1.PodStatus{Phase: corev1.PodSucceeded}, "ended at once"},
		"it fails":                   {corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}, "failed: Evicted"},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			kubelet(client, tt.status)
			var job *batchv1.Job
			client.PrependReactor("create", "jobs", func(a clienttesting.Action) (bool, runtime.Object, error) {
				job = a.(clienttesting.CreateAction).GetObject().(*batchv1.Job)
				return false, nil, nil
			})
			held, err := newDebug(client, "netshoot:1").Hold(t.Context(), "n1", "dualstack-node-x", time.Hour, []string{"sleep", "1h"})
			checkError(t, err, tt.want, true)
			if err == nil {
				if held.Container != (Container{Namespace: "debug-ns", Pod: "dualstack-node-x", Name: "probe"}) || podsIn(t, client, "debug-ns") != 1 {
					t.Errorf("got %+v", held.Container)
				}
				if err := held.Remove(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if job == nil || *job.Spec.TTLSecondsAfterFinished <= int32(time.Hour.Seconds()) {
				t.Errorf("job %+v", job)
			}
			jobs, err := client.BatchV1().Jobs("debug-ns").List(t.Context(), metav1.ListOptions{})
			if left := podsIn(t, client, "debug-ns"); err != nil || len(jobs.Items) != 0 || left != 0 {
				t.Errorf("%v: %d jobs and %d pods left behind", err, len(jobs.Items), left)
			}
		})
	}
}

// TestHeldPod pins what the pod may do.
func TestHeldPod(t *testing.T) {
	pod := heldPod("debug-ns", "n1", "dualstack-node-xxxxxxxxxx", "multitool:1", time.Hour, []string{"sleep", "1h"})
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	got, err := yaml.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	testutil.Golden(t, "heldpod.golden.yaml", got)
}
