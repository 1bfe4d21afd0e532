package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/cluster"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
)

func (c *creation) installCalico(ctx context.Context, detail func(string)) error {
	mtu, err := c.podMTU(ctx)
	if err != nil {
		return err
	}
	if err := render.SetPodMTU(slices.Concat(c.calico.first, c.calico.then), mtu); err != nil {
		return err
	}
	_, i, err := c.api(ctx, detail)
	if err != nil {
		return err
	}
	detail("creating its objects")
	if err := i.Create(ctx, c.calico.first); err != nil {
		return err
	}
	return i.Create(ctx, c.calico.then)
}

// podMTU returns the MTU of the pods, which is the one that Felix will find: that of the nodes' smallest port, less what the larger of
// the two tunnels adds (felix/dataplane/linux/int_dataplane.go, determinePodMTU). Pods that are made before Felix has written it to
// /var/lib/calico/mtu would get 1500, which does not fit into the tunnels.
func (c *creation) podMTU(ctx context.Context) (int, error) {
	nodes := c.opts.Lab.Nodes()
	smallest := make([]int, len(nodes))
	g, gctx := errgroup.WithContext(ctx)
	for i, n := range nodes {
		g.Go(func() (err error) {
			if smallest[i], err = c.portMTU(gctx, n.Name); err != nil {
				return fmt.Errorf("read the MTU of the ports of %s: %w", n.Name, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	return slices.Min(smallest) - calico.VXLANOverhead(true), nil
}

// portMTU returns the smallest MTU of a node's ports.
func (c *creation) portMTU(ctx context.Context, node string) (int, error) {
	out, err := c.Runtime.Exec(ctx, node, nil, "sh", "-c", "cat /sys/class/net/eth*/mtu")
	if err != nil {
		return 0, err
	}
	var all []int
	for _, field := range strings.Fields(string(out)) {
		mtu, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("%q is no number", field)
		}
		all = append(all, mtu)
	}
	if len(all) == 0 {
		return 0, errors.New("it has none")
	}
	return slices.Min(all), nil
}

// installMissingCalico installs Calico on a lab that was retained after its creation failed before that step. An existing
// Calico stays as it is.
func (c *creation) installMissingCalico(ctx context.Context, detail func(string)) error {
	checker, i, err := c.api(ctx, detail)
	if err != nil {
		return err
	}
	installed, err := checker.CalicoInstalled(ctx)
	if err != nil {
		return err
	}
	if installed && c.opts.CalicoInstall == InstallManifest {
		return c.createPools(ctx, i) // they come last
	}
	if installed {
		return nil
	}
	if c.calico, err = c.loadCalico(ctx, c.opts); err != nil {
		return err
	}
	return c.installCalico(ctx, detail)
}

// createPools makes the pools that an interrupted creation left out, in the group that the cluster serves.
func (c *creation) createPools(ctx context.Context, i *cluster.Installer) error {
	text, err := render.Pools(c.opts.Lab, false)
	if err != nil {
		return err
	}
	pools, err := render.Objects(text)
	if err != nil {
		return err
	}
	return i.CreatePools(ctx, pools)
}
