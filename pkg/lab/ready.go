package lab

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/cluster"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/steps"
)

// waitReady waits for what users would wait for: every node and pod, the services' endpoints in both families, the
// tunnels on every node, and that each node reaches the services.
func (c *creation) waitReady(ctx context.Context, detail func(string)) error {
	if c.opts.Wait <= 0 {
		return nil
	}
	ctx, cancel := c.patience(ctx)
	defer cancel()
	checker, _, err := c.api(ctx, detail)
	if err != nil {
		return err
	}
	members, err := c.members(ctx, c.opts.Lab)
	if err != nil {
		return err
	}
	if err := checker.WaitReady(ctx, members, c.fabricProblems, detail); err != nil {
		return err
	}
	return c.waitServices(ctx, checker, detail)
}

// fabricProblems returns the missing parts of the fabric and the tunnels, as seen on the nodes.
func (c *creation) fabricProblems(ctx context.Context) ([]string, error) {
	states, err := c.wiring(c.record, c.sw).Inspect(ctx)
	if err != nil {
		return nil, err
	}
	var all []string
	for i, n := range c.opts.Lab.Nodes() {
		for _, p := range append(states[i].Problems(c.opts.Lab, n), states[i].TunnelProblems(c.opts.Lab)...) {
			all = append(all, n.Name+": "+p)
		}
	}
	return all, nil
}

// servicesPatience bounds the wait for the services. A network policy of the user's may forbid what the wait looks for.
const servicesPatience = 10 * time.Second

// dial prints the services, given as "ADDRESS PORT", that do not accept three connections in a row: a rule of kube-proxy's may lead
// to an endpoint that is gone, and others not.
const dial = `for s in "$@"; do
  for i in 1 2 3; do
    timeout 1 bash -c "exec 3<>/dev/tcp/${s% *}/${s#* }" 2>/dev/null || { echo "$s"; break; }
  done
done`

// waitServices waits until each node reaches the services. The API has their endpoints a moment before kube-proxy has rules for
// them on every node, and longer after a restart of all, when every pod has another address.
func (c *creation) waitServices(ctx context.Context, checker *cluster.Checker, detail func(string)) error {
	addresses, err := checker.ServiceAddresses(ctx)
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, servicesPatience)
	defer cancel()
	err = steps.Await(wait, containerPoll, "the services", func(ctx context.Context) (string, error) {
		unreached, err := c.unreached(ctx, addresses)
		if err != nil || len(unreached) == 0 {
			return "", err
		}
		detail(unreached[0])
		return strings.Join(unreached, "; "), nil
	})
	if ctx.Err() == nil && wait.Err() != nil {
		return nil // trace says why
	}
	return err
}

// unreached says which nodes do not reach which services.
func (c *creation) unreached(ctx context.Context, addresses []string) ([]string, error) {
	names := nodeNames(c.opts.Lab)
	found := make([][]string, len(names))
	g, ctx := errgroup.WithContext(ctx)
	for i, name := range names {
		g.Go(func() error {
			out, err := c.Runtime.Exec(ctx, name, nil, append([]string{"bash", "-c", dial, "dial"}, addresses...)...)
			if err != nil {
				return fmt.Errorf("connect to services from %s: %w", name, err)
			}
			for line := range strings.Lines(string(out)) {
				address, port, _ := strings.Cut(strings.TrimSpace(line), " ")
				found[i] = append(found[i], fmt.Sprintf("%s does not reach port %s of service address %s yet", name, port, address))
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var all []string
	for _, f := range found {
		all = append(all, f...)
	}
	return all, nil
}
