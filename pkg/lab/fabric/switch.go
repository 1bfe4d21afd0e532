// Package fabric is the network under a lab's nodes: the switch, the cables from it to each node, and the addresses on both
// ends. It works through Docker alone, so the client needs no root.
package fabric

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// Kind is a kind of switch: all that is known before a switch exists.
type Kind interface {
	// Name is what --switch takes.
	Name() string
	// Title is its name in a sentence.
	Title() string
	// Image returns the switch's image, which is present. asked is the value of --switch-image, or empty. Without an image
	// the error is an ErrNoImage that says what to do.
	Image(ctx context.Context, rt container.Runtime, asked, nodeImage string) (string, error)
	// New returns a lab's switch. image is not needed for one that exists.
	New(rt container.Runtime, l spec.Lab, image string) Switch
	// File returns the file that configures the switch.
	File(l spec.Lab) (render.File, error)
	// Topology returns the switch as a node of containerlab's. asked is as for Image.
	Topology(asked, nodeImage string) render.TopologySwitch
}

// Kinds is the registry of kinds of switch. "auto" takes the first one whose image is present.
func Kinds() []Kind { return []Kind{ceosKind{}, linuxKind{}} }

// Names returns the names of all kinds.
func Names() []string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, k.Name())
	}
	return names
}

// Find returns the kind of a name.
func Find(name string) (Kind, error) {
	for _, k := range Kinds() {
		if k.Name() == name {
			return k, nil
		}
	}
	return nil, fmt.Errorf("unknown switch %q: use %s", name, strings.Join(Names(), " or "))
}

// ErrNoImage says that the image of a kind of switch is not present.
var ErrNoImage = errors.New("no image of the switch")

// missingImage is an ErrNoImage with words of its own.
type missingImage string

func (e missingImage) Error() string { return string(e) }

func (missingImage) Is(target error) bool { return target == ErrNoImage }

// Switch is a lab's switch: one VLAN for the nodes with a gateway in both families, a loopback that stands for the world
// outside, and static routes back to the pods.
type Switch interface {
	// Create makes and starts the container. Its ports are not there yet.
	Create(ctx context.Context, r record.Record) error
	// Configure brings the switch to the expected state, as often as it is called. The ports exist.
	Configure(ctx context.Context) error
	// Ready returns nil once the switch forwards, before that an error that says what it waits for.
	Ready(ctx context.Context) error
	// Interfaces and Routes return the switch's own view.
	Interfaces(ctx context.Context) ([]Interface, error)
	Routes(ctx context.Context) ([]Route, error)
}

// NewSwitch returns the switch of a lab by the name of its kind.
func NewSwitch(kind string, rt container.Runtime, l spec.Lab, image string) (Switch, error) {
	k, err := Find(kind)
	if err != nil {
		return nil, err
	}
	return k.New(rt, l, image), nil
}

// checkSwitch compares a switch's own view with the expected state, and returns what is missing.
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
