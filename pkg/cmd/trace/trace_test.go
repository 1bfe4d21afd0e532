package trace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile/demo"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/session"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/tracetest"
)

// execute runs the command on the lab. The network that it probes carries the packets of all paths that are planned
// with the default flags, as n says; without one nothing can be probed.
func execute(t *testing.T, n *tracetest.Network, args ...string) (out, errOut string, err error) {
	t.Helper()
	t.Setenv("KUBECONFIG", "/dev/null")
	streams, _, o, e := genericiooptions.NewTestIOStreams()
	snap := inspecttest.Lab()
	cmd := NewCmdTrace(NewFlags(inspector.NewFlags(genericclioptions.NewConfigFlags(false), streams)),
		func(ctx context.Context, options *Options) error {
			options.Source = gather.Recorded{Taken: snap}
			options.Cluster.Enter = func(s *inspect.Snapshot) trace.Prober {
				if n.Paths == nil {
					n.Paths, _ = session.Plan(t.Context(), nil, s, options.request) // an error will be the command's, too
				}
				n.Prepare(s)
				return n
			}
			return options.Run(ctx)
		})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append([]string{}, args...))
	err = cmd.ExecuteContext(t.Context())
	return o.String(), e.String(), err
}

// TestMatrix passes every path of the healthy lab.
func TestMatrix(t *testing.T) {
	n := &tracetest.Network{}
	out, errOut, err := execute(t, n)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(errOut, " passed, ") || strings.Contains(errOut, "failed") || n.Closed != 1 {
		t.Errorf("got %q, closed %d times", errOut, n.Closed)
	}
	if strings.Contains(out, "\n  -> ") || strings.Count(out, "paths: service multitool-ipv6-only has no IPv4 address\n") != 1 {
		t.Errorf("hops are shown of paths that pass, or why paths were skipped is not told once:\n%s", out)
	}
}

// TestWidth holds that the rows of a real lab fit a terminal of usual width.
func TestWidth(t *testing.T) {
	snap, err := demo.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	o, out, _ := options(t, "")
	o.Cluster, o.request.DryRun = session.On(gather.Recorded{Taken: snap}, nil), true
	if err := o.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, _, _ := strings.Cut(out.String(), "\n\n")
	for row := range strings.Lines(rows) {
		if len(row) > 96 {
			t.Errorf("%d columns: %s", len(row)-1, row)
		}
	}
}

// TestTarget shows the hops of a path that passes.
func TestTarget(t *testing.T) {
	out, _, err := execute(t, &tracetest.Network{}, "2001:db8::1", "--from", "multitool-worker")
	if err != nil || !strings.Contains(out, "target    answered") || !strings.Contains(out, "moved ") {
		t.Errorf("got %v\n%s", err, out)
	}
}

// TestFails ends with findings, writes the report, and closes the prober.
func TestFails(t *testing.T) {
	n := &tracetest.Network{Lose: func(_ *trace.Planned, hop trace.Hop) bool { return hop.Component == trace.ComponentTarget }}
	file := filepath.Join(t.TempDir(), "trace.xml")
	out, _, err := execute(t, n, "1.1.1.1", "--from", "multitool-worker", "--junit-file", file)
	var findings *exit.FindingsError
	if !errors.As(err, &findings) || !strings.HasPrefix(findings.Summary, "1 path: 1 failed in ") || n.Closed != 1 {
		t.Errorf("got error %v, closed %d times", err, n.Closed)
	}
	if !strings.Contains(out, "does not answer") {
		t.Errorf("no cause:\n%s", out)
	}
}

