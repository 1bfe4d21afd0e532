package access

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// runnerFunc is a run.Runner made of a function.
type runnerFunc func(run.Cmd) error

func (f runnerFunc) Run(_ context.Context, c run.Cmd) ([]byte, error) { return nil, f(c) }

func TestRuntime(t *testing.T) {
	tests := map[string]struct {
		providerID string
		err        error
		want       string // the command
		wantErr    string
	}{
		"docker":                    {providerID: "kind://docker/lab/lab-worker", want: "docker exec lab-worker sh -c SCRIPT dualstack"},
		"podman":                    {providerID: "kind://podman/lab/lab-worker", want: "podman exec lab-worker sh -c SCRIPT dualstack"},
		"nerdctl":                   {providerID: "kind://nerdctl/lab/lab-worker", want: "nerdctl exec lab-worker sh -c SCRIPT dualstack"},
		"no provider":               {wantErr: "not a Kind node"},
		"a cloud":                   {providerID: "aws:///eu-west-1a/i-0123456789", wantErr: "not a Kind node"},
		"a program of its choosing": {providerID: "kind://reboot/lab/lab-worker", wantErr: "not a Kind node"},
		"a path to one":             {providerID: "kind://..//tmp/docker/lab", wantErr: "not a Kind node"},
		"an option for a name":      {providerID: "kind://docker/lab/--privileged", wantErr: "not a Kind node"},
		"no container of this name": {
			providerID: "kind://docker/lab/lab-worker",
			err:        &run.Error{Cmd: run.Cmd{Name: "docker", Args: []string{"exec"}}, Code: 1, Stderr: "Error: No such container: lab-worker"},
			wantErr:    "enter container lab-worker: docker exec: Error: No such container: lab-worker",
		},
		"no runtime": {
			providerID: "kind://docker/lab/lab-worker", err: exec.ErrNotFound, wantErr: "executable file not found",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var ran string
			runner := runnerFunc(func(c run.Cmd) error {
				ran = c.String()
				_, _ = c.Stdout.Write([]byte("printed"))
				return tt.err
			})
			nodes := []inspect.Node{{Name: "n1", ProviderID: tt.providerID}}
			out, err := NewRuntime(runner, nodes).Run(t.Context(), "n1", "SCRIPT")
			checkError(t, err, tt.wantErr, true)
			if tt.wantErr == "" && (ran != tt.want || string(out) != "printed") {
				t.Errorf("ran %q, output %q", ran, out)
			}
		})
	}
}

func TestRuntimeTooLarge(t *testing.T) {
	runner := runnerFunc(func(c run.Cmd) error {
		for {
			if _, err := c.Stdout.Write([]byte(strings.Repeat("x", 1<<20))); err != nil {
				return errors.New("signal: broken pipe")
			}
		}
	})
	nodes := []inspect.Node{{Name: "n1", ProviderID: "kind://docker/lab/lab-worker"}}
	_, err := NewRuntime(runner, nodes).Run(t.Context(), "n1", "SCRIPT")
	checkError(t, err, "more than 64 MiB", true)
}
