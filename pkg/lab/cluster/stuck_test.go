package cluster

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// waiting gives a pod a container that waits.
func waiting(reason, message string, restarts int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c", Image: "quay.example/calico/node:v3.32.1", RestartCount: restarts,
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}}
	}
}

// TestStuck: a wait ends for what will not come, with what to do, and goes on for what may.
func TestStuck(t *testing.T) {
	for name, tt := range map[string]struct {
		pod     *corev1.Pod
		first   string // at once
		later   string // after a minute
		crashes int32  // in that minute
	}{
		"creating":        {pod("calico-system", "a", corev1.ConditionFalse, waiting("ContainerCreating", "", 0)), "", "", 0},
		"crashed once":    {pod("calico-system", "a", corev1.ConditionFalse, waiting("CrashLoopBackOff", "", 1)), "", "", 1},
		"crashes":         {pod("calico-system", "a", corev1.ConditionFalse, waiting("CrashLoopBackOff", "", 0)), "", "crashes again and again; its log ends with: fake logs", 5},
		"crashed earlier": {pod("calico-system", "a", corev1.ConditionFalse, waiting("CrashLoopBackOff", "", 9)), "", "", 1},
		"and crashes on":  {pod("calico-system", "a", corev1.ConditionFalse, waiting("CrashLoopBackOff", "", 9)), "", "crashes again", 5},
		"a failed pull":   {pod("calico-system", "a", corev1.ConditionFalse, waiting("ErrImagePull", "dial tcp: no route\nmore", 0)), "", "--image-archive", 0},
		"pulls fail":      {pod("tigera-operator", "a", corev1.ConditionFalse, waiting("ImagePullBackOff", "back-off", 0)), "", "node n1 cannot pull quay.example/calico/node:v3.32.1, for pod tigera-operator/a: back-off", 0},
		"never pulled":    {pod("default", "a", corev1.ConditionFalse, waiting("ErrImageNeverPull", "not present", 0)), "cannot pull", "", 0},
		"no such name":    {pod("default", "a", corev1.ConditionFalse, waiting("InvalidImageName", "x", 0)), "cannot pull", "", 0},
		"a healthy pod":   {pod("default", "a", corev1.ConditionTrue), "", "", 0},
		"is going away":   {pod("default", "a", corev1.ConditionFalse, waiting("InvalidImageName", "x", 0), func(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.Now()) }), "", "", 0},
		"an init crashes": {pod("default", "a", corev1.ConditionFalse, waiting("CrashLoopBackOff", "", 0), asInit), "", "crashes again", 5},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStuck(fake.NewClientset())
				var told string
				look := func() string {
					if err := s.look(t.Context(), []corev1.Pod{*tt.pod}, func(text string) { told = text }); err != nil {
						return err.Error()
					}
					return ""
				}
				if got := look(); !strings.Contains(got, tt.first) || (got == "") != (tt.first == "") {
					t.Fatalf("at once: %q, want %q", got, tt.first)
				}
				if tt.later != "" && tt.crashes == 0 && !strings.Contains(told, "cannot pull") {
					t.Errorf("a failed pull is told as %q", told)
				}
				time.Sleep(time.Minute)
				for _, list := range [][]corev1.ContainerStatus{tt.pod.Status.InitContainerStatuses, tt.pod.Status.ContainerStatuses} {
					for i := range list {
						list[i].RestartCount += tt.crashes
					}
				}
				if got := look(); tt.first == "" && (!strings.Contains(got, tt.later) || (got == "") != (tt.later == "")) {
					t.Errorf("later: %q, want %q", got, tt.later)
				}
			})
		})
	}
}

func asInit(p *corev1.Pod) {
	p.Status.InitContainerStatuses, p.Status.ContainerStatuses = p.Status.ContainerStatuses, nil
}
