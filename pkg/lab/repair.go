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
	if err := sameLab(f.record, o); err != nil {
		return err
	}
	o.Switch = f.record.Switch
	sw, err := fabric.NewSwitch(o.Switch, m.Runtime, o.Lab, "")
	if err != nil {
		return err
	}
	c := &creation{Manager: m, opts: o, record: f.record, sw: sw}
	return steps.Plan{
		{Name: stepNodes, Do: func(ctx context.Context, _ func(string)) error { return c.start(ctx, f) }},
		{Name: stepFabric, After: []string{stepNodes}, Do: c.connect},
		{Name: stepBoot, After: []string{stepFabric}, Do: c.waitSwitch},
		{Name: stepContext, After: []string{stepFabric}, Do: func(context.Context, func(string)) error {
			return m.kind().ExportKubeconfig(o.Lab.Name, o.Kubeconfig)
		}},
		{Name: stepCalico, After: []string{stepFabric}, Do: c.installMissingCalico},
		{Name: stepTools, After: []string{stepCalico}, Do: c.installTools},
		{Name: stepReady, After: []string{stepBoot, stepTools, stepContext}, Do: c.waitReady},
	}.Run(ctx, m.Progress, true)
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
		different = append(different, "its addresses or the number of its nodes")
	}
	if o.Switch != SwitchAuto && o.Switch != r.Switch {
		different = append(different, fmt.Sprintf("its switch (it has %s)", r.Switch))
	}
	if o.NodeImage != r.NodeImage {
		different = append(different, fmt.Sprintf("its node image (it has %s)", r.NodeImage))
	}
	if len(different) == 0 {
		return nil
	}
	return fmt.Errorf("lab %q is there already and differs in %s: delete it first, or give another --name", r.Lab.Name, strings.Join(different, " and "))
}
