package lab

import (
	"context"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/cluster"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
)

func (c *creation) installCalico(ctx context.Context, detail func(string)) error {
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
