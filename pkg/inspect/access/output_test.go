package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/exec"
)

// printing is a transport whose command prints, and ends as told.
func printing(out, said string, err error) Stream {
	return func(_ context.Context, _ Container, _ []string, s Streams) error {
		_, _ = io.WriteString(s.Stdout, out)
		_, _ = io.WriteString(s.Stderr, said)
		return err
	}
}

// TestOutput: what was printed comes back whatever befell the command, and an exit code is an error.
func TestOutput(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	noProgram := errors.New(`OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": ` +
		`executable file not found in $PATH: unknown`)
	tests := map[string]struct {
		stream    Stream
		err       string
		permanent bool
		none      bool // the container has no such program
	}{
		"success":             {stream: printing("out", "a warning", nil)},
		"an exit code":        {stream: printing("out", "no such thing\nmore", exec.CodeExitError{Err: errors.New("exit 3"), Code: 3}), err: "exec into pod ns/pod: exit 3 (no such thing)"},
		"a lost exit code":    {stream: printing("out", "", io.ErrUnexpectedEOF), err: "exec into pod ns/pod: unexpected EOF"},
		"a broken connection": {stream: printing("out", "", errors.New("websocket: close 1006 (abnormal closure)")), err: "abnormal closure"},
		"no permission":       {stream: printing("out", "", apierrors.NewForbidden(pods, "pod", errors.New("no"))), err: "cannot create pods/exec in namespace ns: permission denied", permanent: true},
		"no such pod":         {stream: printing("out", "", apierrors.NewNotFound(pods, "pod")), err: "pod ns/pod is gone", permanent: true},
		"no such program":     {stream: printing("out", "", noProgram), err: "not found in $PATH", permanent: true, none: true},
		"a shell without it":  {stream: printing("out", "sh: ping: not found", exec.CodeExitError{Err: errors.New("exit 127"), Code: 127}), err: "exit 127 (sh: ping: not found)"},
		"too much on stderr":  {stream: printing("out", strings.Repeat("x", 1<<20), errors.New("broken")), err: "broken (" + strings.Repeat("x", maxStderr) + ")"},
		"no text at all":      {stream: printing("out", "\xff\xfe", errors.New("broken")), err: "broken (?)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			out, err := Output(t.Context(), tt.stream, Container{"ns", "pod", "c"}, []string{"sh"}, Limits{Timeout: time.Minute, Output: 100})
			if string(out) != "out" {
				t.Errorf("got %q", out)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
			if IsPermanent(err) != tt.permanent || IsNoSuchCommand(err) != tt.none {
				t.Errorf("%v: permanent %v, no such program %v", err, IsPermanent(err), IsNoSuchCommand(err))
			}
		})
	}
}

// TestOutputLimits: what never stops printing, or never ends, is stopped, and is not tried again.
func TestOutputLimits(t *testing.T) {
	endless := func(ctx context.Context, _ Container, _ []string, s Streams) error {
		for ctx.Err() == nil {
			_, _ = s.Stdout.Write([]byte("0123456789")) // as the streams of an exec do, which drop the error
		}
		return ctx.Err()
	}
	hanging := func(ctx context.Context, _ Container, _ []string, s Streams) error {
		_, _ = io.WriteString(s.Stdout, "out")
		<-ctx.Done()
		return ctx.Err()
	}
	overflowing := printing(strings.Repeat("x", 2048), "", nil) // and ends before it could be stopped
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx       context.Context
		stream    Stream
		err       string
		kept      int
		permanent bool
	}{
		"endless":     {stream: endless, err: "printed more than 1 KiB", kept: 1024, permanent: true},
		"too much":    {stream: overflowing, err: "printed more than 1 KiB", kept: 1024, permanent: true},
		"hanging":     {stream: hanging, err: "no answer within 1m0s", kept: 3, permanent: true},
		"interrupted": {ctx: interrupted, stream: hanging, err: "context canceled", kept: 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := tt.ctx
				if ctx == nil {
					ctx = t.Context()
				}
				out, err := Output(ctx, tt.stream, Container{}, nil, Limits{Timeout: time.Minute, Output: 1024})
				if err == nil || !strings.Contains(err.Error(), tt.err) || IsPermanent(err) != tt.permanent || len(out) != tt.kept {
					t.Errorf("got %d bytes, error %v, permanent %v", len(out), err, IsPermanent(err))
				}
			})
		})
	}
}

// TestRetry: three attempts at most, none after one that stands, and none after an interruption.
func TestRetry(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tests := map[string]struct {
		f    func(attempt int) error
		want int
		err  string
	}{
		"success":     {f: func(int) error { return nil }, want: 1},
		"the second":  {f: func(n int) error { return map[int]error{1: ErrInconclusive}[n] }, want: 2},
		"never":       {f: func(n int) error { return fmt.Errorf("attempt %d: %w", n, ErrInconclusive) }, want: attempts, err: "attempt 3: inconclusive"},
		"permanent":   {f: func(int) error { return fmt.Errorf("wrapped: %w", Permanent(errors.New("no"))) }, want: 1, err: "wrapped: no"},
		"interrupted": {f: func(int) error { cancel(); return ErrInconclusive }, want: 1, err: "context canceled"},
	}
	for _, name := range []string{"success", "the second", "never", "permanent", "interrupted"} {
		t.Run(name, func(t *testing.T) {
			got := 0
			err := Retry(ctx, time.Nanosecond, func() error { got++; return tests[name].f(got) })
			if got != tests[name].want || (err == nil) != (tests[name].err == "") || err != nil && err.Error() != tests[name].err {
				t.Errorf("%d attempts, error %v", got, err)
			}
		})
	}
}
