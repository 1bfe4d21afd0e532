package inspector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

func TestRepeat(t *testing.T) {
	interrupted := errors.New("Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	o := &Options{Watch: true, Interval: time.Microsecond, IOStreams: streams}
	looks := []struct {
		out string
		err error
	}{
		{"a ok\n", nil},
		{"a ok\n", nil},
		{"a wrong\n", exit.FindingsIf(1, "1 wrong")},
		{"a wrong\n", exit.FindingsIf(1, "1 wrong")},
		{"", errors.New("no way to it\x1b")},
		{"", errors.New("no way to it\x1b")},
		{"", fmt.Errorf("list pods: %w", &url.Error{Op: "Get", URL: "https://10.0.0.1", Err: io.EOF})},
		{"a ok\n", nil},
	}
	look := 0
	err := o.Repeat(ctx, func(context.Context) error {
		if look == len(looks) {
			cancel(interrupted)
			_, _ = fmt.Fprintln(o.Out, "half of a ta")
			return context.Canceled
		}
		look++
		_, _ = fmt.Fprint(o.Out, looks[look-1].out)
		return looks[look-1].err
	})
	if !errors.Is(err, interrupted) {
		t.Errorf("ends with %v", err)
	}
	if d := cmp.Diff("a ok\n\na wrong\n\na ok\n", out.String()); d != "" {
		t.Errorf("standard output (-want +got):\n%s", d)
	}
	if d := cmp.Diff("1 wrong\nerror: no way to it\\x1b\nUnable to connect to the server: EOF\n", errOut.String()); d != "" {
		t.Errorf("standard error (-want +got):\n%s", d)
	}
	if o.Out != streams.Out {
		t.Error("the streams stay replaced")
	}
}

func TestRepeatEndsWhereNothingCanBeRead(t *testing.T) {
	o := &Options{Watch: true, IOStreams: genericiooptions.NewTestIOStreamsDiscard()}
	broken := errors.New("no cluster")
	if err := o.Repeat(t.Context(), func(context.Context) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestRepeatOnce(t *testing.T) {
	o := &Options{}
	runs := 0
	if err := o.Repeat(t.Context(), func(context.Context) error { runs++; return nil }); err != nil || runs != 1 {
		t.Errorf("%d runs, %v", runs, err)
	}
}

func TestWatchOfASnapshot(t *testing.T) {
	flags := NewFlags(genericclioptions.NewConfigFlags(false), genericiooptions.NewTestIOStreamsDiscard())
	flags.Watch, flags.Snapshot = true, Demo
	if _, err := flags.ToOptions(inspect.FactPods, nil); !errors.As(err, new(*exit.UsageError)) {
		t.Errorf("got %v", err)
	}
}

// TestScreenIsATerminal sees that colours do not get lost with --watch.
func TestScreenIsATerminal(t *testing.T) {
	var buffer printer.Buffer = &screen{terminal: os.Stdout}
	if buffer.Behind() != os.Stdout {
		t.Error("it leads elsewhere")
	}
}
