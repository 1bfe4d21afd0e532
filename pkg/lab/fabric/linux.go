package fabric

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/render"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// Linux is the name of the kind of switch that is a Linux bridge and router.
const Linux = "linux"

// linuxKind is a bridge and a router made of the node image, so it is always present.
type linuxKind struct{}

func (linuxKind) Name() string { return Linux }

func (linuxKind) Title() string { return "a Linux bridge and router" }

func (linuxKind) New(rt container.Runtime, l spec.Lab, image string) Switch {
	return &linuxSwitch{runtime: rt, lab: l, image: image}
}

func (linuxKind) Image(_ context.Context, _ container.Runtime, _, nodeImage string) (string, error) {
	return nodeImage, nil
}

// linuxFile is the path of the switch's commands in an export, linuxTarget their path in its container.
const (
	linuxFile   = "startup-configs/switch01.batch"
	linuxTarget = "/etc/dualstack/switch.batch"
)

func (linuxKind) File(l spec.Lab) (render.File, error) {
	return render.File{Path: linuxFile, Title: "switch.batch: the switch, for ip -batch", Text: (&linuxSwitch{lab: l}).batch(nil)}, nil
}

func (linuxKind) Topology(_, nodeImage string) render.TopologySwitch {
	return render.TopologySwitch{Name: "switch01", Kind: "linux", Image: nodeImage, Batch: linuxFile, Target: linuxTarget, Sysctls: linuxSysctls()}
}

// linuxSwitch is a bridge and a router in one container, made from the node image: it needs nothing but iproute2.
type linuxSwitch struct {
	runtime container.Runtime
	lab     spec.Lab
	image   string
}

// linuxSysctls returns the settings that make a router of the container. The runtime keeps them across restarts.
func linuxSysctls() []string {
	return []string{
		"net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
		"net.ipv6.conf.all.disable_ipv6=0", "net.ipv6.conf.default.disable_ipv6=0",
	}
}

func (s *linuxSwitch) Create(ctx context.Context, r record.Record) error {
	labels, err := r.Labels()
	if err != nil {
		return err
	}
	err = s.runtime.Create(ctx, container.Spec{
		Name: s.lab.SwitchName(), Hostname: s.lab.SwitchName(), Image: s.image, Labels: labels, Network: "none", Capabilities: []string{"NET_ADMIN"},
		// sleep is the first process of its namespace, which ignores every signal that it has no handler for.
		Sysctls: linuxSysctls(), Restart: "on-failure:1", StopSignal: "KILL", Entrypoint: "sleep", Args: []string{"infinity"},
	})
	if err != nil {
		return err
	}
	return s.runtime.Start(ctx, s.lab.SwitchName())
}

// bridge is the name of the bridge that stands for the VLAN.
func (s *linuxSwitch) bridge() string { return fmt.Sprintf("vlan%d", s.lab.VLAN) }

func (s *linuxSwitch) Configure(ctx context.Context) error {
	interfaces, err := s.Interfaces(ctx)
	if err != nil {
		return err
	}
	_, err = s.runtime.Exec(ctx, s.lab.SwitchName(), strings.NewReader(s.batch(interfaces)), "ip", "-batch", "-")
	return err
}

// batch returns the commands for "ip -batch" that bring the switch from its present to its expected state.
func (s *linuxSwitch) batch(has []Interface) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	br := s.bridge()
	if !slices.ContainsFunc(has, func(i Interface) bool { return i.Name == br }) {
		// A bridge without an address of its own takes a port's, and another one when that port goes.
		line("link add %s address %s type bridge", br, hardwareAddress(s.lab.IPv4.Gateway))
	}
	line("link set %s up", br)
	for _, n := range s.lab.Nodes() {
		line("link set %s master %s up", n.Port, br)
	}
	line("link set lo up")
	for _, f := range s.lab.Families() {
		nodad := ""
		if f.Name == "ipv6" {
			nodad = " nodad" // no other host is on this fabric, and the address is needed at once
		}
		line("addr replace %s/%d dev %s%s", f.Gateway, f.Fabric.Bits(), br, nodad)
		line("addr replace %s/%d dev lo%s", f.External, f.External.BitLen(), nodad)
		line("route replace %s via %s", f.Pods, f.FirstNode)
	}
	return b.String()
}

func (s *linuxSwitch) Ready(ctx context.Context) error {
	interfaces, err := s.Interfaces(ctx)
	if err != nil {
		return err
	}
	routes, err := s.Routes(ctx)
	if err != nil {
		return err
	}
	problems := checkSwitch(s.lab, interfaces, routes)
	for _, n := range s.lab.Nodes() {
		if !slices.ContainsFunc(interfaces, func(i Interface) bool { return i.Name == n.Port && i.Up }) {
			problems = append(problems, fmt.Sprintf("port %s to %s is down", n.Port, n.Name))
		}
	}
	return problemsError("switch "+s.lab.SwitchName(), problems)
}

func (s *linuxSwitch) Interfaces(ctx context.Context) ([]Interface, error) {
	out, err := s.runtime.Exec(ctx, s.lab.SwitchName(), nil, "ip", "-j", "addr")
	if err != nil {
		return nil, fmt.Errorf("read the interfaces of %s: %w", s.lab.SwitchName(), err)
	}
	return parseInterfaces(out)
}

func (s *linuxSwitch) Routes(ctx context.Context) ([]Route, error) {
	var all []Route
	for _, family := range []string{"-4", "-6"} {
		out, err := s.runtime.Exec(ctx, s.lab.SwitchName(), nil, "ip", "-j", family, "route")
		if err != nil {
			return nil, fmt.Errorf("read the routes of %s: %w", s.lab.SwitchName(), err)
		}
		routes, err := parseRoutes(out)
		if err != nil {
			return nil, err
		}
		all = append(all, routes...)
	}
	sortRoutes(all)
	return all, nil
}
