package check

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// run runs the command on a snapshot, and returns what it printed and its error.
func run(t *testing.T, s *inspect.Snapshot, args ...string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snapshot")
	var b bytes.Buffer
	if err := snapfile.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, b.Bytes())
	streams, _, out, _ := genericiooptions.NewTestIOStreams()
	cmd := NewCmdCheck(NewFlags(inspector.NewFlags(genericclioptions.NewConfigFlags(true), streams)), nil)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(append([]string{"--snapshot", file}, args...))
	err := cmd.ExecuteContext(context.Background())
	return out.String(), err
}

// TestFormats prints a cluster with one cause and what follows from it, in all formats.
func TestFormats(t *testing.T) {
	broken := it.With(it.Annotate(it.Worker, func(n *inspect.Node) { n.InternalIPs = n.InternalIPs[:1] }),
		it.DeviceDeleted(it.Worker2, inspect.IPv6))
	for name, args := range map[string][]string{
		"text": nil, "wide": {"-o", "wide"}, "json": {"-o", "json"}, "yaml": {"-o", "yaml"}, "name": {"-o", "name"},
		"only": {"--only", "kubernetes"}, "node": {"--node", it.Worker2, "--skip", "DS701"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := run(t, broken, args...)
			if err == nil {
				t.Error("a cluster with findings of severity error gives no error")
			}
			testutil.Golden(t, name+".golden", []byte(out))
		})
	}
}

// TestVerdicts holds the sentences for clusters that are as they are meant to be, and for one that cannot be read.
func TestVerdicts(t *testing.T) {
	for name, test := range map[string]struct {
		snapshot *inspect.Snapshot
		want     string
		fails    bool
	}{
		"healthy":   {it.Lab(), "dual-stack cluster: nothing wrong found", false},
		"IPv4 only": {it.With(it.Only(inspect.IPv4)), "IPv4-only cluster, and nothing in it asks for IPv6: nothing wrong found", false},
		"IPv6 only": {it.With(it.Only(inspect.IPv6)), "IPv6-only cluster, and nothing in it asks for IPv4: nothing wrong found", false},
		"no pools to be read": {it.With(it.Lacking(inspect.FactPools, "cannot list ippools: permission denied")),
			"not checked: DS101 ", false},
		"nothing at all": {&inspect.Snapshot{}, "is Calico installed?", false},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := run(t, test.snapshot)
			if (err != nil) != test.fails || !strings.Contains(out, test.want) {
				t.Errorf("got error %v and\n%s\nwant %q", err, out, test.want)
			}
			if lines := strings.Count(strings.TrimSpace(out), "\n") + 1; lines > 5 {
				t.Errorf("%d lines, want at most 5:\n%s", lines, out)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for want, args := range map[string][]string{
		`unknown rule or section "pool": see --list`: {"--only", "pool"},
		"--fail-on info: use error or warning":       {"--fail-on", "info"},
		`unknown rule "DS000": see --list`:           {"--explain", "DS000"},
		"no rule is left: see --only and --skip":     {"--only", "DS101", "--skip", "kubernetes"},
	} {
		if _, err := run(t, it.Lab(), args...); err == nil || err.Error() != want {
			t.Errorf("%v: got error %v, want %s", args, err, want)
		}
	}
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
