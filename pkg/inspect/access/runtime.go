package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// runtimeTimeout is how long a container runtime may take.
const runtimeTimeout = 30 * time.Second

// Runtime enters the container that a Kind node is, by the runtime of this machine. It changes nothing and does not
// need the cluster to answer.
type Runtime struct {
	runner     run.Runner
	containers map[string]container // by node
}

// container is a container of this machine.
type container struct{ runtime, name string }

var _ Way = (*Runtime)(nil)

// NewRuntime returns the access by container runtime to those of the nodes that are Kind's.
func NewRuntime(runner run.Runner, nodes []inspect.Node) *Runtime {
	r := &Runtime{runner: runner, containers: map[string]container{}}
	for _, n := range nodes {
		if c, ok := kindContainer(n.ProviderID); ok {
			r.containers[n.Name] = c
		}
	}
	return r
}

// kindContainer reads the provider ID that Kind gives a node: kind://RUNTIME/CLUSTER/CONTAINER. What comes from a
// cluster must not choose the program that is run here, nor look like an option to it.
func kindContainer(providerID string) (container, bool) {
	path, ok := strings.CutPrefix(providerID, "kind://")
	parts := strings.Split(path, "/")
	if !ok || len(parts) != 3 || parts[2] == "" || strings.HasPrefix(parts[2], "-") {
		return container{}, false
	}
	switch parts[0] {
	case "docker", "podman", "nerdctl":
		return container{runtime: parts[0], name: parts[2]}, true
	default:
		return container{}, false
	}
}

// Name implements Way.
func (*Runtime) Name() string { return "runtime" }

// Run implements Way.
func (r *Runtime) Run(ctx context.Context, node, script string, args ...string) ([]byte, error) {
	c, ok := r.containers[node]
	if !ok {
		return nil, Permanent(errors.New("not a Kind node"))
	}
	stdout := &Buffer{Limit: MaxOutput}
	err := WithTimeout(ctx, runtimeTimeout, func(ctx context.Context) error {
		args := append([]string{"exec", c.name}, shell(script, args)...)
		_, err := r.runner.Run(ctx, run.Cmd{Name: c.runtime, Args: args, Stdout: stdout})
		return err
	})
	switch {
	case err == nil:
		return stdout.Bytes(), nil
	case stdout.Len() == MaxOutput:
		return nil, Permanent(ErrTooLarge{Limit: MaxOutput})
	case ctx.Err() != nil:
		return nil, err
	default:
		// The runtime is on this machine: what it refuses now it will refuse again.
		return nil, Permanent(fmt.Errorf("enter container %s: %w", c.name, err))
	}
}
