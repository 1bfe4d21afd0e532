//go:build e2e

package e2e

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// TestTraceRouted has the switch route the IPv6 pods, without encapsulation, as in data centres: every path passes, by the router. When
// a node's routes are gone, the default route does not count as one.
func TestTraceRouted(t *testing.T) {
	takesTurns(t, false)
	l := shared(t)
	const pool, gateway = "default-ipv6-ippool", "fd00:10:10::1"
	blocks := map[string]netip.Prefix{} // by node
	for _, b := range items[struct {
		CIDR netip.Prefix `json:"cidr"`
		Node string       `json:"node"`
	}](t, l.mustPlugin(t, "blocks", "-o", "json")) {
		if b.CIDR.Addr().Is6() {
			blocks[b.Node] = b.CIDR
		}
	}
	addresses := map[string]string{}
	for _, node := range l.nodes() {
		for a := range strings.FieldsSeq(l.kubectl(t, "get", "node", node, "-o", `jsonpath={.status.addresses[?(@.type=="InternalIP")].address}`)) {
			if strings.Contains(a, ":") {
				addresses[node] = a
			}
		}
	}
	routes := func(t *testing.T, how string) {
		t.Helper()
		for node, block := range blocks {
			docker(t, "exec", l.name+"-switch", "ip", "-6", "route", how, block.String(), "via", addresses[node])
			for _, other := range l.nodes() {
				if other != node {
					docker(t, "exec", other, "ip", "-6", "route", how, block.String(), "via", gateway, "dev", "eth1")
				}
			}
		}
	}
	mode := func(t *testing.T, vxlan string) {
		t.Helper()
		l.kubectl(t, "patch", "ippool", pool, "--type=merge", "--patch", `{"spec":{"vxlanMode":"`+vxlan+`"}}`)
	}
	t.Cleanup(func() {
		mode(t, "Always")
		tunnelsMove(t, l, "every tunnel has its address", func(annotations string) bool { return strings.Contains(annotations, "/IPv6VXLANTunnelAddr") })
		healthy(t, l)
		eventually(t, "every path passes again", func() bool { return l.plugin(t, "trace").code == 0 })
	})
	mode(t, "Never")
	eventually(t, "Felix takes its routes away", func() bool {
		for _, node := range l.nodes() {
			if strings.Contains(command(t, nil, "docker", "exec", node, "ip", "-6", "route", "show", "dev", "vxlan-v6.calico").out, " via ") {
				return false
			}
		}
		return true
	})
	routes(t, "replace")
	healed := false
	defer func() {
		if !healed {
			routes(t, "del")
		}
	}()
	paths, r := tracePaths(t, l)
	check(t, paths, r)
	for _, p := range paths {
		if p.Class != trace.CrossNode || p.Family != inspect.IPv6 {
			continue
		}
		routed := 0
		for _, hop := range p.Hops {
			if strings.HasPrefix(hop.Detail, "to the router "+gateway) {
				routed++
			}
		}
		if routed != 2 {
			t.Errorf("%s: by %d routers\n%s", p.Name, routed, l.plugin(t, "trace", "--dry-run", "--run", p.Name, "-o", "wide").out)
		}
	}
	node := l.nodes()[2]
	for other, block := range blocks {
		if other != node {
			docker(t, "exec", node, "ip", "-6", "route", "del", block.String(), "via", gateway, "dev", "eth1")
		}
	}
	paths, r = tracePaths(t, l, "--run", "^cross-node/")
	check(t, paths, r, cut(inspect.IPv6, func(a, _ string) bool { return a == node }).because(node, trace.NoRoute))
	for other, block := range blocks {
		if other != node {
			docker(t, "exec", node, "ip", "-6", "route", "replace", block.String(), "via", gateway, "dev", "eth1")
		}
	}
	routes(t, "del")
	healed = true
}
