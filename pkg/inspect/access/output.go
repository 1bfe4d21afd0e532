package access

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
)

// maxStderr bounds how much of a command's text an error quotes.
const maxStderr = 200

// Limits bound an exec.
type Limits struct {
	Timeout time.Duration
	Output  int // bytes
	// Greets says that the command prints something as soon as it begins: if nothing comes, the node's kubelet does not answer.
	Greets bool
}

// ErrTooLarge is the error of an exec, or another source, that prints more than it may.
type ErrTooLarge struct{ Limit int }

// Error says by how much.
func (e ErrTooLarge) Error() string { return "printed more than " + size(e.Limit) }

func size(bytes int) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// Output runs a command in a container and returns what it printed on its standard output. If it fails, the output so
// far comes with the error. An error that IsPermanent will not go away by trying again.
func Output(ctx context.Context, stream Stream, c Container, command []string, limits Limits) ([]byte, error) {
	stdout := NewOutput(ctx, limits.Output)
	stderr := &Buffer{Limit: maxStderr}
	err := WithTimeout(ctx, limits.Timeout, func(ctx context.Context) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		streams := Streams{Stdout: cancelOnError{stdout, cancel}, Stderr: stderr}
		if limits.Greets {
			first := waitFirst{time.AfterFunc(kubeletPatience, func() { cancel(noFirstByte()) })}
			defer first.timer.Stop()
			streams.Stdout, streams.Stderr = io.MultiWriter(first, streams.Stdout), io.MultiWriter(first, streams.Stderr)
		}
		err := stream(ctx, c, command, streams)
		switch cause := context.Cause(ctx); {
		case IsNoAnswer(cause):
			return cause
		case errors.As(cause, new(ErrTooLarge)):
			return Permanent(cause)
		case errors.As(cause, new(*budget.ExceededError)): // there may be room later
			return cause
		}
		return err
	})
	return stdout.Bytes(), explain(err, c, FirstLine(stderr.Bytes()))
}

// explain words the error of an exec.
func explain(err error, c Container, said string) error {
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return Permanent(fmt.Errorf("cannot create pods/exec in namespace %s: permission denied", c.Namespace))
	case apierrors.IsNotFound(err):
		return Permanent(fmt.Errorf("pod %s is gone", c))
	case errors.As(err, new(ErrTooLarge)), errors.As(err, new(*budget.ExceededError)), IsNoAnswer(err):
		return err
	}
	if why := notDialed(err); why != "" {
		return NoAnswerError{why}
	}
	none := saysNoSuchCommand(err.Error()) || saysNoSuchCommand(said)
	if said != "" {
		err = fmt.Errorf("%w (%s)", err, said)
	}
	err = fmt.Errorf("exec into pod %s: %w", c, err)
	if none {
		return Permanent(noSuchCommandError{err})
	}
	return err
}

// WithoutQueries shortens the addresses of requests in an error: in that of an exec, the whole command is part of one.
func WithoutQueries(text string) string {
	return regexp.MustCompile(`(https?://[^\s"?]+)\?[^\s"]*`).ReplaceAllString(text, "$1")
}

// IsNoSuchCommand reports whether an exec failed because the container does not have the program.
func IsNoSuchCommand(err error) bool { return errors.As(err, new(noSuchCommandError)) }

type noSuchCommandError struct{ error }

func (e noSuchCommandError) Unwrap() error { return e.error }

// saysNoSuchCommand knows the words of runc, crun and the runtimes above them. A shell that lacks a program uses
// others.
func saysNoSuchCommand(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "executable file") && strings.Contains(text, "not found") ||
		strings.Contains(text, "exec failed") &&
			(strings.Contains(text, "no such file or directory") || strings.Contains(text, "exec format error"))
}

// WithTimeout runs f for at most d. It does not retry after a timeout, which would only take as long again.
func WithTimeout(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	err := f(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return Permanent(fmt.Errorf("no answer within %v", d))
	}
	return err
}

// FirstLine returns the first line of a command's text, trimmed and bounded.
func FirstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	if len(line) > maxStderr {
		line = line[:maxStderr]
	}
	return strings.ToValidUTF8(strings.TrimSpace(line), "?")
}
