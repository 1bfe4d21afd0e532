package access

import (
	"bytes"
	"context"
	"io"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
)

// Buffer keeps the bytes written to it up to a limit, and refuses more.
type Buffer struct {
	bytes.Buffer
	Limit   int
	Budget  *budget.Budget // pays for the bytes; may be nil
	Refused error          // why it refused some
}

var _ io.Writer = (*Buffer)(nil)

// Write implements io.Writer. It drops bytes beyond the limit and returns ErrTooLarge, or the error of its budget.
func (b *Buffer) Write(p []byte) (int, error) {
	if err := b.Budget.Spend(len(p)); err != nil {
		b.Refused = err
		return 0, err
	}
	room := b.Limit - b.Len()
	if len(p) > room {
		n, _ := b.Buffer.Write(p[:max(room, 0)])
		b.Refused = ErrTooLarge{b.Limit}
		return n, b.Refused
	}
	return b.Buffer.Write(p)
}

// outputBudget is the key of a context's budget for the output of commands.
type outputBudget struct{}

// WithOutputBudget returns a context in which a Way pays from the budget for what it keeps of a command's output.
func WithOutputBudget(ctx context.Context, b *budget.Budget) context.Context {
	return context.WithValue(ctx, outputBudget{}, b)
}

// NewOutput returns the buffer for a command's output, within the context's budget (see WithOutputBudget).
func NewOutput(ctx context.Context, limit int) *Buffer {
	b, _ := ctx.Value(outputBudget{}).(*budget.Budget)
	return &Buffer{Limit: limit, Budget: b}
}

// cancelOnError calls cancel at the first write that fails. The streams of an exec do not report a failing writer:
// without this the command would go on printing.
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
