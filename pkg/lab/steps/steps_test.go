package steps

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
)

// journal keeps what the steps of a test did, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(s string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, s)
}

func (j *journal) step(name string, err error, after ...string) Step {
	return Step{
		Name: name, After: after,
		Do:   func(context.Context, func(string)) error { j.add("do " + name); return err },
		Undo: func(context.Context) error { j.add("undo " + name); return nil },
	}
}

func TestRun(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name   string
		plan   func(j *journal) Plan
		retain bool
		want   []string
		err    string
	}{
		{"in the order that the steps ask for", func(j *journal) Plan {
			return Plan{j.step("a", nil), j.step("b", nil, "a"), j.step("c", nil, "b")}
		}, false, []string{"do a", "do b", "do c"}, ""},
		{"a failure undoes what was begun, backwards, and its own half", func(j *journal) Plan {
			return Plan{j.step("a", nil), j.step("b", boom, "a"), j.step("c", nil, "b")}
		}, false, []string{"do a", "do b", "undo b", "undo a"}, "b: boom"},
		{"a failure is kept with retain", func(j *journal) Plan {
			return Plan{j.step("a", nil), j.step("b", boom, "a")}
		}, true, []string{"do a", "do b"}, "b: boom"},
		{"what was there is neither done nor undone", func(j *journal) Plan {
			a := j.step("a", nil)
			a.Done = func(context.Context) (bool, error) { return true, nil }
			return Plan{a, j.step("b", boom, "a")}
		}, false, []string{"do b", "undo b"}, "b: boom"},
		{"a step that cannot be asked", func(j *journal) Plan {
			a := j.step("a", nil)
			a.Done = func(context.Context) (bool, error) { return false, boom }
			return Plan{a}
		}, false, nil, "a: boom"},
		{"a step that follows one that is not there", func(j *journal) Plan { return Plan{j.step("a", nil, "b")} }, false, nil, `follows "b"`},
		{"two steps of one name", func(j *journal) Plan { return Plan{j.step("a", nil), j.step("a", nil)} }, false, nil, "two steps"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var j journal
			err := tt.plan(&j).Run(t.Context(), status.New(io.Discard), tt.retain)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if !slices.Equal(j.lines, tt.want) {
				t.Errorf("did %v, want %v", j.lines, tt.want)
			}
		})
	}
}

func TestStepsRunAtOnce(t *testing.T) {
	meet := make(chan struct{}) // unbuffered: each of the two steps goes on only if the other runs too
	wait := func(send bool) func(context.Context, func(string)) error {
		return func(ctx context.Context, _ func(string)) error {
			if send {
				select {
				case meet <- struct{}{}:
				case <-ctx.Done():
				}
				return nil
			}
			select {
			case <-meet:
			case <-ctx.Done():
			}
			return nil
		}
	}
	err := Plan{{Name: "a", Do: wait(true)}, {Name: "b", Do: wait(false)}}.Run(t.Context(), status.New(io.Discard), false)
	if err != nil {
		t.Error(err)
	}
}

func TestInterruptUndoesWithAContextOfItsOwn(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("interrupted")
	undone := false
	err := Plan{{
		Name: "a",
		Do: func(ctx context.Context, _ func(string)) error {
			cancel(stopped)
			<-ctx.Done()
			return ctx.Err()
		},
		Undo: func(ctx context.Context) error { undone = ctx.Err() == nil; return nil },
	}}.Run(ctx, status.New(io.Discard), false)
	if !errors.Is(err, stopped) || !undone {
		t.Errorf("error %v, undone %v", err, undone)
	}
}

func TestUndoGoesOnAfterAFailure(t *testing.T) {
	var j journal
	a, b := j.step("a", nil), j.step("b", errors.New("boom"), "a")
	b.Undo = func(context.Context) error { return errors.New("stuck") }
	err := Plan{a, b}.Run(t.Context(), status.New(io.Discard), false)
	if err == nil || !strings.Contains(err.Error(), "boom") || !strings.Contains(err.Error(), "undo b: stuck") {
		t.Errorf("error %v", err)
	}
	if !slices.Contains(j.lines, "undo a") {
		t.Error("a was not undone")
	}
}
