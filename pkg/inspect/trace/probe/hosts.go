package probe

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// hosts are the pods of a trace on the networks of nodes, one for each node that is probed from. They end like guests, and are removed.
type hosts struct {
	debug  *access.Debug
	stream access.Stream
	opts   Options
	byNode register[*host]
}

// host is the pod on the network of a node.
type host struct {
	once    sync.Once
	held    *access.Held
	err     error
	release func() // lets its keeper go
}

func newHosts(client kubernetes.Interface, stream access.Stream, opts Options) *hosts {
	return &hosts{debug: access.NewDebug(client, opts.Namespace, opts.Image, opts.Silence), stream: stream, opts: opts}
}

// on returns the container on the network of a node, and starts its pod at the first call.
func (h *hosts) on(ctx context.Context, node string) (access.Container, error) {
	one, err := h.byNode.of(node, func() *host { return &host{} })
	if err != nil {
		return access.Container{}, err
	}
	one.once.Do(func() { h.start(ctx, node, one) })
	if one.err != nil {
		return access.Container{}, fmt.Errorf("probe from node %s: %w", node, one.err)
	}
	return one.held.Container, nil
}

func (h *hosts) start(ctx context.Context, node string, one *host) {
	name := access.HeldName()
	if h.opts.Note != nil {
		h.opts.Note(fmt.Sprintf("probing from node %s by a pod on its network, %s/%s of image %s, which is removed at the end", node, h.opts.Namespace,
			name, h.opts.Image))
	}
	if one.held, one.err = h.debug.Hold(ctx, node, name, guestDeadline, holdCommand(name)); one.err == nil {
		one.release = keep(h.stream, one.held.Container, name)
	}
}

// end removes all of the pods.
func (h *hosts) end(ctx context.Context) error {
	all := h.byNode.close()
	errs := make([]error, len(all))
	var group errgroup.Group
	group.SetLimit(h.opts.Concurrency)
	for i, one := range all {
		group.Go(func() error {
			one.once.Do(func() { one.err = errors.New("never started") }) // waits for one that is being started
			if one.held != nil {
				one.release()
				errs[i] = one.held.Remove(ctx)
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	return errors.Join(errs...)
}

// Close implements trace.Prober. It does its work also when ctx has ended.
func (p *Prober) Close(ctx context.Context) (notes []string, err error) {
	notes, err = p.guests.end(ctx)
	return notes, errors.Join(err, p.hosts.end(ctx))
}
