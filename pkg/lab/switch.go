package lab

import (
	"context"
	"fmt"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
)

// SwitchView is a lab's switch as it sees itself.
type SwitchView struct {
	Name       string // of the container
	Interfaces []fabric.Interface
	Routes     []fabric.Route // IPv4 first
}

// Switch asks a lab's switch for its interfaces and routes. Without such a lab the error is ErrNoLab.
func (m *Manager) Switch(ctx context.Context, name string) (*SwitchView, error) {
	f, err := m.find(ctx, name)
	if err != nil {
		return nil, err
	}
	switch {
	case f.sw == nil:
		return nil, fmt.Errorf("lab %q: the switch's container is gone: delete the lab and create it again", name)
	case !f.sw.State.Running:
		return nil, fmt.Errorf("lab %q: the switch does not run: \"kubectl dualstack lab create --name %s\" starts it", name, name)
	}
	sw, err := fabric.NewSwitch(f.record.Switch, m.Runtime, f.record.Lab, "")
	if err != nil {
		return nil, err
	}
	v := &SwitchView{Name: f.sw.Name}
	if v.Interfaces, err = sw.Interfaces(ctx); err != nil {
		return nil, err
	}
	if v.Routes, err = sw.Routes(ctx); err != nil {
		return nil, err
	}
	return v, nil
}
