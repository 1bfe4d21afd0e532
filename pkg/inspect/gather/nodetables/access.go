package nodetables

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// NodeAccess is a way to run a script on a node, in the node's own network namespace.
type NodeAccess interface {
	// Name is how the way is called on the command line: exec, debug or runtime.
	Name() string
	// Run runs the script with sh on the node and returns what it printed. An error that IsPermanent will not go away
	// by trying again. It is safe for concurrent use.
	Run(ctx context.Context, node, script string) ([]byte, error)
}

// maxOutput is how much a node may print, in bytes. The tables of a node in a cluster of a thousand take about 1 MB; a
// node that carries the routes of the whole Internet is beyond what is read.
const maxOutput = 64 << 20

// errTooLarge is the error of a node that prints more than maxOutput.
var errTooLarge = Permanent(fmt.Errorf("the node printed more than %d MiB", maxOutput>>20))

// Permanent marks an error as one that trying again will not change.
func Permanent(err error) error { return permanentError{err} }

// IsPermanent reports whether an error was marked by Permanent.
func IsPermanent(err error) bool { return errors.As(err, new(permanentError)) }

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// withTimeout runs f for at most d. A node that does not answer is not asked again: that would only take as long again.
func withTimeout(ctx context.Context, d time.Duration, f func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	err := f(limited)
	if err != nil && ctx.Err() == nil && limited.Err() != nil {
		return Permanent(fmt.Errorf("no answer within %v", d))
	}
	return err
}

// boundedBuffer keeps what is written to it up to a limit, and refuses more.
type boundedBuffer struct {
	bytes.Buffer
	limit int
}

var _ io.Writer = (*boundedBuffer)(nil)

// Write implements io.Writer. What goes beyond the limit is dropped and is an error.
func (b *boundedBuffer) Write(p []byte) (int, error) {
	room := b.limit - b.Len()
	if len(p) > room {
		n, _ := b.Buffer.Write(p[:max(room, 0)])
		return n, errTooLarge
	}
	return b.Buffer.Write(p)
}

// cancelOnError calls cancel at the first write that fails. The streams of an exec do not report a failing writer:
// without this the command would go on printing to nobody.
type cancelOnError struct {
	io.Writer
	cancel context.CancelCauseFunc
}

func (w cancelOnError) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.cancel(err)
	}
	return n, err
}
