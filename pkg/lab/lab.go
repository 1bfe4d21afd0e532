// Package lab makes, repairs, inspects and deletes labs: a switch, a kind cluster wired to it, and a dual-stack Calico, all on
// one Docker host and without root on the client.
//
// The description of a lab is in package spec, its files in render, the switch and the cables in fabric, Kubernetes in cluster,
// what a lab remembers of itself in record, and the running of a plan in steps. This package puts them together.
package lab

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/cluster"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// Manager manages the labs of one container runtime.
type Manager struct {
	Runtime  container.Runtime
	Progress *status.Reporter
	HTTP     *http.Client // fetches Calico's published manifests
}

// found is the parts of a lab that exist.
type found struct {
	name    string
	sw      *container.Container // nil: gone
	record  record.Record        // only with sw
	nodes   []container.Container
	helpers []container.Container // left by a command that was killed, or running
}

// isStarting reports whether the lab has only what a creation uses to look at the host before it makes anything.
func (f *found) isStarting() bool {
	return f.sw == nil && len(f.nodes) == 0 && !slices.ContainsFunc(f.helpers, func(c container.Container) bool { return !c.State.Running })
}

// image returns the image of a container of the lab: it is present.
func (f *found) image() string {
	image := f.record.NodeImage
	for _, c := range append(slices.Clone(f.nodes), f.helpers...) {
		image = cmp.Or(image, c.Image)
	}
	return image
}

// names returns the containers of the lab in the order of their removal: the switch last, because it says that there is a lab.
func (f *found) names() []string {
	var all []string
	for _, c := range append(slices.Clone(f.nodes), f.helpers...) {
		all = append(all, c.Name)
	}
	if f.sw != nil {
		all = append(all, f.sw.Name)
	}
	return all
}

// scan returns all labs of the Docker host by name.
func (m *Manager) scan(ctx context.Context) (map[string]*found, error) {
	own, err := m.Runtime.List(ctx, "label="+record.LabelLab)
	if err != nil {
		return nil, fmt.Errorf("list the containers of labs: %w", err)
	}
	kind, err := m.Runtime.List(ctx, "label="+record.KindCluster)
	if err != nil {
		return nil, fmt.Errorf("list the nodes of kind clusters: %w", err)
	}
	labs := map[string]*found{}
	for _, c := range append(own, kind...) {
		name := record.LabOf(c)
		if name == "" || c.Labels[record.LabelRole] == record.RoleLock && c.State.Running {
			continue // a lock that is held is no part of the lab: it goes with its command
		}
		f := labs[name]
		if f == nil {
			f = &found{name: name}
			labs[name] = f
		}
		switch {
		case record.IsNode(c):
			f.nodes = append(f.nodes, c)
		case c.Labels[record.LabelRole] == record.RoleSwitch:
			if f.record, err = record.Read(c); err != nil {
				return nil, err
			}
			f.sw = &c
		default:
			f.helpers = append(f.helpers, c)
		}
	}
	for _, f := range labs {
		slices.SortFunc(f.nodes, func(a, b container.Container) int { return cmp.Compare(a.Name, b.Name) })
	}
	return labs, nil
}

// find returns the parts of a lab that exist, or ErrNoLab.
func (m *Manager) find(ctx context.Context, name string) (*found, error) {
	if err := m.ping(ctx); err != nil {
		return nil, err
	}
	labs, err := m.scan(ctx)
	if err != nil {
		return nil, err
	}
	f := labs[name]
	if f == nil {
		return nil, fmt.Errorf("lab %q: %w", name, ErrNoLab)
	}
	return f, nil
}

// ping makes sure that the runtime answers; everything else would fail in less clear ways.
func (m *Manager) ping(ctx context.Context) error {
	err := m.Runtime.Ping(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// kind returns the maker of clusters.
func (m *Manager) kind() cluster.Kind { return cluster.Kind{Runtime: m.Runtime} }

// wiring returns the wiring of a lab.
func (m *Manager) wiring(r record.Record, sw fabric.Switch) fabric.Wiring {
	return fabric.Wiring{Runtime: m.Runtime, Lab: r.Lab, Switch: sw, Image: r.NodeImage}
}

func nodeNames(l spec.Lab) []string {
	var names []string
	for _, n := range l.Nodes() {
		names = append(names, n.Name)
	}
	return names
}

// members returns the nodes of a lab with the times at which their containers were started.
func (m *Manager) members(ctx context.Context, l spec.Lab) ([]cluster.Member, error) {
	found, err := m.Runtime.Inspect(ctx, nodeNames(l)...)
	if err != nil {
		return nil, fmt.Errorf("look at the nodes' containers: %w", err)
	}
	started := map[string]time.Time{}
	for _, c := range found {
		started[c.Name] = c.State.StartedAt
	}
	var members []cluster.Member
	for _, n := range nodeNames(l) {
		members = append(members, cluster.Member{Name: n, Started: started[n]})
	}
	return members, nil
}

// Summary is a lab as "lab list" shows it.
type Summary struct {
	Name    string `json:"name"`
	Status  string `json:"status"` // running, stopped or partial, as far as Docker knows
	Switch  string `json:"switch,omitempty"`
	Nodes   int    `json:"nodes"`   // containers that are there
	Running int    `json:"running"` // of these
}

// List returns the labs of the Docker host, sorted by name.
func (m *Manager) List(ctx context.Context) ([]Summary, error) {
	if err := m.ping(ctx); err != nil {
		return nil, err
	}
	labs, err := m.scan(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Summary, 0, len(labs))
	for _, f := range labs {
		all = append(all, f.summary())
	}
	slices.SortFunc(all, func(a, b Summary) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func (f *found) summary() Summary {
	s := Summary{Name: f.name, Nodes: len(f.nodes), Switch: f.record.Switch}
	for _, n := range f.nodes {
		if n.State.Running {
			s.Running++
		}
	}
	switch {
	case f.sw == nil || s.Nodes != 1+f.record.Lab.Workers:
		s.Status = "partial"
	case s.Running == s.Nodes && f.sw.State.Running:
		s.Status = "running"
	case s.Running == 0 && !f.sw.State.Running:
		s.Status = "stopped"
	default:
		s.Status = "partial"
	}
	return s
}

// reason returns the last line of a command's standard error, or of an error.
func reason(err error) string {
	s := strings.TrimSpace(err.Error())
	return s[strings.LastIndex(s, "\n")+1:]
}
