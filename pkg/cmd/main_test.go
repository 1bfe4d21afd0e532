package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/labtest"
)

// TestMain lets commands that read Calico's published manifests read those of the tests: no test needs a network.
func TestMain(m *testing.M) {
	http.DefaultTransport = labtest.Published{Next: http.DefaultTransport}
	os.Exit(m.Run())
}

func TestReport(t *testing.T) {
	interrupted, cancel := context.WithCancel(context.Background())
	cancel()
	notFound := apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, "x")
	refused := &url.Error{Op: "Get", URL: "https://127.0.0.1:1/api", Err: errors.New("dial: connection refused")}
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		code int
		text string
	}{
		"nothing wrong":    {code: exit.OK},
		"reported already": {err: fmt.Errorf("x: %w", exit.ErrSilent), code: exit.Error},
		"any error":        {err: errors.New("switch: no image"), code: exit.Error, text: "error: switch: no image\n"},
		"findings":         {err: exit.FindingsIf(2, "%d wrong", 2), code: exit.Findings, text: "2 wrong\n"},
		"silent findings":  {err: &exit.FindingsError{}, code: exit.Findings},
		"no findings":      {err: exit.FindingsIf(0, "none"), code: exit.OK},
		"findings beside another error": {
			err: errors.Join(errors.New("x"), exit.FindingsIf(1, "one wrong")), code: exit.Findings, text: "one wrong\n",
		},
		"usage": {
			err: &exit.UsageError{Command: "kubectl dualstack pods", Err: errors.New("no such thing")}, code: exit.Error,
			text: "error: no such thing\nSee 'kubectl dualstack pods -h' for help and examples\n",
		},
		"interrupted":                   {ctx: interrupted, err: errors.New("anything"), code: exit.Interrupted},
		"interrupted when all was done": {ctx: interrupted, code: exit.Interrupted},
		"an API server's refusal": {
			err: fmt.Errorf("cannot get pods: %w", notFound), code: exit.Error,
			text: "Error from server (NotFound): pods \"x\" not found\n",
		},
		"no connection": {
			err: fmt.Errorf("cannot list pods: %w", refused), code: exit.Error,
			text: "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n",
		},
		"text that a terminal would obey": {err: errors.New("a\x1b[2Jb\nc"), code: exit.Error, text: "error: a\\x1b[2Jb\\nc\n"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := test.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			var out bytes.Buffer
			if code := report(ctx, &out, test.err); code != test.code || out.String() != test.text {
				t.Errorf("got code %d and %q, want %d and %q", code, out.String(), test.code, test.text)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	for _, test := range []struct{ args, want []string }{
		{nil, []string{}},
		{[]string{"kubectl-dualstack"}, []string{}},
		{[]string{"/usr/bin/kubectl-dualstack", "pods", "-A"}, []string{"pods", "-A"}},
		{[]string{"/usr/bin/kubectl_complete-dualstack", "pods", ""}, []string{"__complete", "pods", ""}},
		{[]string{"kubectl_complete-dualstack.exe", ""}, []string{"__complete", ""}},
	} {
		if got := arguments(test.args); !slices.Equal(got, test.want) {
			t.Errorf("arguments(%q) = %q, want %q", test.args, got, test.want)
		}
	}
}

// run runs the program and returns its code and what it printed.
func run(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	t.Setenv("KUBECONFIG", "/dev/null")
	var o, e bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &o, ErrOut: &e}
	code = Run(t.Context(), append([]string{"kubectl-dualstack"}, args...), streams)
	return code, o.String(), e.String()
}

func TestRun(t *testing.T) {
	for name, test := range map[string]struct {
		args   []string
		code   int
		out    string // contained
		errOut string // contained
	}{
		"help":             {args: nil, out: "Inspectors:"},
		"version":          {args: []string{"version"}, out: "kubectl-dualstack "},
		"version, JSON":    {args: []string{"version", "-o", "json"}, out: `"goVersion": "go`},
		"version, no such": {args: []string{"version", "-o", "x"}, code: 1, errOut: "See 'kubectl dualstack version -h'"},
		"completion":       {args: []string{"completion", "bash"}, out: "__start_kubectl-dualstack"},
		"completion, none": {args: []string{"completion"}, code: 1, errOut: "error: one shell is needed"},
		"options":          {args: []string{"options"}, out: "--kubeconfig="},
		"unknown command":  {args: []string{"x"}, code: 1, errOut: `error: unknown command "x" for "kubectl dualstack"`},
		"unknown flag":     {args: []string{"pods", "--x"}, code: 1, errOut: "See 'kubectl dualstack pods -h'"},
		"unknown family": {
			args: []string{"pods", "--family", "x"}, code: 1,
			errOut: "error: unknown IP family \"x\": use ipv4 or ipv6\nSee 'kubectl dualstack pods -h'",
		},
		"rules complete after a comma": {args: []string{"__complete", "check", "--only", "pools,ser"}, out: "pools,services\n"},
		"formats complete":             {args: []string{"__complete", "nodes", "-o", ""}, out: "custom-columns=\n"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := run(t, test.args...)
			if code != test.code || !strings.Contains(out, test.out) || !strings.Contains(errOut, test.errOut) {
				t.Errorf("got code %d, output\n%s\nand errors\n%s", code, out, errOut)
			}
		})
	}
}

func TestCrash(t *testing.T) {
	var out bytes.Buffer
	if code := reportCrash(&out, "index out of range"); code != exit.Error {
		t.Errorf("the code is %d", code)
	}
	text := out.String()
	if !strings.HasPrefix(text, "error: internal error: index out of range\n") || strings.Contains(text, "goroutine") {
		t.Errorf("got %q", text)
	}
}
