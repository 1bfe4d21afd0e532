// Package container speaks to a container runtime through its command line, as kind does: Docker's contexts, DOCKER_HOST and
// rootless set-ups then work as the user has them. It knows containers, images and networks, but not labs or clusters.
//
// Docker, podman and nerdctl implement Runtime. Their common code is in cli.go; what one of them does differently, the
// words of its errors included, is in its own file.
package container

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"time"
)

// The kinds of failure. Errors of a Runtime wrap one of them if the runtime says so.
var (
	ErrNotFound    = errors.New("no such container, image or network")
	ErrInUse       = errors.New("in use")                     // a name that another container has, a network that has containers
	ErrUnavailable = errors.New("the daemon does not answer") // or the command is not installed
	ErrPermission  = errors.New("permission denied")
)

// Runtime is a container runtime. Containers are named by name or id. Errors wrap what the command said (run.Error).
type Runtime interface {
	// Name is the name of the command, and what --runtime takes.
	Name() string
	// Ping returns nil if the runtime answers, and otherwise an error that says what to do.
	Ping(ctx context.Context) error

	// Run runs a new container to its end and removes it. stdin may be nil; stdout receives what it prints.
	Run(ctx context.Context, s Spec, stdin io.Reader, stdout io.Writer) error
	// Create creates a container without starting it.
	Create(ctx context.Context, s Spec) error
	// Start starts stopped containers. It leaves running ones as they are.
	Start(ctx context.Context, names ...string) error
	// Remove removes containers and their anonymous volumes, running or not. It ignores containers that do not exist.
	Remove(ctx context.Context, names ...string) error
	// Exec runs a command in a running container and returns its standard output. stdin may be nil.
	Exec(ctx context.Context, name string, stdin io.Reader, args ...string) ([]byte, error)
	// ExecTo is Exec for output that the caller wants to bound: stdout receives it as it comes.
	ExecTo(ctx context.Context, name string, stdout io.Writer, args ...string) error
	// CopyTo copies a tar stream into a container's folder; the container need not run.
	CopyTo(ctx context.Context, name, folder string, tar io.Reader) error
	// HasFile reports whether a file exists in a container, which need not run.
	HasFile(ctx context.Context, name, path string) (bool, error)
	// List returns the containers, running or not, that pass all filters (as "docker ps --filter" takes them).
	List(ctx context.Context, filters ...string) ([]Container, error)
	// Inspect returns the containers of the names given, in that order. It leaves out those that do not exist.
	Inspect(ctx context.Context, names ...string) ([]Container, error)

	// HasImage reports whether an image is present.
	HasImage(ctx context.Context, ref string) (bool, error)
	// Images returns the references (repository:tag) of the images whose repository matches a pattern of path.Match,
	// newest first.
	Images(ctx context.Context, pattern string) ([]string, error)
	// Pull pulls an image.
	Pull(ctx context.Context, ref string) error

	// FindNetwork returns the network of a name, or nil.
	FindNetwork(ctx context.Context, name string) (*Network, error)
	// RemoveNetwork removes a network that no container uses. It ignores a network that does not exist.
	RemoveNetwork(ctx context.Context, name string) error
}

// Spec is a container to make. Zero values are left to the runtime.
type Spec struct {
	Name, Hostname string
	Image          string // present: it is never pulled
	Entrypoint     string
	Args           []string
	Labels         map[string]string
	Env            []string // NAME=VALUE
	Network        string   // none, host or the name of a network
	HostPIDs       bool     // shares the process ids of the host
	Privileged     bool
	Capabilities   []string // added to the runtime's default
	Sysctls        []string // NAME=VALUE
	Restart        string   // restart policy
	StopSignal     string
}

// Container is a runtime's description of a container, trimmed.
type Container struct {
	ID     string            `json:"Id"`
	Name   string            `json:"Name"` // without the leading slash
	Image  string            `json:"-"`    // as it was asked for
	Labels map[string]string `json:"-"`
	// Hostname is the host name that the container was given.
	Hostname string `json:"-"`
	State    struct {
		Running  bool   `json:"Running"`
		Status   string `json:"Status"` // running, exited, created, …
		Pid      int    `json:"Pid"`
		ExitCode int    `json:"ExitCode"`
		// StartedAt is when the container was last started, by the clock of the runtime's host.
		StartedAt time.Time `json:"StartedAt"`
	} `json:"State"`
	Mounts    []string              `json:"-"` // destinations
	Addresses map[string]NetAddress `json:"-"` // by network name
}

// NetAddress is the address of a container on a network of its runtime. Stopped containers have none.
type NetAddress struct {
	IPv4 netip.Addr
	IPv6 netip.Addr
}

// Network is a network of a runtime.
type Network struct {
	Name    string
	IPv6    bool
	Subnets []netip.Prefix
}
