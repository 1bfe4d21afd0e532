package lab

import (
	"context"
	"fmt"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/steps"
)

// repair makes a lab complete again that was complete before.
func (m *Manager) repair(ctx context.Context, f *found, o CreateOptions) error {
	o = assume(f.record, o)
	if err := sameLab(f.record, o); err != nil {
		return err
	}
	o.Switch = f.record.Switch
	sw, err := fabric.NewSwitch(o.Switch, m.Runtime, o.Lab, "")
	if err != nil {
		return err
	}
	c := &creation{Manager: m, opts: o, record: f.record, sw: sw}
	plan := steps.Plan{
		{Name: stepNodes, Do: func(ctx context.Context, _ func(string)) error { return c.start(ctx, f) }},
		{Name: stepFabric, After: []string{stepNodes}, Do: c.connect},
		{Name: stepBoot, After: []string{stepFabric}, Do: c.waitSwitch},
		{Name: stepContext, After: []string{stepFabric}, Do: func(context.Context, func(string)) error {
			return m.kind().ExportKubeconfig(o.Lab.Name, o.Kubeconfig)
		}},
	}
	plan, before := c.withImages(plan)
	return append(plan,
		steps.Step{Name: stepCalico, After: []string{before}, Do: c.installMissingCalico},
		steps.Step{Name: stepTools, After: []string{stepCalico}, Do: c.installTools},
		steps.Step{Name: stepReady, After: []string{stepBoot, stepTools, stepContext}, Do: c.waitReady},
	).Run(ctx, m.Progress, true)
}

// assume replaces values that are only defaults by those of the lab's record. The lab's name alone is then enough to repair it.
// Labs of earlier versions did not record all values.
func assume(r record.Record, o CreateOptions) CreateOptions {
	if o.Assumed == nil {
		return o
	}
	if o.Assumed("config") {
		workers, v4, v6 := o.Lab.Workers, o.Lab.IPv4.Encapsulation, o.Lab.IPv6.Encapsulation
		o.Lab = r.Lab
		if !o.Assumed("routing") {
			o.Lab.IPv4.Encapsulation, o.Lab.IPv6.Encapsulation = v4, v6
		}
		if !o.Assumed("workers") {
			o.Lab.Workers = workers
		}
	}
	for flag, value := range map[string]struct {
		now  *string
		then string
	}{
		"switch": {&o.Switch, r.Switch}, "switch-image": {&o.SwitchImage, r.SwitchImage}, "node-image": {&o.NodeImage, r.NodeImage},
		"tools-image": {&o.ToolsImage, r.ToolsImage}, "calico-install": {&o.CalicoInstall, r.CalicoInstall},
		"calico-version": {&o.CalicoVersion, r.CalicoVersion}, "calico-manifests": {&o.CalicoManifests, r.CalicoManifests},
	} {
		if o.Assumed(flag) && value.then != "" {
			*value.now = value.then
		}
	}
	return o
}

// start starts stopped containers, the switch and the control plane first, so that Docker gives them the addresses that
// they had.
func (c *creation) start(ctx context.Context, f *found) error {
	stopped := []string{}
	for _, x := range append([]container.Container{*f.sw}, f.nodes...) {
		if !x.State.Running {
			stopped = append(stopped, x.Name)
		}
	}
	for _, name := range stopped {
		if err := c.Runtime.Start(ctx, name); err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
	}
	return nil
}

// sameLab makes sure that the existing lab is the requested one.
func sameLab(r record.Record, o CreateOptions) error {
	var different []string
	if o.Lab != r.Lab {
		different = append(different, "its addresses, its routing or the number of its nodes")
	}
	if o.Switch != SwitchAuto && o.Switch != r.Switch {
		different = append(different, fmt.Sprintf("its switch (it has %s)", r.Switch))
	}
	if o.NodeImage != r.NodeImage {
		different = append(different, fmt.Sprintf("its node image (it has %s)", r.NodeImage))
	}
	for _, c := range []struct{ what, wanted, has string }{
		{"its switch image", o.SwitchImage, r.SwitchImage}, {"the image of its tools", o.ToolsImage, r.ToolsImage},
		{"how Calico was installed", o.CalicoInstall, r.CalicoInstall}, {"its Calico", o.CalicoVersion, r.CalicoVersion},
		{"where Calico's manifests came from", absolute(o.CalicoManifests), r.CalicoManifests},
	} {
		if c.wanted != "" && c.has != "" && c.wanted != c.has {
			different = append(different, fmt.Sprintf("%s (it has %s)", c.what, c.has))
		}
	}
	if len(different) == 0 {
		return nil
	}
	return fmt.Errorf("lab %q is there already and differs in %s: delete it first, or give another --name", r.Lab.Name, strings.Join(different, " and "))
}
