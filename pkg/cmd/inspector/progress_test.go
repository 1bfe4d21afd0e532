//go:build unix

package inspector

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
)

// slow is a source that says how far it is.
type slow struct {
	gather.Source
	err error
}

func (s slow) Snapshot(_ context.Context, req gather.Request) (*inspect.Snapshot, error) {
	if req.Progress != nil {
		req.Progress(gather.Progress{Reading: []inspect.Fact{inspect.FactPods, inspect.FactTables}, Tables: 12, Nodes: 200})
	}
	return &inspect.Snapshot{}, s.err
}

// TestProgress holds that a terminal sees what is being read, and nothing of it once that ends; a pipe never does.
func TestProgress(t *testing.T) {
	interrupted := errors.New("Ctrl-C")
	for name, err := range map[string]error{"read": nil, "interrupted": interrupted} {
		t.Run(name, func(t *testing.T) {
			seen, terminal := open(t)
			o := &Options{Source: slow{err: err}, Progress: true, IOStreams: genericiooptions.IOStreams{ErrOut: terminal}}
			if _, got := o.Gather(t.Context()); !errors.Is(got, err) {
				t.Errorf("got error %v", got)
			}
			terminal.Close()
			if text := seen(); !strings.Contains(text, "reading: pods, 12 of 200 node tables") || !strings.HasSuffix(text, "\r\x1b[K") {
				t.Errorf("the terminal got %q", text)
			}
			var pipe bytes.Buffer
			o.ErrOut = &pipe
			if _, got := o.Gather(t.Context()); !errors.Is(got, err) || pipe.Len() > 0 {
				t.Errorf("a pipe got %q and %v", pipe.String(), got)
			}
		})
	}
}

// open opens a terminal; the function returns what was written to it, once it is closed.
func open(t *testing.T) (func() string, *os.File) {
	t.Helper()
	screen, terminal, err := pty.Open()
	if err != nil {
		t.Skipf("there are no terminals here: %v", err)
	}
	t.Setenv("TERM", "xterm")
	if err := pty.Setsize(terminal, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	text := make(chan string, 1)
	go func() {
		data, _ := io.ReadAll(screen) // Linux ends it with an error
		text <- string(data)
	}()
	return func() string {
		defer screen.Close()
		select {
		case s := <-text:
			return s
		case <-time.After(10 * time.Second):
			return ""
		}
	}, terminal
}
