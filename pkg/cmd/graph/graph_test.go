package graph

import (
	"context"
	"errors"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// runGraph runs the command on a snapshot and returns what it printed.
func runGraph(t *testing.T, s *inspect.Snapshot, args ...string) (out, errOut string, err error) {
	t.Helper()
	t.Setenv("KUBECONFIG", "/dev/null")
	streams, _, o, e := genericiooptions.NewTestIOStreams()
	cmd := NewCmdGraph(NewFlags(inspector.NewFlags(genericclioptions.NewConfigFlags(false), streams)), func(ctx context.Context, options *Options) error {
		options.Source = gather.Recorded{Taken: s}
		return options.Run(ctx)
	})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err = cmd.ExecuteContext(t.Context())
	return o.String(), e.String(), err
}

func TestRun(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		has    []string
		hasNot []string
	}{
		{"the default namespace", nil, []string{"default/multitool-worker2", "a   default/multitool-dual-stack"}, []string{"kube-system", "more"}},
		{"all namespaces", []string{"-A"}, []string{"kube-system/calico-node-worker"}, nil},
		{"a selector that no service's pods have", []string{"-A", "-l", "k8s-app=calico-node"}, []string{"calico-node-worker"}, []string{"default/multitool", "Services"}},
		{"one family", []string{"--family", "ipv4"}, []string{"10.10.10.1", "ipv6-only"}, []string{"fd00"}},
		{"a limit", []string{"--limit", "1"}, []string{"… and 2 more nodes", "… and 1 more service"}, []string{"dual-stack-worker"}},
		{"Mermaid", []string{"-o", "mermaid"}, []string{"flowchart TB"}, nil},
		{"Graphviz", []string{"-o", "dot"}, []string{"graph dualstack {"}, nil},
		{"SVG", []string{"-o", "svg"}, []string{"<svg "}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, errOut, err := runGraph(t, inspecttest.Lab(), tt.args...)
			if err != nil || errOut != "" {
				t.Fatalf("error %v, %q", err, errOut)
			}
			for _, s := range tt.has {
				if !strings.Contains(out, s) {
					t.Errorf("no %q in\n%s", s, out)
				}
			}
			for _, s := range tt.hasNot {
				if strings.Contains(out, s) {
					t.Errorf("there is %q in\n%s", s, out)
				}
			}
		})
	}
}

func TestRunWithAFault(t *testing.T) {
	out, _, err := runGraph(t, inspecttest.With(inspecttest.FDBDeleted(inspecttest.Worker, inspecttest.Worker2, inspect.IPv6)))
	var findings *exit.FindingsError
	if !errors.As(err, &findings) || !strings.HasPrefix(findings.Summary, "one part") || !strings.Contains(out, "✗1") {
		t.Errorf("error %v, and\n%s", err, out)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-o", "png"}, {"--limit", "-1"}, {"--family", "ipv5"}, {"-l", "="}} {
		_, _, err := runGraph(t, inspecttest.Lab(), args...)
		var usage *exit.UsageError
		if !errors.As(err, &usage) {
			t.Errorf("%v: error %v", args, err)
		}
	}
}
