package interrupt_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/interrupt"
)

// TestBlocked: a read and a write that wait for the other end of a pipe end with the context.
func TestBlocked(t *testing.T) {
	cause := errors.New("interrupted")
	for name, do := range map[string]func(context.Context, *io.PipeReader, *io.PipeWriter) error{
		"read": func(ctx context.Context, r *io.PipeReader, _ *io.PipeWriter) error {
			_, err := interrupt.Reader(ctx, r).Read(make([]byte, 8))
			return err
		},
		"write": func(ctx context.Context, _ *io.PipeReader, w *io.PipeWriter) error {
			_, err := interrupt.Writer(ctx, w).Write([]byte("x"))
			return err
		},
	} {
		r, w := io.Pipe()
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error)
		go func() { done <- do(ctx, r, w) }()
		cancel(cause)
		if err := <-done; !errors.Is(err, cause) {
			t.Errorf("%s: got %v", name, err)
		}
		_ = r.Close()
	}
}

// TestPasses: until then everything passes, with its errors.
func TestPasses(t *testing.T) {
	text := strings.Repeat("hello ", 10000)
	var out bytes.Buffer
	if _, err := io.Copy(interrupt.Writer(t.Context(), &out), interrupt.Reader(t.Context(), strings.NewReader(text))); err != nil || out.String() != text {
		t.Errorf("%d of %d bytes, error %v", out.Len(), len(text), err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := interrupt.Reader(ended, strings.NewReader(text)).Read(make([]byte, 8)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("behind the end: %d bytes, error %v", n, err)
	}
}
