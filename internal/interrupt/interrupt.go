// Package interrupt ends the wait for a system call when a context ends: the other end of a pipe may never come.
package interrupt

import (
	"context"
	"io"
	"slices"
)

// Do returns what f returns, or the cause of the context's end if that comes first; f then goes on by itself.
func Do[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	if ctx.Err() == nil {
		done := make(chan result, 1)
		go func() {
			value, err := f()
			done <- result{value, err}
		}()
		select {
		case r := <-done:
			return r.value, r.err
		case <-ctx.Done():
		}
	}
	var none T
	return none, context.Cause(ctx)
}

// Reader returns a reader of r that ends with the context.
func Reader(ctx context.Context, r io.Reader) io.Reader { return &reader{ctx, r, nil} }

type reader struct {
	ctx    context.Context
	r      io.Reader
	buffer []byte // a read that goes on by itself must not write to the caller's buffer
}

func (r *reader) Read(p []byte) (int, error) {
	if len(r.buffer) < len(p) {
		r.buffer = make([]byte, len(p))
	}
	b := r.buffer[:len(p)]
	n, err := Do(r.ctx, func() (int, error) { return r.r.Read(b) })
	return copy(p, b[:n]), err
}

// Writer returns a writer to w that ends with the context.
func Writer(ctx context.Context, w io.Writer) io.Writer { return writer{ctx, w} }

type writer struct {
	ctx context.Context
	w   io.Writer
}

func (w writer) Write(p []byte) (int, error) {
	b := slices.Clone(p) // a write that goes on by itself reads from it
	return Do(w.ctx, func() (int, error) { return w.w.Write(b) })
}
