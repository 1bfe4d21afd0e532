//go:build e2e

package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// fault is something that can go wrong with a lab, and how to put it right. What is to be seen of it is for each test to
// say. The names are those of the functions of package inspecttest, which put the same into a snapshot.
type fault struct {
	name     string
	families []inspect.Family // the zero family is a fault of both at once
	inject   func(testing.TB, site)
	// heal puts back what was there, or leaves it to Felix, which must go on then. It can be run again, and without inject.
	heal func(testing.TB, site)
}

// site is where a fault is: on a node, in what it holds for a remote one.
type site struct {
	lab                 *lab
	family              inspect.Family
	node, remote, third host
}

// host is what a node has in one family.
type host struct {
	name    string
	address netip.Prefix // with the length of the subnet, as annotated
	tunnel  netip.Addr
	mac     string // of the tunnel device
	block   netip.Prefix
}

// siteOf places a fault on the worker in IPv4 and on the second one in IPv6, so that both can be there together.
func siteOf(t testing.TB, l *lab, f inspect.Family) site {
	t.Helper()
	h := hostsOf(t, l, f)
	if f == inspect.IPv6 {
		return site{lab: l, family: f, node: h[2], remote: h[1], third: h[0]}
	}
	return site{lab: l, family: f, node: h[1], remote: h[0], third: h[2]}
}

// hostsOf returns the nodes in order of name. The zero family gives them without addresses.
func hostsOf(t testing.TB, l *lab, f inspect.Family) []host {
	t.Helper()
	var hosts []host
	for _, name := range l.nodes() {
		hosts = append(hosts, host{name: name})
	}
	if f == 0 {
		return hosts
	}
	at := func(name string) *host {
		return &hosts[slices.IndexFunc(hosts, func(h host) bool { return h.name == name })]
	}
	for _, n := range items[struct {
		Name                     string
		CalicoIPv4, CalicoIPv6   netip.Prefix
		TunnelIPv4, TunnelIPv6   netip.Addr
		TunnelMACv4, TunnelMACv6 string
	}](t, l.mustPlugin(t, "nodes", "-o", "json")) {
		h := at(n.Name)
		h.address, h.tunnel, h.mac = n.CalicoIPv4, n.TunnelIPv4, n.TunnelMACv4
		if f == inspect.IPv6 {
			h.address, h.tunnel, h.mac = n.CalicoIPv6, n.TunnelIPv6, n.TunnelMACv6
		}
	}
	for _, b := range items[struct {
		CIDR netip.Prefix
		Node string
	}](t, l.mustPlugin(t, "blocks", "--family", strings.ToLower(f.String()), "-o", "json")) {
		at(b.Node).block = b.CIDR
	}
	return hosts
}

func (s site) device() string { return tunnelDevice(s.family) }

// vtep is the address of the node that frames for a host are sent to.
func (h host) vtep() string { return h.address.Addr().String() }

// run runs a program on the node of the fault.
func (s site) run(t testing.TB, command ...string) {
	t.Helper()
	docker(t, slices.Concat([]string{"exec", s.node.name}, command)...)
}

// try runs a program on the node that may find its work done.
func (s site) try(t testing.TB, args ...string) {
	t.Helper()
	if r := command(t, nil, "docker", slices.Concat([]string{"exec", s.node.name}, args)...); r.code != 0 {
		t.Log(r)
	}
}

// forward makes a forwarding entry, in place of one with the same MAC.
func (s site) forward(t testing.TB, mac, vtep string) {
	t.Helper()
	s.run(t, "bridge", "fdb", "replace", mac, "dev", s.device(), "dst", vtep, "self", "permanent")
}

// resolve makes a neighbour entry, in place of one with the same address.
func (s site) resolve(t testing.TB, mac string) {
	t.Helper()
	s.run(t, "ip", "neigh", "replace", s.remote.tunnel.String(), "lladdr", mac, "dev", s.device(), "nud", "permanent")
}

// route makes the route to the block of the remote node, in place of the one that is there.
func (s site) route(t testing.TB, via host) {
	t.Helper()
	if s.family == inspect.IPv4 {
		s.run(t, slices.Concat([]string{"ip", "route", "replace", s.remote.block.String(), "via", via.vtep(), "dev", "eth1", "proto", "80", "onlink"},
			w.release.routeOptions(false, 0))...)
		return
	}
	s.run(t, slices.Concat([]string{"ip", "route", "replace", s.remote.block.String(), "via", via.tunnel.String(), "dev", s.device(), "proto", "boot",
		"onlink"}, w.release.routeOptions(true, s.mtu()))...)
}

func (s site) mtu() int {
	if s.family == inspect.IPv4 {
		return 1450
	}
	return 1430
}

func (s site) setMTU(t testing.TB, mtu int) {
	t.Helper()
	s.run(t, "ip", "link", "set", s.device(), "mtu", fmt.Sprint(mtu))
}

// annotate sets an annotation of Calico's on the node: KEY=VALUE, or KEY- to remove it.
func (s site) annotate(t testing.TB, annotation string) {
	t.Helper()
	s.lab.kubectl(t, "annotate", "--overwrite", "node", s.node.name, "projectcalico.org/"+annotation)
}