// TestJUnitFileFollowsNoPlantedLink: a link that another user put where the report goes is refused, what it leads to stays,
// and the report is its owner's alone.
func TestJUnitFileFollowsNoPlantedLink(t *testing.T) {
	dir := t.TempDir()
	mine, link, report := filepath.Join(dir, "mine"), filepath.Join(dir, "link.xml"), filepath.Join(dir, "trace.xml")
	if err := errors.Join(os.WriteFile(mine, []byte("precious"), 0o600), os.Symlink(mine, link)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := execute(t, &tracetest.Network{}, "1.1.1.1", "--from", "multitool-worker", "--junit-file", report); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(report); err != nil || info.Mode() != 0o600 {
		t.Errorf("the report: %v, %v", info, err)
	}
	if err := os.Lchown(link, 1, 1); err != nil {
		t.Skipf("only root can plant a link as another user: %v", err)
	}
	_, _, err := execute(t, &tracetest.Network{}, "1.1.1.1", "--from", "multitool-worker", "--junit-file", link)
	if err == nil || !strings.Contains(err.Error(), "another user put it there") {
		t.Errorf("error %v", err)
	}
	if b, err := os.ReadFile(mine); err != nil || string(b) != "precious" {
		t.Errorf("the file behind the link holds %q, error %v", b, err)
	}
}

// TestInterrupted closes the prober.
func TestInterrupted(t *testing.T) {
	n := &tracetest.Network{Hang: make(chan struct{}, 8)}
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	o := &Options{Options: &inspector.Options{IOStreams: streams}}
	o.Cluster = session.On(gather.Recorded{Taken: inspecttest.Lab()}, nil)
	o.Cluster.Enter = func(*inspect.Snapshot) trace.Prober { return n }
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-n.Hang
		cancel()
	}()
	if err := o.Run(ctx); !errors.Is(err, context.Canceled) || n.Closed != 1 {
		t.Errorf("got error %v, closed %d times", err, n.Closed)
	}
}

func TestDryRun(t *testing.T) {
	for golden, args := range map[string][]string{
		"dryrun-ipv6.txt": {"--dry-run", "--family", "ipv6", "--from", "multitool-worker", "--run", "^(cross-node|external)/"},
		"dryrun-name.txt": {"--dry-run", "-o", "name"},
	} {
		t.Run(golden, func(t *testing.T) {
			n := &tracetest.Network{}
			out, errOut, err := execute(t, n, args...)
			if err != nil || !strings.Contains(errOut, "nothing was sent") || n.Probes+n.Readings != 0 {
				t.Errorf("got %v, %q", err, errOut)
			}
			testutil.Golden(t, golden, []byte(out))
		})
	}
}

// TestBadInput says in one line what is wrong, and probes nothing.
func TestBadInput(t *testing.T) {
	tests := map[string][]string{
		`there is no pod "nope"`:                           {"pod/nope"},
		`there is no service "nope"`:                       {"svc/nope"},
		"has a zone":                                       {"fe80::1%eth0"},
		"begins with a dash":                               {"--", "-c"},
		"the target is empty":                              {""},
		"is neither an IP address nor a host name":         {"a_b"},
		"has no IPv4 address":                              {"svc/multitool-ipv6-only", "--family", "ipv4"},
		`there is no pod "nobody"`:                         {"--from", "nobody"},
		`there is no node "nowhere"`:                       {"--from-node", "nowhere"},
		"none of the others can be":                        {"--from", "a", "--from-node", "b"},
		"--count 0":                                        {"--count", "0"},
		"--timeout":                                        {"--timeout", "-1s"},
		"--deadline 20s: use a time of at least":           {"--timeout", "1m", "--deadline", "20s"},
		"--deadline -1s":                                   {"--deadline", "-1s"},
		"--run: error parsing regexp":                      {"--run", "("},
		`--external-ipv6 "1.1.1.1" is not an IPv6 address`: {"--external-ipv6", "1.1.1.1"},
		`--external-ipv4 "example.org" is not an IPv4`:     {"--external-ipv4", "example.org"},
		"unknown IP family":                                {"--family", "ipv5"},
		"no path is left to trace":                         {"--run", "nothing-of-the-kind"},
		"accepts at most 1 arg(s)":                         {"1.1.1.1", "2.2.2.2"},
		"unknown output format":                            {"-o", "nonsense"},
		`target "www.example.org" has no address`:          {"www.example.org"},
	}
	for want, args := range tests {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			n := &tracetest.Network{}
			_, _, err := execute(t, n, args...)
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, want)
			}
			if n.Readings != 0 {
				t.Error("nodes were entered")
			}
		})
	}
}

// TestSnapshot sends nothing from a file.
func TestSnapshot(t *testing.T) {
	o := &Options{recorded: true}
	if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "--dry-run") {
		t.Errorf("got %v", err)
	}
	o.request.DryRun = true
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
}
