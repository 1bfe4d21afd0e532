package felix

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Kind is the purpose of a route and how it gets there.
type Kind string

// The kinds.
const (
	Tunnel    Kind = "tunnel"    // to another node's block, through a tunnel
	Direct    Kind = "direct"    // to another node's block, not encapsulated
	Blackhole Kind = "blackhole" // drops packets to unused addresses of the node's own block
	Borrowed  Kind = "borrowed"  // to one address that a node other than the block's uses
)

// Route is a route as a node is expected to have it.
type Route struct {
	Dst      netip.Prefix
	Kind     Kind
	Via      netip.Addr // zero for blackholes, for tunnel addresses, and where the next hop cannot be known
	Dev      string     // empty for blackholes, and where any device is accepted
	Node     string     // where the destination is; empty for the own node
	Reason   string     // why the route is of its kind
	Optional bool       // ok when there, not missing when not
	// Problem says why a missing route may be missing, if the facts tell.
	Problem string
	// Multipath accepts several routes at once, as for equal-cost multipath.
	Multipath bool

	// Hops are the accepted variants; messages name the first.
	Hops [2]Hop
}

// Reasons that several ways give for a route's kind.
const (
	ReasonSameSubnet = "CrossSubnet, and the node is in the same subnet: not encapsulated"
	ReasonOwnBlock   = "the node's own block"
)

// Hop is one way a route can go. The zero value is none.
type Hop struct {
	Type      string // TypeUnicast, TypeBlackhole or TypeUnreachable
	Via       netip.Addr
	Router    func(netip.Addr) bool // instead of Via, where several next hops are accepted
	Dev       string                // empty: any
	Protocol  int                   // AnyProtocol: any
	MTU       MTU
	AnyMetric bool
	// NotOnLink accepts a next hop without the flag onlink. Felix sets it on every route with a next hop; BIRD does not.
	NotOnLink bool
}

// The types of routes.
const (
	TypeUnicast     = "unicast"
	TypeBlackhole   = "blackhole"
	TypeUnreachable = "unreachable"
)

// The protocols of routes that matter here (iproute2, rt_protos).
const (
	AnyProtocol = -1
	// ProtocolBoot is the kernel's RTPROT_BOOT, Felix's default for the routes of its own devices.
	ProtocolBoot = 3
	ProtocolBIRD = 12
	// ProtocolFelix marks routes as Felix's own where the device does not (dataplanedefs.DefaultRouteProto).
	ProtocolFelix = 80
)

// MTU says which mtu metric a route may have, in bytes.
type MTU struct {
	Value    int  // 0: none
	Optional bool // none is accepted too
	Any      bool
}

func (m MTU) accepts(mtu int) bool { return m.Any || mtu == m.Value || m.Optional && mtu == 0 }

// Accepts reports whether a route of the node's kernel is this one.
func (r *Route) Accepts(got *inspect.Route) bool {
	return !got.Down && (r.Hops[0].accepts(got) || r.Hops[1].accepts(got))
}

func (h *Hop) accepts(got *inspect.Route) bool {
	if h.Type == "" || TypeOf(got) != h.Type || !h.MTU.accepts(got.MTU) || !h.acceptsMetric(got) ||
		h.Protocol != AnyProtocol && h.Protocol != ProtocolOf(got) {
		return false
	}
	return h.Type != TypeUnicast || h.leads(got.Gateway) && (h.Dev == "" || h.Dev == got.Dev) && h.acceptsOnLink(got)
}

// leads reports whether a next hop is accepted.
func (h *Hop) leads(gateway netip.Addr) bool {
	if h.Router != nil {
		return h.Router(gateway)
	}
	return gateway == h.Via
}

func (h *Hop) acceptsOnLink(got *inspect.Route) bool {
	return got.OnLink || h.NotOnLink || !h.Via.IsValid()
}

// Differences says how a rejected route differs from the expected one.
func (r *Route) Differences(got *inspect.Route) []string {
	var diffs []string
	differ := func(what string, got, want any) {
		if got != want {
			diffs = append(diffs, fmt.Sprintf("%s is %v, expected %v", what, got, want))
		}
	}
	h := &r.Hops[0]
	if differ("type", TypeOf(got), h.Type); len(diffs) > 0 {
		return diffs // nothing else of it matters
	}
	if h.Type == TypeUnicast {
		if !h.leads(got.Gateway) {
			diffs = append(diffs, fmt.Sprintf("next hop is %s, expected %s", orNone(got.Gateway), orNone(h.Via)))
		}
		if h.Dev != "" {
			differ("device", got.Dev, h.Dev)
		}
		if !h.acceptsOnLink(got) {
			diffs = append(diffs, "flag onlink is not set")
		}
	}
	if h.Protocol != AnyProtocol && ProtocolOf(got) != h.Protocol {
		differ("protocol", got.Protocol, h.Protocol)
	}
	if !h.MTU.accepts(got.MTU) {
		differ("mtu", got.MTU, h.MTU.Value)
	}
	if !h.acceptsMetric(got) {
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

// normalMetric is the priority that a route of Felix's may have in all releases.
func normalMetric(f inspect.Family) int {
	if f == inspect.IPv4 {
		return 0
	}
	return priority
}

// priority is the kernel's default for IPv6.
const priority = 1024

// acceptsMetric compares the priority: see the change IPv4RouteMetric.
func (h *Hop) acceptsMetric(got *inspect.Route) bool {
	return h.AnyMetric || got.Metric == priority || got.Metric == normalMetric(got.Family())
}

// String is the route without its destination, as the ip command spells it.
func (r *Route) String() string {
	h := &r.Hops[0]
	var b strings.Builder
	if h.Type != TypeUnicast {
		b.WriteString(h.Type)
	}
	switch {
	case h.Via.IsValid():
		fmt.Fprintf(&b, " via %s", h.Via)
	case h.Router != nil:
		b.WriteString(" via a router")
	}
	if h.Dev != "" {
		fmt.Fprintf(&b, " dev %s", h.Dev)
	}
	if h.Protocol != AnyProtocol && h.Protocol != ProtocolBoot {
		fmt.Fprintf(&b, " proto %d", h.Protocol)
	}
	if h.MTU.Value != 0 && !h.MTU.Optional {
		fmt.Fprintf(&b, " mtu %d", h.MTU.Value)
	}
	if h.Via.IsValid() && !h.NotOnLink {
		b.WriteString(" onlink")
	}
	return strings.TrimSpace(b.String())
}

// TypeOf returns the type of a route. The ip command prints none for unicast.
func TypeOf(r *inspect.Route) string {
	if r.Type == "" {
		return TypeUnicast
	}
	return r.Type
}

// ProtocolOf returns the number of a route's protocol, which the ip command prints as a name (iproute2, rt_protos). It is
// 0 for an unknown name; no protocol has that number.
func ProtocolOf(r *inspect.Route) int {
	switch r.Protocol {
	case "", "boot":
		return ProtocolBoot
	case "kernel":
		return 2
	case "static":
		return 4
	case "ra":
		return 9
	case "zebra":
		return 11
	case "bird":
		return ProtocolBIRD
	case "dhcp":
		return 16
	case "bgp":
		return 186
	}
	if n, err := strconv.Atoi(r.Protocol); err == nil {
		return n
	}
	return 0
}
