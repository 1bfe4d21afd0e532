//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// verifiers are the inspectors that hold the kernels against the datastore.
func verifiers() []string {
	var all []string
	for _, i := range cmd.Inspectors() {
		if i.Verifies {
			all = append(all, i.Name)
		}
	}
	return all
}

// findings runs the verifying inspectors, all at once, and returns each row that is not ok as a line. Every exit code must
// fit what was found. They look at one recording of the lab, so that its nodes are entered once; TestSnapshot holds what
// they say of a recording against what they say of the lab itself.
func findings(t testing.TB, l *lab) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lab.snapshot")
	l.mustPlugin(t, "snapshot", file)
	results := make([]result, len(verifiers()))
	var wg sync.WaitGroup
	for i, verifier := range verifiers() {
		wg.Go(func() { results[i] = l.plugin(t, verifier, "--snapshot", file, "-o", "json") })
	}
	wg.Wait()
	var lines []string
	for i, verifier := range verifiers() {
		r := results[i]
		if r.code != 0 && r.code != 2 {
			t.Fatal(r)
		}
		bad := 0
		for _, row := range items[tableRow](t, r.out) {
			if row.Status != "ok" {
				bad++
				lines = append(lines, finding(verifier, row))
			}
		}
		if (bad > 0) != (r.code == 2) {
			t.Errorf("exit code %d with %d rows that are not ok: %s", r.code, bad, r)
		}
	}
	slices.Sort(lines)
	return lines
}

// finding is a row that is not ok, with all that tells it from others.
func finding(verifier string, r tableRow) string {
	var what string
	switch verifier {
	case "fdb":
		what = r.MAC + " to " + r.VTEP
	case "neighbors":
		what = r.IP + " at " + r.MAC
	case "routes":
		what = strings.Join([]string{r.Kind, r.Destination, r.Via, r.Device}, " ")
	case "vxlan":
		what = r.Device
	}
	line := fmt.Sprintf("%s of %s, %s, for %q: %s: %s", verifier, r.Node, r.Family, r.RemoteNode, what, r.Status)
	return strings.Join(append([]string{line + ", " + r.Expected}, r.Problems...), "; ")
}

// row makes the finding that a fault must give.
func (s site) row(verifier, status string, edit func(*tableRow)) string {
	r := tableRow{Node: s.node.name, Family: s.family, Device: s.device(), RemoteNode: s.remote.name, Status: status}
	switch verifier {
	case "fdb":
		r.MAC, r.VTEP = s.remote.mac, s.remote.vtep()
	case "neighbors":
		r.IP, r.MAC = s.remote.tunnel.String(), s.remote.mac
	case "routes":
		r.Destination, r.Kind, r.Via = s.remote.block.String(), "tunnel", s.remote.tunnel.String()
		if s.family == inspect.IPv4 {
			r.Kind, r.Via, r.Device = "direct", s.remote.vtep(), "eth1"
		}
	case "vxlan":
		r.RemoteNode = ""
	}
	if edit != nil {
		edit(&r)
	}
	return finding(verifier, r)
}

// toward is the same place with what it holds for the third node.
func (s site) toward() site {
	s.remote, s.third = s.third, s.remote
	return s
}

// from is what another node holds for the node of the fault.
func (s site) from(other host) site {
	s.node, s.remote = other, s.node
	return s
}

