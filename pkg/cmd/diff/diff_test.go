package diff

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// runDiff runs the command and returns what it printed.
func runDiff(t *testing.T, args ...string) (out, errOut string, err error) {
	t.Helper()
	t.Setenv("KUBECONFIG", "/dev/null")
	streams, _, o, e := genericiooptions.NewTestIOStreams()
	cmd := NewCmdDiff(NewFlags(inspector.NewFlags(genericclioptions.NewConfigFlags(false), streams)), nil)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return o.String(), e.String(), err
}

// written is the file of a snapshot.
func written(t *testing.T, s *inspect.Snapshot) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cluster.snapshot")
	if err := snapfile.WriteFile(context.Background(), path, s); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDiff(t *testing.T) {
	healthy := written(t, inspecttest.Lab())
	broken := written(t, inspecttest.With(inspecttest.FDBDeleted(inspecttest.Worker, inspecttest.Worker2, inspect.IPv6)))
	tests := []struct {
		name, summary string
		args          []string
		out, errOut   []string
	}{
		{"the same", "", []string{healthy, healthy}, nil, []string{"Nothing changed.\n"}},
		{"a fault", "2 things changed", []string{healthy, broken}, []string{"new ", "DS604", "gone "}, nil},
		{"its mend", "2 things changed", []string{broken, healthy}, []string{"solved ", "added "}, nil},
		{"as JSON", "2 things changed", []string{healthy, broken, "-o", "json"}, []string{`"kind": "ChangeList"`, `"code": "DS604"`}, nil},
		{"the same as JSON", "", []string{healthy, healthy, "-o", "json"}, []string{`"items": []`}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, errOut, err := runDiff(t, tt.args...)
			if summary := ""; err != nil {
				summary = err.Error()
				if summary != tt.summary {
					t.Fatalf("error %q", summary)
				}
			} else if tt.summary != "" {
				t.Fatal("no error")
			}
			for _, want := range tt.out {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			if got, want := errOut, strings.Join(tt.errOut, ""); got != want {
				t.Errorf("standard error %q, want %q", got, want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for want, args := range map[string][]string{
		"one or two files":                {},
		"standard input can be read once": {"-", "-"},
		"no-such.snapshot":                {"no-such.snapshot", "demo"},
	} {
		if out, _, err := runDiff(t, args...); err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("%v: error %v, output %q", args, err, out)
		}
	}
}
