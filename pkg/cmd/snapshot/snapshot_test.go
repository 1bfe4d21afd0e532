package snapshot

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// source answers with a snapshot and keeps what it was asked for.
type source struct {
	gather.Recorded
	asked gather.Request
	err   error
}

func (s *source) Snapshot(ctx context.Context, req gather.Request) (*inspect.Snapshot, error) {
	s.asked = req
	if s.err != nil {
		return nil, s.err
	}
	return s.Recorded.Snapshot(ctx, req)
}

// execute runs the command in a folder of its own.
func execute(t *testing.T, s *source, args ...string) (out *bytes.Buffer, errOut string, err error) {
	t.Helper()
	t.Setenv("KUBECONFIG", "/dev/null")
	streams, _, out, e := genericiooptions.NewTestIOStreams()
	flags := NewFlags(inspector.NewFlags(genericclioptions.NewConfigFlags(false), streams))
	cmd := NewCmdSnapshot(flags, func(ctx context.Context, o *Options) error {
		o.Source = s
		return o.Run(ctx)
	})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return out, e.String(), err
}

// TestRun: the file holds what the cluster had, and only its owner may read it.
func TestRun(t *testing.T) {
	t.Chdir(t.TempDir())
	lab := it.With(it.Unread(it.Worker2, "exec into calico-node: refused"), func(s *inspect.Snapshot) { s.Taken = time.Time{} })
	if err := os.WriteFile("file", []byte("what was there before"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &source{Recorded: gather.Recorded{Taken: lab}}
	out, errOut, err := execute(t, s, "file")
	if err != nil || out.Len() > 0 {
		t.Fatalf("got %q, error %v", out, err)
	}
	s.asked.Progress = nil
	if want := (gather.Request{Facts: inspect.Facts()}); !cmp.Equal(want, s.asked) {
		t.Errorf("the request is narrowed: %s", cmp.Diff(want, s.asked))
	}
	if !strings.Contains(errOut, "Warning: node tables: exec into calico-node: refused\n") ||
		!strings.Contains(errOut, "Warning: without the tables of "+it.Worker2+"\n") || !strings.Contains(errOut, "the tables of 2 of 3 nodes, in file.\n") {
		t.Errorf("the node that could not be read is not named: %q", errOut)
	}
	got, err := snapfile.ReadFile(t.Context(), "file")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Pods) != len(lab.Pods) || len(got.Tables) != 2 || got.Lacks(inspect.FactTables, it.Worker2) == "" || got.Taken.IsZero() || got.Tool == "" {
		t.Errorf("the file holds %d pods and %d tables, taken %v by %q", len(got.Pods), len(got.Tables), got.Taken, got.Tool)
	}
	if info, err := os.Stat("file"); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	onlyFile(t, "file")
}

func onlyFile(t *testing.T, names ...string) {
	t.Helper()
	files, err := filepath.Glob(".*")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	if files = append(files, more...); !cmp.Equal(files, names) {
		t.Errorf("there are the files %q, want %q", files, names)
	}
}

func TestStdout(t *testing.T) {
	out, _, err := execute(t, &source{Recorded: gather.Recorded{Taken: it.Lab()}}, "-", "--redact")
	if err != nil {
		t.Fatal(err)
	}
	got, err := snapfile.Read(out)
	if err != nil || len(got.Nodes) != 3 || got.Nodes[0].Name == it.ControlPlane {
		t.Errorf("got nodes %v, error %v", got.Nodes, err)
	}
}

// TestFailures leave nothing behind, and what was there before as it was.
func TestFailures(t *testing.T) {
	t.Chdir(t.TempDir())
	var none inspect.Snapshot
	for _, fact := range inspect.Facts() {
		none.Missing = append(none.Missing, inspect.Missing{Fact: fact, Reason: "permission denied"})
	}
	for name, s := range map[string]*source{
		"no connection":            {err: errors.New("refused")},
		"nothing that may be read": {Recorded: gather.Recorded{Taken: &none}},
	} {
		if _, _, err := execute(t, s, "file"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	onlyFile(t)
}

func TestUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	for want, args := range map[string][]string{
		"one FILE is needed":    {},
		"one FILE is needed, ":  {"a", "b"},
		"is a directory":        {"."},
		"there is no directory": {"no/file"},
		"or ./demo":             {"demo"},
		"--node-access":         {"a", "--node-access", "x"},
	} {
		var usage *exit.UsageError
		if _, _, err := execute(t, &source{}, args...); !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want %q", args, err, want)
		}
	}
	onlyFile(t)
}

// TestTerminal: nobody wants compressed text on a terminal.
func TestTerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("there is no terminal to be had: %v", err)
	}
	defer terminal.Close()
	o := &Options{Options: &inspector.Options{IOStreams: genericiooptions.IOStreams{Out: terminal}}, Path: inspector.Stdin}
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "terminal") {
		t.Errorf("got error %v", err)
	}
}
