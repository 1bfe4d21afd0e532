package felix

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Why a route is as it is. They are constants so that millions of rows can share them.
const (
	reasonAlways     = "the pool is always encapsulated"
	reasonSameSubnet = "CrossSubnet, and the node is in the same subnet: not encapsulated"
	reasonOtherNet   = "CrossSubnet, and the node is in another subnet"
	reasonNoParent   = "CrossSubnet, but no interface holds this node's address"
	reasonOwnBlock   = "the node's own block"
	reasonHostRoute  = "the tunnel address of the node: some Calico releases route to it"
)

// Route is a route as a node must, or may, have it.
type Route struct {
	Dst      netip.Prefix
	Kind     Kind
	Via      netip.Addr // zero for blackholes and for tunnel addresses
	Dev      string     // empty for blackholes
	Node     string     // where the destination is; empty for the own node
	Reason   string
	Optional bool // fine when there, not missed when not

	// hops are the ways that are accepted; the first is the one to tell.
	hops [2]hop
}

// hop is one way a route can go. The zero value is none.
type hop struct {
	typ      string // "unicast" or "blackhole"
	via      netip.Addr
	dev      string // empty: any
	protocol int    // -1: any
	mtu      mtuRule
}

// mtuRule says which mtu metric a route may have.
type mtuRule struct {
	value    int  // 0: none
	optional bool // none is fine, too
	any      bool
}

func (m mtuRule) accepts(mtu int) bool { return m.any || mtu == m.value || m.optional && mtu == 0 }

// Accepts reports whether a route of the node's kernel is this one.
func (r *Route) Accepts(got *inspect.Route) bool {
	return !got.Down && acceptsMetric(got) && (r.hops[0].accepts(got) || r.hops[1].accepts(got))
}

func (h *hop) accepts(got *inspect.Route) bool {
	if h.typ == "" || typeOf(got) != h.typ || !h.mtu.accepts(got.MTU) ||
		h.protocol >= 0 && h.protocol != protocolNumber(got.Protocol) {
		return false
	}
	return h.typ == typeBlackhole || got.Gateway == h.via && (h.dev == "" || h.dev == got.Dev)
}

// Differences says in what a route that is not accepted differs from the expected one.
func (r *Route) Differences(got *inspect.Route) []string {
	var diffs []string
	differ := func(what string, got, want any) {
		if got != want {
			diffs = append(diffs, fmt.Sprintf("%s is %v, expected %v", what, got, want))
		}
	}
	h := &r.hops[0]
	if differ("type", typeOf(got), h.typ); len(diffs) > 0 {
		return diffs // nothing else of it matters
	}
	if h.typ == typeUnicast {
		differ("next hop", orNone(got.Gateway), orNone(h.via))
		differ("device", got.Dev, h.dev)
	}
	if h.protocol >= 0 && protocolNumber(got.Protocol) != h.protocol {
		differ("protocol", got.Protocol, h.protocol)
	}
	if !h.mtu.accepts(got.MTU) {
		differ("mtu", got.MTU, h.mtu.value)
	}
	if !acceptsMetric(got) {
		differ("metric", got.Metric, normalMetric(got.Family()))
	}
	if got.Down {
		diffs = append(diffs, "the kernel has marked it as down")
	}
	return diffs
}

func orNone(a netip.Addr) string {
	if !a.IsValid() {
		return "none"
	}
	return a.String()
}

// normalMetric is the priority that a route of Felix's has in all releases.
func normalMetric(f inspect.Family) int {
	if f == inspect.IPv4 {
		return 0
	}
	return priority
}

// priority is the kernel's default for IPv6.
const priority = 1024

// acceptsMetric compares the priority. Felix gives IPv4 routes none, or from v3.32 on 1024 (IPv4NormalRoutePriority).
func acceptsMetric(got *inspect.Route) bool {
	return got.Metric == priority || got.Metric == normalMetric(got.Family())
}

// String is the route without its destination, as the ip command spells it.
func (r *Route) String() string {
	h := &r.hops[0]
	var b strings.Builder
	if h.typ == typeBlackhole {
		b.WriteString(typeBlackhole)
	}
	if h.via.IsValid() {
		fmt.Fprintf(&b, " via %s", h.via)
	}
	if h.dev != "" {
		fmt.Fprintf(&b, " dev %s", h.dev)
	}
	if h.protocol >= 0 && h.protocol != protocolBoot {
		fmt.Fprintf(&b, " proto %d", h.protocol)
	}
	if h.mtu.value != 0 && !h.mtu.optional {
		fmt.Fprintf(&b, " mtu %d", h.mtu.value)
	}
	if h.via.IsValid() {
		b.WriteString(" onlink")
	}
	return strings.TrimSpace(b.String())
}

const (
	typeUnicast   = "unicast"
	typeBlackhole = "blackhole"
)

func typeOf(r *inspect.Route) string {
	if r.Type == "" {
		return typeUnicast
	}
	return r.Type
}

// protocolNumber reads a route's protocol as the ip command prints it (iproute2, rt_protos); -1 is one without a name
// here.
func protocolNumber(s string) int {
	switch s {
	case "", "boot":
		return protocolBoot
	case "kernel":
		return 2
	case "static":
		return 4
	case "ra":
		return 9
	case "zebra":
		return 11
	case "bird":
		return 12
	case "dhcp":
		return 16
	case "bgp":
		return 186
	}
	if n, err := strconv.Atoi(s); err == nil {
		return n
	}
	return -1
}
