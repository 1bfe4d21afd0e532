//go:build e2e

package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDebugPodsOfAKilledCommand: the pods of a command that is killed go by themselves, with the jobs that own them. The TTL
// is three minutes.
func TestDebugPodsOfAKilledCommand(t *testing.T) {
	takesTurns(t, true)
	l := shared(t)
	left := func() string {
		return strings.TrimSpace(l.kubectl(t, "get", "jobs,pods", "--namespace", "kube-system", "--output", "name",
			"--selector", "app.kubernetes.io/managed-by=kubectl-dualstack"))
	}
	p := l.start(t, "fdb", "--node-access", "debug")
	eventually(t, "a debug pod", func() bool { return strings.Contains(left(), "pod/") })
	p.end(t, syscall.SIGKILL)
	if left() == "" {
		t.Skip("the command was killed too late: its pods were gone already")
	}
	const patience = 10 * time.Minute
	for start := time.Now(); left() != ""; time.Sleep(time.Second) {
		if time.Since(start) > patience {
			t.Fatalf("%s later there are still\n%s", patience, left())
		}
	}
}