func (s site) setVNI(t testing.TB, vni string) {
	t.Helper()
	s.lab.kubectl(t, "patch", w.release.kind("felixconfigurations"), "default", "--type", "merge", "-p",
		`{"spec":{"vxlanVNI":`+vni+`}}`)
}

// What the faults put in the place of what is right.
const (
	strangeMAC     = "02:00:00:00:00:01"
	strangeMTU     = 1400
	strangeAddress = "fd00:10:10::99"
	strangeVNI     = "4097"
)

// faults are all that the tests know of.
func faults() []fault {
	both := []inspect.Family{inspect.IPv4, inspect.IPv6}
	rightFDB := func(t testing.TB, s site) { s.forward(t, s.remote.mac, s.remote.vtep()) }
	rightNeighbor := func(t testing.TB, s site) { s.resolve(t, s.remote.mac) }
	rightRoute := func(t testing.TB, s site) { s.route(t, s.remote) }
	tunnelAnnotation := func(s site) string { return s.family.String() + "VXLANTunnelAddr" }
	return []fault{
		{"FDBDeleted", both, func(t testing.TB, s site) {
			s.run(t, "bridge", "fdb", "del", s.remote.mac, "dev", s.device(), "dst", s.remote.vtep(), "self")
		}, rightFDB},
		{"FDBMoved", both, func(t testing.TB, s site) { s.forward(t, s.remote.mac, s.third.vtep()) }, rightFDB},
		{"FDBAdded", both, func(t testing.TB, s site) { s.forward(t, strangeMAC, s.third.vtep()) }, func(t testing.TB, s site) {
			s.try(t, "bridge", "fdb", "del", strangeMAC, "dev", s.device(), "dst", s.third.vtep(), "self")
		}},
		{"NeighborDeleted", both, func(t testing.TB, s site) {
			s.run(t, "ip", "neigh", "del", s.remote.tunnel.String(), "dev", s.device())
		}, rightNeighbor},
		{"NeighborChanged", both, func(t testing.TB, s site) { s.resolve(t, strangeMAC) }, rightNeighbor},
		{"RouteDeleted", both, func(t testing.TB, s site) { s.run(t, "ip", "route", "del", s.remote.block.String()) }, rightRoute},
		{"RouteMoved", both, func(t testing.TB, s site) { s.route(t, s.third) }, rightRoute},
		{"DeviceDown", both, func(t testing.TB, s site) { s.run(t, "ip", "link", "set", s.device(), "down") },
			func(t testing.TB, s site) { s.run(t, "ip", "link", "set", s.device(), "up") }},
		{"DeviceMTUChanged", both, func(t testing.TB, s site) { s.setMTU(t, strangeMTU) },
			func(t testing.TB, s site) { s.setMTU(t, s.mtu()) }},
		{"DeviceDeleted", both, func(t testing.TB, s site) { s.run(t, "ip", "link", "del", s.device()) },
			func(testing.TB, site) {}},
		{"TunnelAddressRemoved", both, func(t testing.TB, s site) { s.annotate(t, tunnelAnnotation(s)+"-") },
			func(t testing.TB, s site) { s.annotate(t, tunnelAnnotation(s)+"="+s.node.tunnel.String()) }},
		{"AddressChanged", []inspect.Family{inspect.IPv6}, func(t testing.TB, s site) {
			s.annotate(t, fmt.Sprintf("IPv6Address=%s/%d", strangeAddress, s.node.address.Bits()))
		}, func(t testing.TB, s site) { s.annotate(t, "IPv6Address="+s.node.address.String()) }},
		{"VNIChanged", []inspect.Family{0}, func(t testing.TB, s site) { s.setVNI(t, strangeVNI) },
			func(t testing.TB, s site) { s.setVNI(t, "null") }},
	}
}

// felix are the processes of calico-node that repair what a fault breaks. The whole command lines are matched, since the
// probes of the pod run "calico-node -felix-live". Since v3.32 one program does what is not Felix's, and since v3.33 they are components
// of one program.
const felix = "^(calico-node -(felix|allocate-tunnel-addrs|monitor-addresses|node-services)|(/usr/bin/)?calico component node (felix|services).*)$"

// felixProcesses is how many there are.
func felixProcesses() int {
	if w.release.since("v3.32.0") {
		return 2
	}
	return 3
}

// freeze stops Felix on all nodes, so that a fault stays as long as the test looks at it.
func freeze(t testing.TB, l *lab) {
	t.Helper()
	for _, node := range l.nodes() {
		// Felix ends itself when some of its settings change, and is started again. It can be found twice, too: a child of
		// its own has its command line until it runs another program.
		eventually(t, "Felix runs on "+node, func() bool {
			r := command(t, nil, "docker", "exec", node, "pkill", "-STOP", "-c", "-f", felix)
			n, err := strconv.Atoi(strings.TrimSpace(r.out))
			return err == nil && n >= felixProcesses()
		})
	}
}

// thaw lets Felix go on.
func thaw(t testing.TB, l *lab) {
	t.Helper()
	for _, node := range l.nodes() {
		if r := command(t, nil, "docker", "exec", node, "pkill", "-CONT", "-f", felix); r.code != 0 {
			t.Errorf("Felix stays stopped: %s", r)
		}
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	const patience, pause = 3 * time.Minute, 200 * time.Millisecond
	for start := time.Now(); !condition(); time.Sleep(pause) {
		if time.Since(start) > patience {
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}
