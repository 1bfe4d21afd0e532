package access

import (
	"bytes"
	"context"
	"io"
)

// Buffer keeps the bytes written to it up to a limit, and refuses more.
type Buffer struct {
	bytes.Buffer
	Limit int
}

var _ io.Writer = (*Buffer)(nil)

// Write implements io.Writer. It drops bytes beyond the limit and returns ErrTooLarge.
func (b *Buffer) Write(p []byte) (int, error) {
	room := b.Limit - b.Len()
	if len(p) > room {
		n, _ := b.Buffer.Write(p[:max(room, 0)])
		return n, ErrTooLarge{b.Limit}
	}
	return b.Buffer.Write(p)
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
