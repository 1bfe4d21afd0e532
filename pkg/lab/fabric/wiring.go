package fabric

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// NodePort is the interface of a node that leads to the switch.
const NodePort = "eth1"

// Wiring is the cables between the nodes and the switch, and the nodes' ends of them.
type Wiring struct {
	Runtime container.Runtime
	Lab     spec.Lab
	Switch  Switch
	Image   string // has iproute2; runs the helper that makes the cables
}

// NodeState is a node's end of the fabric.
type NodeState struct {
	Name       string
	Running    bool
	Interfaces []Interface
	Routes     []Route
	// Management is the node's address on kind's own network.
	Management container.NetAddress
}

// Connect brings every cable, address and route to the expected state, as often as it is called. All nodes and the switch
// must be running.
func (w Wiring) Connect(ctx context.Context) error {
	nodes := w.Lab.Nodes()
	names := make([]string, 0, 1+len(nodes))
	names = append(names, w.Lab.SwitchName())
	for _, n := range nodes {
		names = append(names, n.Name)
	}
	found, err := w.Runtime.Inspect(ctx, names...)
	if err != nil {
		return err
	}
	pids := map[string]int{}
	for _, c := range found {
		if c.State.Running {
			pids[c.Name] = c.State.Pid
		}
	}
	for _, n := range names {
		if pids[n] == 0 {
			return fmt.Errorf("container %s does not run", n)
		}
	}
	if err := w.plug(ctx, pids); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	for _, n := range nodes {
		g.Go(func() error {
			_, err := w.Runtime.Exec(gctx, n.Name, strings.NewReader(nodeBatch(w.Lab, n)), "ip", "-batch", "-")
			if err != nil {
				return fmt.Errorf("give %s its addresses on the fabric: %w", n.Name, err)
			}
			return nil
		})
	}
	g.Go(func() error {
		if err := w.Switch.Configure(gctx); err != nil {
			return fmt.Errorf("configure %s: %w", w.Lab.SwitchName(), err)
		}
		return nil
	})
	return g.Wait()
}

// plug makes the missing cables, all in one helper container, which it then removes. The helper shares the host's
// processes, so that ip can find the network namespaces of the others by their process ids.
func (w Wiring) plug(ctx context.Context, pids map[string]int) error {
	ports, err := w.ports(ctx)
	if err != nil {
		return err
	}
	batch := cableBatch(w.Lab, pids, ports)
	if batch == "" {
		return nil
	}
	err = w.Runtime.Run(ctx, container.Spec{
		Image: w.Image, Labels: record.Labels(w.Lab.Name, record.RoleHelper), Privileged: true, HostPIDs: true, Network: "host",
		Entrypoint: "ip", Args: []string{"-batch", "-"},
	}, strings.NewReader(batch), io.Discard)
	if err != nil {
		return fmt.Errorf("make the cables between the nodes and %s: %w", w.Lab.SwitchName(), err)
	}
	return nil
}

