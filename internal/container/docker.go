package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
)

// Docker is a Docker host as the docker command reaches it.
type Docker struct{ cli }

var _ Runtime = Docker{}

// NewDocker returns the Docker host that the docker command of r reaches.
func NewDocker(r run.Runner) Docker {
	return Docker{cli{runner: r, binary: "docker", image: func(ref string) string { return ref }, kinds: []kind{
		{"no such container:path", fs.ErrNotExist}, // docker cp, older servers
		{"could not find the file", fs.ErrNotExist},
		{"no such container", ErrNotFound},
		{"removal of container … is already in progress", ErrNotFound}, // by another command
		{"no such image", ErrNotFound},
		{"no such network", ErrNotFound},
		{"network … not found", ErrNotFound},
		{"is already in use by container", ErrInUse},
		{"has active endpoints", ErrInUse},
		{"permission denied while trying to connect", ErrPermission},
		{"cannot connect to the docker daemon", ErrUnavailable},
		{"error during connect", ErrUnavailable},
		{"see 'docker … --help'", nil}, // these follow a complaint
		{"run 'docker … --help' for more information", nil},
		{"exit status 1", nil},
	}}}
}

// Ping implements Runtime.
func (d Docker) Ping(ctx context.Context) error {
	_, err := d.do(ctx, nil, "version", "--format", "{{.Server.Version}}")
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrPermission):
		return fmt.Errorf("reach Docker: %w: join the group docker, or point DOCKER_HOST at one that you may use", err)
	default:
		return fmt.Errorf("reach Docker: %w: start it, or point DOCKER_HOST at one that you may use", err)
	}
}
