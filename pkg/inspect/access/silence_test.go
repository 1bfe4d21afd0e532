package access

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/client-go/kubernetes/fake"
)

// TestNoAnswer: a kubelet that sends nothing is given up early, and a command that has begun gets all of its time.
func TestNoAnswer(t *testing.T) {
	refused := errors.New(`Internal error occurred: error sending request: Post "https://10.0.0.1:10250/exec": dial tcp 10.0.0.1:10250: connect: connection refused`)
	hangs := func(ctx context.Context, _ Container, _ []string, _ Streams) error {
		<-ctx.Done()
		return ctx.Err()
	}
	for name, tt := range map[string]struct {
		stream Stream
		silent bool
		says   string
		took   time.Duration
	}{
		"nothing comes": {hangs, true, "nothing came within 8s", kubeletPatience},
		"it has begun": {func(ctx context.Context, c Container, command []string, s Streams) error {
			_, _ = s.Stdout.Write([]byte("\n"))
			return hangs(ctx, c, command, s)
		}, false, "no answer within 30s", execTimeout},
		"it complains": {func(_ context.Context, _ Container, _ []string, s Streams) error {
			time.Sleep(kubeletPatience / 2)
			_, _ = s.Stderr.Write([]byte("sh: no such thing"))
			time.Sleep(kubeletPatience)
			return errors.New("command terminated with exit code 1")
		}, false, "exit code 1 (sh: no such thing)", kubeletPatience * 3 / 2},
		"not reached": {func(context.Context, Container, []string, Streams) error { return refused }, true, "dial tcp 10.0.0.1:10250: connect: connection refused", 0},
		"another server": {func(context.Context, Container, []string, Streams) error {
			return errors.New("dial tcp 10.0.0.9:6443: connect: connection refused")
		}, false, "10.0.0.9:6443", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				_, err := Output(t.Context(), tt.stream, Container{"ns", "pod", "c"}, nil, Limits{Timeout: execTimeout, Output: 100, Greets: true})
				if err == nil || IsNoAnswer(err) != tt.silent || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v", err)
				}
				if took := time.Since(began); took != tt.took {
					t.Errorf("it took %v, want %v", took, tt.took)
				}
			})
		})
	}
}

// TestSilence: a silent node is remembered, other errors and nodes are not, and no pod is begun on it.
func TestSilence(t *testing.T) {
	var s Silence
	_ = s.Note("a", errors.New("broken pipe"))
	_ = s.Note("", NoAnswerError{"x"})
	if s.Of("a") != nil || len(s.Nodes()) > 0 {
		t.Errorf("silent: %v", s.Nodes())
	}
	_ = s.Note("b", NoAnswerError{"nothing came"})
	if err := s.Of("b"); !IsNoAnswer(err) || !IsPermanent(err) || s.Of("a") != nil {
		t.Errorf("b: %v, a: %v", err, s.Of("a"))
	}
	client := fake.NewClientset()
	if _, err := NewDebug(client, "ns", "image", &s).Run(t.Context(), "b", "SCRIPT"); err == nil || !strings.Contains(err.Error(), "not tried") {
		t.Errorf("a debug pod: %v", err)
	}
	if n := len(client.Actions()); n > 0 {
		t.Errorf("%d requests for a node that does not answer", n)
	}
}