// ports returns the names of the interfaces of each container of the fabric.
func (w Wiring) ports(ctx context.Context) (map[string][]string, error) {
	nodes := w.Lab.Nodes()
	found := make([][]string, 1+len(nodes))
	g, gctx := errgroup.WithContext(ctx)
	read := func(i int, name string) {
		g.Go(func() error {
			// Not through Switch: EOS answers only once it has its ports. A shell is in every image that can be a switch.
			out, err := w.Runtime.Exec(gctx, name, nil, "ls", "/sys/class/net")
			if err != nil {
				return fmt.Errorf("list the interfaces of %s: %w", name, err)
			}
			found[i] = strings.Fields(string(out))
			return nil
		})
	}
	read(0, w.Lab.SwitchName())
	for i, n := range nodes {
		read(i+1, n.Name)
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	ports := map[string][]string{w.Lab.SwitchName(): found[0]}
	for i, n := range nodes {
		ports[n.Name] = found[i+1]
	}
	return ports, nil
}

// cableBatch returns the commands for "ip -batch" that make the missing cables, or nothing. A veth pair never has just one end: the
// kernel removes both. So an end that has no counterpart belongs to somebody else, and ip will say so.
func cableBatch(l spec.Lab, pids map[string]int, ports map[string][]string) string {
	var b strings.Builder
	for _, n := range l.Nodes() {
		if slices.Contains(ports[n.Name], NodePort) && slices.Contains(ports[l.SwitchName()], n.Port) {
			continue
		}
		fmt.Fprintf(&b, "link add %s netns %d type veth peer name %s address %s netns %d\n",
			n.Port, pids[l.SwitchName()], NodePort, hardwareAddress(n.IPv4), pids[n.Name])
	}
	return b.String()
}

// hardwareAddress returns the MAC, locally administered, that belongs to an IPv4 address of the fabric. A port must keep its
// MAC across a restart: its neighbours remember the old one, and would send to it in vain for some seconds.
func hardwareAddress(a netip.Addr) string {
	return net.HardwareAddr(append([]byte{0x02, 0xd5}, a.AsSlice()...)).String()
}

// nodeBatch returns the commands for "ip -batch" that give a node its end of the cable, its addresses, and the way to the
// world outside.
func nodeBatch(l spec.Lab, n spec.Node) string {
	return fmt.Sprintf(`link set %[1]s up
addr replace %[2]s/%[3]d dev %[1]s
addr replace %[4]s/%[5]d dev %[1]s nodad
route replace %[6]s via %[7]s dev %[1]s
route replace %[8]s via %[9]s dev %[1]s
`, NodePort, n.IPv4, l.IPv4.Fabric.Bits(), n.IPv6, l.IPv6.Fabric.Bits(),
		l.IPv4.ExternalRoute, l.IPv4.Gateway, l.IPv6.ExternalRoute, l.IPv6.Gateway)
}

// NodeCommands returns the commands for ip that a node is set up with, one each.
func NodeCommands(l spec.Lab, n spec.Node) []string {
	return strings.Split(strings.TrimSpace(nodeBatch(l, n)), "\n")
}

// Inspect returns each node's end of the fabric, in the lab's order. It is empty for nodes that do not run.
func (w Wiring) Inspect(ctx context.Context) ([]NodeState, error) {
	nodes := w.Lab.Nodes()
	states := make([]NodeState, len(nodes))
	g, gctx := errgroup.WithContext(ctx)
	for i, n := range nodes {
		g.Go(func() (err error) {
			states[i], err = w.inspectNode(gctx, n.Name)
			return err
		})
	}
	return states, g.Wait()
}

func (w Wiring) inspectNode(ctx context.Context, name string) (NodeState, error) {
	s := NodeState{Name: name}
	found, err := w.Runtime.Inspect(ctx, name)
	if err != nil || len(found) == 0 {
		return s, err
	}
	s.Running, s.Management = found[0].State.Running, found[0].Addresses[record.KindNetwork]
	if !s.Running {
		return s, nil
	}
	out, err := w.Runtime.Exec(ctx, name, nil, "ip", "-j", "addr")
	if err != nil {
		return s, fmt.Errorf("read the interfaces of %s: %w", name, err)
	}
	if s.Interfaces, err = parseInterfaces(out); err != nil {
		return s, err
	}
	for _, family := range []string{"-4", "-6"} {
		out, err := w.Runtime.Exec(ctx, name, nil, "ip", "-j", family, "route")
		if err != nil {
			return s, fmt.Errorf("read the routes of %s: %w", name, err)
		}
		routes, err := parseRoutes(out)
		if err != nil {
			return s, err
		}
		s.Routes = append(s.Routes, routes...)
	}
	return s, nil
}

// Problems compares a node's end of the fabric with the expected state, and returns what is missing.
func (s NodeState) Problems(l spec.Lab, n spec.Node) []string {
	if !s.Running {
		return []string{"the container does not run"}
	}
	i := slices.IndexFunc(s.Interfaces, func(i Interface) bool { return i.Name == NodePort })
	if i < 0 {
		return []string{NodePort + " is missing: no cable to the switch"}
	}
	port := s.Interfaces[i]
	var problems []string
	if !port.Up {
		problems = append(problems, NodePort+" is down")
	}
	for _, f := range l.Families() {
		address := n.IPv4
		if f.Name == "ipv6" {
			address = n.IPv6
		}
		if want := netip.PrefixFrom(address, f.Fabric.Bits()); !slices.Contains(port.Addresses, want) {
			problems = append(problems, fmt.Sprintf("%s is not on %s", want, NodePort))
		}
		if !slices.ContainsFunc(s.Routes, func(r Route) bool { return r.Destination == f.ExternalRoute && r.Via == f.Gateway }) {
			problems = append(problems, fmt.Sprintf("no route %s via %s", f.ExternalRoute, f.Gateway))
		}
	}
	return problems
}

// TunnelProblems returns which of Calico's VXLAN devices a node lacks. They vanish with the cable that they send through. Once they
// are back, Calico works again.
func (s NodeState) TunnelProblems(l spec.Lab) []string {
	var problems []string
	for _, f := range l.Families() {
		if !f.Tunnelled() {
			continue
		}
		device := calico.VXLANDevice(f.Name == "ipv6")
		i := slices.IndexFunc(s.Interfaces, func(i Interface) bool { return i.Name == device })
		switch {
		case i < 0:
			problems = append(problems, device+" is missing")
		case !s.Interfaces[i].Up:
			problems = append(problems, device+" is down")
		case len(s.Interfaces[i].Addresses) == 0:
			problems = append(problems, device+" has no address")
		}
	}
	return problems
}