// mustSee returns the rows that are not ok once the fault is there: these, and no others.
func mustSee(name string, s site) []string {
	wrong := func(verifier string, edit func(*tableRow)) []string { return []string{s.row(verifier, "wrong", edit)} }
	problem := func(format string, args ...any) func(*tableRow) {
		return func(r *tableRow) { r.Problems = append(r.Problems, fmt.Sprintf(format, args...)) }
	}
	everyOther := func(verifier, status string, edit func(*tableRow)) []string {
		return []string{s.from(s.remote).row(verifier, status, edit), s.from(s.third).row(verifier, status, edit)}
	}
	missing := func(verifier string) []string {
		return []string{s.row(verifier, "missing", nil), s.toward().row(verifier, "missing", nil)}
	}
	switch name {
	case "FDBDeleted":
		return []string{s.row("fdb", "missing", nil)}
	case "FDBMoved":
		return wrong("fdb", func(r *tableRow) { r.VTEP, r.Expected = s.third.vtep(), s.remote.vtep() })
	case "FDBAdded":
		return []string{s.toward().row("fdb", "unexpected", func(r *tableRow) { r.MAC = strangeMAC })}
	case "NeighborDeleted":
		return []string{s.row("neighbors", "missing", nil)}
	case "NeighborChanged":
		return wrong("neighbors", func(r *tableRow) { r.MAC, r.Expected = strangeMAC, s.remote.mac })
	case "RouteDeleted":
		return []string{s.row("routes", "missing", nil)}
	case "RouteMoved":
		return wrong("routes", s.moved)
	case "DeviceDown":
		lines := append(wrong("vxlan", s.down), missing("neighbors")...)
		if s.family == inspect.IPv6 { // IPv4 does not go through it
			lines = append(lines, missing("routes")...)
		}
		return lines
	case "DeviceMTUChanged":
		return wrong("vxlan", problem("mtu %d, expected %d", strangeMTU, s.mtu()))
	case "DeviceDeleted":
		lines := append(missing("fdb"), missing("neighbors")...)
		if s.family == inspect.IPv6 {
			lines = append(lines, missing("routes")...)
		}
		return append(lines, s.row("vxlan", "missing", problem("no such device")))
	case "TunnelAddressRemoved":
		return tunnelAddressRemoved(s)
	case "AddressChanged":
		return append(everyOther("fdb", "wrong", func(r *tableRow) { r.Expected = strangeAddress }),
			s.row("vxlan", "wrong", func(r *tableRow) {
				problem("VTEP %s, expected %s", s.node.vtep(), strangeAddress)(r)
				problem("no interface of the node holds its address %s", strangeAddress)(r)
			}))
	case "VNIChanged":
		var lines []string
		for _, f := range inspect.Families() {
			for _, h := range []host{s.node, s.remote, s.third} {
				lines = append(lines, site{family: f, node: h}.row("vxlan", "wrong", problem("VNI 4096, expected %s", strangeVNI)))
			}
		}
		return lines
	}
	panic("nothing is said of what must be seen of " + name)
}

func (s site) moved(r *tableRow) {
	right, wrong := s.remote.vtep(), s.third.vtep()
	r.Expected = "via " + right + " dev eth1 proto 80 onlink"
	if s.family == inspect.IPv6 {
		right, wrong = s.remote.tunnel.String(), s.third.tunnel.String()
		r.Expected = "via " + right + " dev " + s.device() + " onlink"
	}
	r.Via, r.Problems = wrong, []string{"next hop is " + wrong + ", expected " + right}
}

// down is what a device that is down lacks: the kernel drops its addresses of IPv6.
func (s site) down(r *tableRow) {
	r.Problems = []string{"down, expected up"}
	if s.family == inspect.IPv6 {
		r.Problems = append(r.Problems, fmt.Sprintf("address %s/128 is missing", s.node.tunnel))
	}
}

// tunnelAddressRemoved is what is too much when a node has no VTEP any more. Straight routes do not need one.
func tunnelAddressRemoved(s site) []string {
	var lines []string
	for _, other := range []host{s.remote, s.third} {
		at := s.from(other)
		lines = append(lines, at.row("fdb", "unexpected", nil), at.row("neighbors", "unexpected", nil))
		if s.family == inspect.IPv6 {
			lines = append(lines, at.row("routes", "unexpected", func(r *tableRow) { r.RemoteNode = "" }))
		}
	}
	pool := strings.ToLower(s.family.String())
	return append(lines, s.row("vxlan", "wrong", func(r *tableRow) {
		r.Problems = []string{fmt.Sprintf("pool default-%s-ippool selects the node, but it has no tunnel address (annotation "+
			"projectcalico.org/%sVXLANTunnelAddr): restart its calico-node to have one allocated", pool, s.family)}
	}))
}

