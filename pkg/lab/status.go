package lab

import (
	"context"
	"net/netip"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/cluster"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// Part is a part of a lab with its health.
type Part struct {
	Name           string     `json:"name"`
	Role           string     `json:"role"`   // switch, control-plane, worker, kubernetes, network, system, tools
	Status         string     `json:"status"` // PartOK or PartDown
	FabricIPv4     netip.Addr `json:"fabricIPv4,omitzero"`
	FabricIPv6     netip.Addr `json:"fabricIPv6,omitzero"`
	ManagementIPv4 netip.Addr `json:"managementIPv4,omitzero"`
	ManagementIPv6 netip.Addr `json:"managementIPv6,omitzero"`
	Version        string     `json:"version,omitempty"`
	Problems       []string   `json:"problems,omitempty"`
}

// The health of a part.
const (
	PartOK   = "ok"
	PartDown = "down"
)

func part(name, role string, problems ...string) Part {
	p := Part{Name: name, Role: role, Status: PartOK, Problems: problems}
	if len(problems) > 0 {
		p.Status = PartDown
	}
	return p
}

// Status returns the parts of a lab: the switch, the nodes, and what runs on the cluster. It looks at each part itself, so
// that a part that is down does not hide another. Without such a lab the error is ErrNoLab.
func (m *Manager) Status(ctx context.Context, name string) ([]Part, error) {
	f, err := m.find(ctx, name)
	if err != nil {
		return nil, err
	}
	if f.sw == nil {
		// Without the switch the lab's addresses are unknown.
		all := []Part{part(name+"-switch", record.RoleSwitch, "the container is gone: delete the lab and create it again")}
		for _, n := range f.nodes {
			all = append(all, part(n.Name, "node", containerProblems(n.State.Running)...))
		}
		return all, nil
	}
	l := f.record.Lab
	sw, err := fabric.NewSwitch(f.record.Switch, m.Runtime, l, "")
	if err != nil {
		return nil, err
	}
	var switchPart Part
	var nodes, services []Part
	var health cluster.Health
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { switchPart = m.switchPart(gctx, f, sw); return nil })
	g.Go(func() (err error) { nodes, err = m.nodeParts(gctx, f, sw); return err })
	g.Go(func() error { services, health = m.clusterParts(gctx, l); return nil })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for i := range nodes {
		if more := health.Nodes[nodes[i].Name]; len(more) > 0 {
			nodes[i].Status, nodes[i].Problems = PartDown, append(nodes[i].Problems, more...)
		}
	}
	return append(append([]Part{switchPart}, nodes...), services...), nil
}

func containerProblems(running bool) []string {
	if running {
		return nil
	}
	return []string{"the container does not run"}
}

func (m *Manager) switchPart(ctx context.Context, f *found, sw fabric.Switch) Part {
	l := f.record.Lab
	p := part(l.SwitchName(), record.RoleSwitch, containerProblems(f.sw.State.Running)...)
	if p.Status == PartOK {
		if err := sw.Ready(ctx); err != nil {
			p = part(l.SwitchName(), record.RoleSwitch, reason(err))
		}
	}
	p.FabricIPv4, p.FabricIPv6, p.Version = l.IPv4.Gateway, l.IPv6.Gateway, f.record.Switch
	return p
}

func (m *Manager) nodeParts(ctx context.Context, f *found, sw fabric.Switch) ([]Part, error) {
	l := f.record.Lab
	states, err := m.wiring(f.record, sw).Inspect(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Part, 0, len(states))
	for i, n := range l.Nodes() {
		role := "worker"
		if n.ControlPlane {
			role = "control-plane"
		}
		s := states[i]
		problems := s.Problems(l, n)
		if s.Running {
			problems = append(problems, s.TunnelProblems(l)...)
		}
		p := part(n.Name, role, problems...)
		p.FabricIPv4, p.FabricIPv6 = n.IPv4, n.IPv6
		p.ManagementIPv4, p.ManagementIPv6 = s.Management.IPv4, s.Management.IPv6
		all = append(all, p)
	}
	return all, nil
}

// clusterParts asks the API server. If it does not answer, that is the one problem, and the rest is left out.
func (m *Manager) clusterParts(ctx context.Context, l spec.Lab) ([]Part, cluster.Health) {
	health, err := m.health(ctx, l)
	if err != nil {
		return []Part{part("API server", "kubernetes", reason(err))}, health
	}
	api := part("API server", "kubernetes")
	api.Version = health.Kubernetes
	calico := part("Calico", "network", health.CalicoTrouble...)
	calico.Version = health.Calico
	all := []Part{api, calico}
	if health.HasOperator {
		all = append(all, part("tigera-operator", "network", health.Operator...))
	}
	return append(all, part("system pods", "system", health.Pods...), part("multitool", "tools", health.Tools...)), health
}

func (m *Manager) health(ctx context.Context, l spec.Lab) (cluster.Health, error) {
	config, err := m.kind().REST(l.Name)
	if err != nil {
		return cluster.Health{}, err
	}
	checker, err := cluster.NewChecker(config)
	if err != nil {
		return cluster.Health{}, err
	}
	members, err := m.members(ctx, l)
	if err != nil {
		return cluster.Health{}, err
	}
	h, err := checker.Check(ctx, members)
	if err != nil {
		return h, err
	}
	return h, checker.CheckOperator(ctx, &h)
}
