// Package fabric is what lies under a lab's nodes: the switch, the cables from it to each node, and the addresses on both
// ends. It works through Docker alone, so the client needs no root.
package fabric

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// The kinds of switch.
const (
	Linux = "linux"
	CEOS  = "ceos"
)

// Switch is a lab's switch: one VLAN for the nodes with a gateway in both families, a loopback that stands for the world
// outside, and static routes back to the pods.
type Switch interface {
	// Create makes and starts the container. Its ports are not there yet.
	Create(ctx context.Context, r record.Record) error
	// Configure brings the switch to what the lab wants, as often as it is called. The ports are there.
	Configure(ctx context.Context) error
	// Ready returns nil once the switch forwards, or what it is still waiting for.
	Ready(ctx context.Context) error
	// Interfaces and Routes return what the switch itself sees.
	Interfaces(ctx context.Context) ([]Interface, error)
	Routes(ctx context.Context) ([]Route, error)
}

// NewSwitch returns the switch of a kind, of which image is the container image.
func NewSwitch(kind string, d container.Docker, l spec.Lab, image string) (Switch, error) {
	switch kind {
	case Linux:
		return &linuxSwitch{docker: d, lab: l, image: image}, nil
	case CEOS:
		return &ceosSwitch{docker: d, lab: l, image: image}, nil
	default:
		return nil, fmt.Errorf("unknown switch %q: use %s or %s", kind, CEOS, Linux)
	}
}

// checkSwitch compares what a switch sees with what the lab wants of it, and returns what is missing.
func checkSwitch(l spec.Lab, interfaces []Interface, routes []Route) []string {
	var problems []string
	has := map[netip.Addr]bool{}
	for _, i := range interfaces {
		for _, a := range i.Addresses {
			has[a.Addr()] = i.Up
		}
	}
	for _, f := range l.Families() {
		for _, a := range []netip.Addr{f.Gateway, f.External} {
			if up, there := has[a]; !there {
				problems = append(problems, fmt.Sprintf("%s is not on the switch", a))
			} else if !up {
				problems = append(problems, fmt.Sprintf("the interface with %s is down", a))
			}
		}
		if !slices.ContainsFunc(routes, func(r Route) bool { return r.Destination == f.Pods && r.Via == f.FirstNode }) {
			problems = append(problems, fmt.Sprintf("no route to the pods, %s via %s", f.Pods, f.FirstNode))
		}
	}
	return problems
}

// problemsError turns a list of problems into an error, or nil.
func problemsError(what string, problems []string) error {
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s", what, strings.Join(problems, "; "))
}
