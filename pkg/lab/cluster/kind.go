// Package cluster is the Kubernetes of a lab: kind, and the software on the cluster that kind makes.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	"sigs.k8s.io/kind/pkg/cluster/nodeutils"
	kindexec "sigs.k8s.io/kind/pkg/exec"
	"sigs.k8s.io/kind/pkg/log"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
)

// Kind makes and removes kind clusters.
type Kind struct {
	Runtime container.Runtime
}

// provider returns kind for the runtime. kind has one more provider for each runtime that it knows.
func (k Kind) provider(more ...cluster.ProviderOption) *cluster.Provider {
	option := cluster.ProviderWithDocker()
	switch k.Runtime.(type) {
	case container.Podman:
		option = cluster.ProviderWithPodman()
	case container.Nerdctl:
		option = cluster.ProviderWithNerdctl(k.Runtime.Name())
	}
	return cluster.NewProvider(append(more, option)...)
}

// Config describes a cluster to make.
type Config struct {
	Name       string
	YAML       string // kind's own configuration
	Image      string
	Kubeconfig string // the file that gets the context
	// Retain leaves the nodes there when the cluster cannot be made or the caller gives up.
	Retain bool
}

// Create makes the cluster; it does not wait for the nodes to become ready, since they have no network yet. detail receives
// kind's current step.
func (k Kind) Create(ctx context.Context, c Config, detail func(string)) error {
	provider := k.provider(cluster.ProviderWithLogger(logger{detail}))
	done := make(chan error, 1)
	go func() {
		done <- provider.Create(c.Name,
			cluster.CreateWithRawConfig([]byte(c.YAML)),
			cluster.CreateWithNodeImage(c.Image),
			cluster.CreateWithKubeconfigPath(c.Kubeconfig),
			cluster.CreateWithRetain(true), // the caller decides what to undo
			cluster.CreateWithDisplayUsage(false),
			cluster.CreateWithDisplaySalutation(false),
		)
	}()
	select {
	case err := <-done:
		return explain(err)
	case <-ctx.Done():
		if !c.Retain {
			k.abort(context.WithoutCancel(ctx), c.Name, done)
		}
		return context.Cause(ctx)
	}
}

// abortTimeout bounds how long kind may take to notice that its nodes are gone; abortPoll is how often they are removed.
const (
	abortTimeout = 30 * time.Second
	abortPoll    = 200 * time.Millisecond
)

// abort ends a creation that is under way. kind cannot be told to stop, but its nodes can be removed: whatever it is doing
// to them then fails, and it returns.
func (k Kind) abort(ctx context.Context, name string, done <-chan error) {
	// The loop tries again after errors; the undoing of the step reports what stays.
	_ = wait.PollUntilContextTimeout(ctx, abortPoll, abortTimeout, true, func(ctx context.Context) (bool, error) {
		_ = k.RemoveNodes(ctx, name)
		select {
		case <-done: //nolint:errcheck // its error can only say that the nodes are gone
			return true, nil
		default:
			return false, nil
		}
	})
}

// Nodes returns the containers of the cluster that are a lab's.
func (k Kind) Nodes(ctx context.Context, name string) ([]container.Container, error) {
	found, err := k.Runtime.List(ctx, "label="+record.KindCluster+"="+name)
	if err != nil {
		return nil, fmt.Errorf("list the nodes of %s: %w", name, err)
	}
	var nodes []container.Container
	for _, c := range found {
		if record.IsNode(c) {
			nodes = append(nodes, c)
		}
	}
	return nodes, nil
}

// RemoveNodes removes the cluster's containers that are a lab's, and no others.
func (k Kind) RemoveNodes(ctx context.Context, name string) error {
	nodes, err := k.Nodes(ctx, name)
	if err != nil {
		return err
	}
	names := make([]string, len(nodes))
	for i, n := range nodes {
		names[i] = n.Name
	}
	if err := k.Runtime.Remove(ctx, names...); err != nil {
		return fmt.Errorf("remove the nodes of %s: %w", name, err)
	}
	return nil
}