// TestFaults breaks the lab in each way, in both families at once, looks for exactly the rows that tell of it, for the paths
// that it breaks, and for no row when it has been put right.
func TestFaults(t *testing.T) {
	l := shared(t)
	sites := map[inspect.Family]site{}
	for _, f := range []inspect.Family{0, inspect.IPv4, inspect.IPv6} {
		sites[f] = siteOf(t, l, f)
	}
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Cleanup(func() { healthy(t, l) })
			t.Cleanup(func() { thaw(t, l) })
			freezeHealthy(t, l)
			var want []string
			var damages []damage
			for _, family := range f.families {
				s := sites[family]
				t.Cleanup(func() { f.heal(t, s) })
				f.inject(t, s)
				want = append(want, mustSee(f.name, s)...)
				damages = append(damages, mustBreak(f.name, s)...)
			}
			slices.Sort(want)
			if d := cmp.Diff(want, findings(t, l)); d != "" {
				t.Errorf("rows that are not ok (-want +got)\n%s", d)
			}
			if *record == "" {
				t.Log("not traced: see TestTraceFaults")
				return
			}
			paths, r := tracePaths(t, l)
			tell(t, f.name, nil, check(t, paths, r, damages...))
		})
	}
	l.kubectl(t, "rollout", "status", "--namespace", w.release.namespace(), "--timeout", "3m", "daemonset/calico-node")
}

// tunnelDown sets a node's tunnel device down until the end of the test.
func tunnelDown(t testing.TB, l *lab, s site) {
	t.Cleanup(func() { healthy(t, l) })
	t.Cleanup(func() { thaw(t, l) })
	freezeHealthy(t, l)
	t.Cleanup(func() { s.run(t, "ip", "link", "set", s.device(), "up") })
	s.run(t, "ip", "link", "set", s.device(), "down")
}

// freezeHealthy stops Felix at a time when it has nothing left to repair. The kubelet would start it anew after a minute
// without an answer, and a busy machine may need that long to look at a fault: it is not asked any more whether it lives.
func freezeHealthy(t testing.TB, l *lab) {
	t.Helper()
	w.neverRestarted.Do(func() {
		l.kubectl(t, "patch", "--namespace", w.release.namespace(), "daemonset/calico-node", "--type", "json", "-p",
			`[{"op": "remove", "path": "/spec/template/spec/containers/0/livenessProbe"}]`)
		l.kubectl(t, "rollout", "status", "--namespace", w.release.namespace(), "--timeout", "5m", "daemonset/calico-node")
		healthy(t, l)
	})
	eventually(t, "Felix is stopped with every row ok", func() bool {
		freeze(t, l)
		rows := findings(t, l)
		if len(rows) == 0 {
			return true
		}
		t.Logf("not ok before the fault:\n%s", strings.Join(rows, "\n"))
		thaw(t, l)
		return false
	})
}

// healthy waits until no row is wrong any more.
func healthy(t testing.TB, l *lab) {
	t.Helper()
	eventually(t, "every row is ok again", func() bool {
		rows := findings(t, l)
		if len(rows) > 0 {
			t.Logf("not ok yet:\n%s", strings.Join(rows, "\n"))
		}
		return len(rows) == 0
	})
}

// TestHealthyLabHasNoFindings looks for false alarms.
func TestHealthyLabHasNoFindings(t *testing.T) {
	l := shared(t)
	for i := range 20 {
		if rows := findings(t, l); len(rows) > 0 {
			t.Errorf("run %d:\n%s", i+1, strings.Join(rows, "\n"))
		}
	}
}
