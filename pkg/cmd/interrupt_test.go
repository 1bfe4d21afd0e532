//go:build unix

package cmd

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// TestInterruptedSnapshots: Ctrl-C ends a command that waits for the other end of a pipe, and one that is reading a large
// file, with exit code 130.
func TestInterruptedSnapshots(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	var large bytes.Buffer
	if err := snapfile.Write(&large, inspecttest.Synthetic(20)); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"read from standard input":    {"routes", "--snapshot", "-"},
		"read from a pipe":            {"routes", "--snapshot", "pipe"},
		"read by a snapshot":          {"snapshot", "file", "--snapshot", "-"},
		"written to standard output":  {"snapshot", "-", "--snapshot", "demo"},
		"written to a pipe":           {"snapshot", "pipe", "--snapshot", "demo"},
		"trace, from standard input":  {"trace", "--dry-run", "--snapshot", "-"},
		"graph, from standard input":  {"graph", "--snapshot", "-"},
		"diff, from standard input":   {"diff", "demo", "-"},
		"redacted to standard output": {"snapshot", "-", "--redact", "--snapshot", "demo"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			in, out := blocked{cancel}, blocked{cancel}
			if args[len(args)-1] == "pipe" || args[1] == "pipe" {
				cancel() // the pipe is never opened
			}
			if code := Run(ctx, append([]string{"dualstack"}, args...), genericiooptions.IOStreams{In: in, Out: out, ErrOut: io.Discard}); code != exit.Interrupted {
				t.Errorf("exit code %d", code)
			}
		})
	}
	t.Run("a large file", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		in := io.MultiReader(io.LimitReader(&large, int64(large.Len()/2)), after{cancel}, &large)
		var out bytes.Buffer
		if code := Run(ctx, []string{"dualstack", "routes", "--snapshot", "-"}, genericiooptions.IOStreams{In: in, Out: &out, ErrOut: io.Discard}); code != exit.Interrupted || out.Len() > 0 {
			t.Errorf("exit code %d, %d bytes of output", code, out.Len())
		}
	})
	files, err := filepath.Glob(".*")
	if _, statErr := os.Stat("file"); err != nil || len(files) > 0 || statErr == nil {
		t.Errorf("left behind: %q, %v", files, err)
	}
}

// blocked is the end of a pipe whose other end does nothing. It is interrupted once somebody waits for it.
type blocked struct{ cancel context.CancelFunc }

func (b blocked) Read([]byte) (int, error) {
	b.cancel()
	select {}
}

func (b blocked) Write([]byte) (int, error) {
	b.cancel()
	select {}
}

// after interrupts when everything before it was read, and reads nothing itself.
type after struct{ cancel context.CancelFunc }

func (a after) Read([]byte) (int, error) {
	a.cancel()
	return 0, io.EOF
}
