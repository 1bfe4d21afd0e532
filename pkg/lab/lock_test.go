package lab

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
)

const (
	lockRun   = "docker run --rm --interactive --name dual-stack-lock"
	lockTaken = `docker: Error response from daemon: Conflict. The container name "/dual-stack-lock" is already in use by container "1".` +
		"\n\nRun 'docker run --help' for more information"
)

func lockJSON(running bool, purpose string) map[string]any {
	labels := record.Labels("dual-stack", record.RoleLock)
	labels[record.LabelPurpose] = purpose
	return containerJSON("dual-stack-lock", running, labels)
}

// TestCreateTwiceAtOnce: the second command touches nothing of what the first one builds, and says who is at work.
func TestCreateTwiceAtOnce(t *testing.T) {
	create := func(t *testing.T, m *Manager) error { _, err := m.Create(t.Context(), options(t)); return err }
	remove := func(t *testing.T, m *Manager) error { return m.Delete(t.Context(), "dual-stack", "") }
	tests := []struct {
		name, purpose, said, want string
		call                      func(*testing.T, *Manager) error
	}{
		{"create while creating", forCreation, lockTaken, `lab "dual-stack": another creation is under way (since `, create},
		{"create while deleting", forDeletion, lockTaken, `lab "dual-stack": a deletion is under way (since `, create},
		{"delete while creating", forCreation, lockTaken, `lab "dual-stack": a creation is under way (since `, remove},
		{"delete while deleting", forDeletion, lockTaken, `lab "dual-stack": another deletion is under way (since `, remove},
		{"in words that are not known", forCreation, "no way", `lab "dual-stack": a creation is under way (since `, remove},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := theRecord()
			synctest.Test(t, func(t *testing.T) {
				// The switch and a node are there: the first creation waits for the others.
				f, m := host(t, switchJSON(t, r, true), nodeJSON("dual-stack", "dual-stack-control-plane", true, true))
				f.Fail(lockRun, 125, tt.said)
				f.Answer("docker container inspect dual-stack-lock", inspectText(t, lockJSON(true, tt.purpose)), nil)
				if err := tt.call(t, m); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
					t.Errorf("error %v, want %s…", err, tt.want)
				}
				nothingTouched(t, f)
			})
		})
	}
}

func nothingTouched(t *testing.T, f *run.Fake) {
	t.Helper()
	for _, c := range f.Calls() {
		for _, verb := range []string{"docker rm", "docker create", "docker start", "docker network rm"} {
			if strings.HasPrefix(c.Cmd, verb) {
				t.Errorf("ran %q", c.Cmd)
			}
		}
	}
}

// locks is a runtime that has one lock: it lives as long as its input, as the real one does.
type locks struct {
	container.Runtime
	mu   sync.Mutex
	held chan struct{} // closed: somebody removed it
}

func (l *locks) Run(_ context.Context, _ container.Spec, stdin io.Reader, stdout io.Writer) error {
	l.mu.Lock()
	if l.held != nil {
		l.mu.Unlock()
		return container.ErrInUse
	}
	held := make(chan struct{})
	l.held = held
	l.mu.Unlock()
	if _, err := stdout.Write([]byte("\n")); err != nil {
		return err
	}
	closed := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, stdin); close(closed) }()
	select {
	case <-closed:
	case <-held:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = nil
	return nil
}

func TestLockEndsWithItsCommand(t *testing.T) {
	rt := &locks{}
	m := &Manager{Runtime: rt, Progress: status.New(io.Discard)}
	boom := errors.New("boom")
	for range 2 { // the second time it is free again
		ran := false
		err := m.exclusively(t.Context(), "x", "image", forCreation, func(ctx context.Context) error {
			ran = true
			if _, err := m.tryLock(ctx, "x", "image", forCreation); !errors.Is(err, container.ErrInUse) {
				t.Errorf("a second lock: %v", err)
			}
			if _, err := m.tryLock(ctx, "y", "image", forCreation); !errors.Is(err, container.ErrInUse) {
				t.Errorf("the stand-in has one lock: %v", err)
			}
			return boom
		})
		if !ran || !errors.Is(err, boom) {
			t.Errorf("ran %v, error %v", ran, err)
		}
	}
}

// TestLockThatIsTakenAwayStopsItsCommand: otherwise two commands would build the same lab.
func TestLockThatIsTakenAwayStopsItsCommand(t *testing.T) {
	rt := &locks{}
	m := &Manager{Runtime: rt, Progress: status.New(io.Discard)}
	err := m.exclusively(t.Context(), "x", "image", forCreation, func(ctx context.Context) error {
		rt.mu.Lock()
		close(rt.held)
		rt.mu.Unlock()
		<-ctx.Done()
		return context.Cause(ctx)
	})
	if !errors.Is(err, errLockLost) || !strings.Contains(err.Error(), "x-lock") {
		t.Errorf("error %v", err)
	}
}

// TestLockOfADeadCommand: a command that was killed before its lock ran leaves a container that does not run.
func TestLockOfADeadCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := host(t)
		f.Fail(lockRun, 125, lockTaken)
		f.Answer("docker container inspect dual-stack-lock", inspectText(t, lockJSON(false, forCreation)), nil)
		f.Answer("docker rm -f -v dual-stack-lock", "", nil)
		_, err := m.lock(t.Context(), "dual-stack", "image", forCreation)
		if !errors.Is(err, errNoLock) { // the stand-in goes on to say that the name is taken
			t.Errorf("error %v", err)
		}
		removed := 0
		for _, c := range f.Calls() {
			if c.Cmd == "docker rm -f -v dual-stack-lock" {
				removed++
			}
		}
		if removed != 1 {
			t.Errorf("removed %d times: %+v", removed, f.Calls())
		}
	})
}