// REST returns how the API server of a running cluster is reached from here.
func (k Kind) REST(name string) (*rest.Config, error) {
	raw, err := k.provider().KubeConfig(name, false)
	if err != nil {
		return nil, explain(err)
	}
	c, err := clientcmd.RESTConfigFromKubeConfig([]byte(raw))
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig of %s: %w", name, err)
	}
	c.QPS, c.Burst = -1, -1 // a lab's API server serves only us
	c.Timeout = requestTimeout
	return c, nil
}

// requestTimeout bounds one request to the lab's API server, which may be starting, or be on a node that was stopped.
const requestTimeout = 15 * time.Second

// ExportKubeconfig writes the cluster's context into a kubeconfig file and makes it the current one.
func (k Kind) ExportKubeconfig(name, path string) error {
	return explain(k.provider().ExportKubeConfig(name, path, false))
}

// ForgetKubeconfig removes the cluster's context, cluster and user from a kubeconfig file. The cluster's nodes must be gone.
func (k Kind) ForgetKubeconfig(name, path string) error {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && path != "" {
		return nil // kind would make its folder, for the lock
	}
	// kind's Delete removes the entries and then the nodes; none are left.
	return explain(k.provider().Delete(name, path))
}

// LoadArchive loads an image archive (docker save) into all nodes at once.
func (k Kind) LoadArchive(ctx context.Context, name, path string) error {
	all, err := k.provider().ListInternalNodes(name)
	if err != nil {
		return explain(err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, n := range all {
		group.Go(func() error { return loadArchive(ctx, n, path) })
	}
	return group.Wait()
}

func loadArchive(ctx context.Context, n nodes.Node, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the image archive: %w", err)
	}
	err = nodeutils.LoadImageArchive(interruptible{n, ctx}, f)
	_ = f.Close() // it was only read
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("load %s into %s: %w", path, n, explain(err))
	}
	return nil
}

// interruptible is a node whose commands end when a context does. kind loads an archive without one.
type interruptible struct {
	nodes.Node
	ctx context.Context
}

func (n interruptible) Command(command string, args ...string) kindexec.Cmd {
	return n.CommandContext(n.ctx, command, args...)
}

// explain turns an error of kind's into one line: kind keeps the output of the command that failed beside the error.
func explain(err error) error {
	if err == nil {
		return nil
	}
	var failed *kindexec.RunError
	if !errors.As(err, &failed) {
		if r := kindexec.RunErrorForError(err); r != nil {
			failed = r
		}
	}
	if failed == nil {
		return err
	}
	last := ""
	for line := range strings.Lines(string(failed.Output)) {
		if line = strings.TrimSpace(line); line != "" {
			last = line
		}
	}
	message, _, _ := strings.Cut(err.Error(), ": command \"")
	if last == "" {
		return errors.New(message)
	}
	return fmt.Errorf("%s: %s", message, last)
}

// logger hands kind's own progress on: kind prints "• Starting control-plane ..." and a tick when it is over.
type logger struct{ detail func(string) }

var _ log.Logger = logger{}

func (l logger) Warn(string)                  { /* kind's warnings are about itself */ }
func (l logger) Warnf(string, ...any)         {}
func (l logger) Error(string)                 { /* and so are its errors, which come back as errors as well */ }
func (l logger) Errorf(string, ...any)        {}
func (l logger) V(n log.Level) log.InfoLogger { return infoLogger{l.detail, n == 0} }

type infoLogger struct {
	detail func(string)
	on     bool
}

func (l infoLogger) Enabled() bool { return l.on }

func (l infoLogger) Infof(format string, args ...any) { l.Info(fmt.Sprintf(format, args...)) }

func (l infoLogger) Info(message string) {
	if !l.on || l.detail == nil {
		return
	}
	// " • Joining worker nodes 🚜  ..." becomes "joining worker nodes"
	text := strings.ToLower(strings.Map(func(r rune) rune {
		if r > 0x7e || r == '.' {
			return -1
		}
		return r
	}, message))
	if strings.Contains(message, "•") {
		l.detail(strings.TrimSpace(text))
	}
}
