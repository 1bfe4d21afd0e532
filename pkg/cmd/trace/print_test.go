package trace

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/session"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/tracetest"
)

// report is a trace of one node's paths over a network that loses what goes through the IPv6 tunnel, and in which a
// server says things that nobody may see unescaped.
func report(t *testing.T) []trace.Path {
	t.Helper()
	n := &tracetest.Network{
		Lose: func(_ *trace.Planned, hop trace.Hop) bool {
			return hop.Component == trace.ComponentTunnel && hop.Node == inspecttest.Worker
		},
		Edit: func(p *trace.Planned, r *trace.Result) {
			if p.Class == trace.External {
				*r = trace.Result{Failed: "it printed \x1b[2J and ]]> & \u202e"}
			}
		},
	}
	for _, p := range tracetest.Matrix() {
		if p.Source.Node == inspecttest.ControlPlane || p.Skip != "" {
			n.Paths = append(n.Paths, p)
		}
	}
	paths, err := session.Cluster{}.Prove(t.Context(), n, n.Prepare(inspecttest.Lab()), n.Paths, session.Options{Calm: 1})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// options are those of a command line without a target.
func options(t *testing.T, format string) (o *Options, out *bytes.Buffer, errOut *bytes.Buffer) {
	t.Helper()
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	o = &Options{Options: &inspector.Options{IOStreams: streams}, table: format == "" || format == "wide", wide: format == "wide"}
	flags := inspector.NewFlags(genericclioptions.NewConfigFlags(false), streams)
	flags.Print.Output = format
	var err error
	if o.plain, err = printer.New(flags.Print, table(false)); err != nil {
		t.Fatal(err)
	}
	if o.explained, err = printer.New(flags.Print, table(true)); err != nil {
		t.Fatal(err)
	}
	return o, out, errOut
}

func TestPrint(t *testing.T) {
	paths := report(t)
	for format, golden := range map[string]string{"": "table", "wide": "wide", "json": "json", "name": "name"} {
		t.Run(golden, func(t *testing.T) {
			o, out, _ := options(t, format)
			if err := o.print(inspect.NewReport(trace.Kind, paths)); err != nil {
				t.Fatal(err)
			}
			testutil.Golden(t, golden+".txt", out.Bytes())
			for line := range strings.Lines(out.String()) {
				if format == "" && len(line) > printer.PageWidth+1 && strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "  show") {
					t.Errorf("%d columns: %s", len(line), line)
				}
			}
			if strings.ContainsAny(out.String(), "\x1b\u202e") && format != "json" {
				t.Error("text of the cluster is not escaped")
			}
		})
	}
}

func TestJUnit(t *testing.T) {
	var out bytes.Buffer
	if err := suites(report(t), 2100*time.Millisecond).Write(&out); err != nil {
		t.Fatal(err)
	}
	testutil.Golden(t, "junit.xml", out.Bytes())
}

func TestSummary(t *testing.T) {
	verdicts := func(all ...trace.Verdict) []trace.Path {
		var paths []trace.Path
		for _, v := range all {
			paths = append(paths, trace.Path{Verdict: v})
		}
		return paths
	}
	tests := []struct {
		name  string
		paths []trace.Path
		want  string
		bad   bool
	}{
		{"nothing", nil, "No paths to trace.", false},
		{"one", verdicts(trace.Pass), "1 path: 1 passed in 2.1 s", false},
		{"skipped", verdicts(trace.Pass, trace.Skip), "2 paths: 1 passed, 1 skipped in 2.1 s", false},
		{"failed", verdicts(trace.Pass, trace.Fail, trace.Skip), "3 paths: 1 passed, 1 failed, 1 skipped in 2.1 s", true},
		{"open", verdicts(trace.Inconclusive), "1 path: 1 inconclusive in 2.1 s", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o, _, errOut := options(t, "")
			err := o.summary(tt.paths, 2100*time.Millisecond)
			text := errOut.String()
			if findings := (*exit.FindingsError)(nil); errors.As(err, &findings) {
				text = findings.Summary + "\n"
			}
			if text != tt.want+"\n" || (err != nil) != tt.bad {
				t.Errorf("got %q and %v", text, err)
			}
		})
	}
}

// TestVerbose escapes what tools in pods print.
func TestVerbose(t *testing.T) {
	o, _, errOut := options(t, "")
	o.printCommands([]trace.Path{{Name: "a", Family: inspect.IPv4}, {Name: "b",
		Result: &trace.Result{Tool: "iputils ping", Command: "ping -c 3 1.1.1.1", Output: "PING\n\x1b]0;x\a\n", ExitCode: 1}}})
	want := "b: iputils ping\n  $ ping -c 3 1.1.1.1\n  PING\n  \\x1b]0;x\\a\n  exit code 1\n"
	if errOut.String() != want {
		t.Errorf("got %q", errOut.String())
	}
}

// TestCloser holds that the hops of a healthy trace to a target fit on a screen or two: those of one path of each kind and family.
func TestCloser(t *testing.T) {
	path := func(name string, check trace.Check, f inspect.Family, v trace.Verdict) trace.Path {
		return trace.Path{Name: name, Class: trace.Service, Family: f, Verdict: v, Probe: trace.Probe{Check: check}}
	}
	paths := []trace.Path{
		path("a", trace.TCP, inspect.IPv4, trace.Pass), path("b", trace.TCP, inspect.IPv4, trace.Pass), path("c", trace.TCP, inspect.IPv6, trace.Fail),
		path("d", trace.TCP, inspect.IPv6, trace.Pass), path("e", trace.Get, inspect.IPv6, trace.Pass), path("f", trace.TCP, inspect.IPv6, trace.Fail),
		path("g", trace.TCP, inspect.IPv4, trace.Skip), path("h", trace.TCP, inspect.IPv4, trace.Inconclusive),
	}
	names := func(paths []trace.Path) string {
		text := ""
		for _, p := range paths {
			text += p.Name
		}
		return text
	}
	o := &Options{}
	for target, want := range map[string]string{"": " cfh", "svc/x": "ade cfh"} {
		o.request.Target = target
		good, bad := o.closer(paths)
		if got := names(good) + " " + names(bad); got != want {
			t.Errorf("target %q: hops of %q, want %q", target, got, want)
		}
	}
}
