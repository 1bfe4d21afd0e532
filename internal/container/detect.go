package container

import (
	"context"
	"fmt"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
)

// Auto stands for the runtime that EnvProvider names or, if it is unset, the first one that is installed: Docker, nerdctl,
// podman, in kind's order.
const Auto = "auto"

// EnvProvider is the environment variable that tells kind its runtime.
const EnvProvider = "KIND_EXPERIMENTAL_PROVIDER"

// candidate is a command that may be installed. Its output for -v tells it from another program of its name: podman may be
// installed as docker.
type candidate struct {
	binary, version string
	open            func(run.Runner) Runtime
}

// candidates is the registry of runtimes, in the order in which they are looked for.
func candidates() []candidate {
	nerdctl := func(binary string) func(run.Runner) Runtime {
		return func(r run.Runner) Runtime { return NewNerdctl(r, binary) }
	}
	return []candidate{
		{"docker", "Docker version", func(r run.Runner) Runtime { return NewDocker(r) }},
		{"nerdctl", "nerdctl version", nerdctl("nerdctl")},
		{"finch", "finch version", nerdctl("finch")},
		{"nerdctl.lima", "nerdctl version", nerdctl("nerdctl.lima")},
		{"podman", "podman version", func(r run.Runner) Runtime { return NewPodman(r) }},
	}
}

// Names returns the names of the runtimes that users are offered.
func Names() []string { return []string{"docker", "podman", "nerdctl"} }

// Named returns the runtime of a name. finch and nerdctl.lima are known as well, as kind knows them.
func Named(r run.Runner, name string) (Runtime, error) {
	for _, c := range candidates() {
		if c.binary == name {
			return c.open(r), nil
		}
	}
	return nil, fmt.Errorf("container runtime %q: use %s", name, strings.Join(Names(), ", "))
}

// Detect returns the runtime of a name, which may be Auto; provider is the value of EnvProvider. If no runtime is installed,
// it returns Docker, whose Ping then says so.
func Detect(ctx context.Context, r run.Runner, name, provider string) (Runtime, error) {
	switch {
	case name != Auto:
		return Named(r, name)
	case provider != "":
		rt, err := Named(r, provider)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", EnvProvider, err)
		}
		return rt, nil
	}
	for _, c := range candidates() {
		out, err := r.Run(ctx, run.Cmd{Name: c.binary, Args: []string{"-v"}})
		if err == nil && strings.HasPrefix(string(out), c.version) {
			return c.open(r), nil
		}
	}
	return NewDocker(r), nil
}
