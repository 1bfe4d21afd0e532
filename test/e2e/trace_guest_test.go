//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// bare is a pod with nothing but a static program in it: no shell and no tools.
func bare() string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: e2e-bare, labels: {app: e2e-bare}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: static, image: %q, imagePullPolicy: Never}
`, w.env.StaticImage)
}

// guestStates returns the states of the ephemeral containers in the bare pod: running, terminated or waiting.
func guestStates(t testing.TB, l *lab) []string {
	t.Helper()
	var pod struct {
		Status struct {
			EphemeralContainerStatuses []struct {
				State map[string]json.RawMessage
			}
		}
	}
	if err := json.Unmarshal([]byte(l.kubectl(t, "get", "pod", "e2e-bare", "-o", "json")), &pod); err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, c := range pod.Status.EphemeralContainerStatuses {
		for state := range c.State {
			states = append(states, state)
		}
	}
	return states
}

// TestTraceWithoutTools traces from a pod that has none: to its end, to Ctrl-C, and until it is killed. Each leaves an
// ephemeral container that has ended; Kubernetes cannot remove it.
func TestTraceWithoutTools(t *testing.T) {
	l := shared(t)
	s := site{lab: l}
	t.Cleanup(func() { s.remove(t, bare()) })
	s.apply(t, bare())
	l.kubectl(t, "wait", "--for", "condition=Ready", "--timeout", "3m", "pod/e2e-bare")
	ended := func(n int) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d ephemeral containers have ended", n), func() bool {
			states := guestStates(t, l)
			return len(states) == n && strings.Count(strings.Join(states, " "), "terminated") == n
		})
	}
	args := []string{"--from", "e2e-bare", "--probe-image", w.env.MultitoolImage, "2001:db8::1"}

	paths, r := tracePaths(t, l, args...)
	check(t, paths, r)
	if len(paths) != 1 || paths[0].Verdict != trace.Pass || !strings.Contains(r.errOut, "ephemeral container") {
		t.Errorf("%+v\n%s", paths, r)
	}
	ended(1)

	for i, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		p := l.start(t, append([]string{"trace", "--count", "100", "--timeout", "60s"}, args...)...)
		eventually(t, "an ephemeral container runs", func() bool {
			return strings.Contains(strings.Join(guestStates(t, l), " "), "running")
		})
		if code := p.end(t, signal); signal == syscall.SIGINT && code != 130 {
			t.Errorf("exit code %d after Ctrl-C, want 130", code)
		}
		ended(i + 2)
	}
}
