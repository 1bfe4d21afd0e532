package kernel

import (
	"fmt"
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The types of decisions, which are those of routes.
const (
	None        = ""          // no table has a route
	Local       = "local"     // the address is the node's own
	Unicast     = "unicast"   // it is sent on
	Blackhole   = "blackhole" // it is dropped silently
	Unreachable = "unreachable"
	Prohibit    = "prohibit"
	throw       = "throw" // the next rule is asked
)

// Decision is what a kernel does with a packet.
type Decision struct {
	Type  string
	Route inspect.Route // for Unicast and dropping types; of several next hops the first
	// Others are the further next hops of a multipath route: the kernel spreads flows over them.
	Others []inspect.Route
	// Doubts are the rules that decide otherwise if their conditions hold; these are not recorded.
	Doubts []string
	// Passed are routes that the kernel would take if their device were up.
	Passed []inspect.Route
}

// Drops reports whether the kernel drops the packet.
func (d *Decision) Drops() bool { return d.Type != Local && d.Type != Unicast }

// Lookup decides about a packet. A packet that the node makes itself has the zero src.
func (n *Node) Lookup(src, dst netip.Addr) Decision {
	var d Decision
	f := inspect.FamilyOf(dst)
	for _, rule := range n.rules.Get(f) {
		if !selects(rule.Src, src) || !selects(rule.Dst, dst) {
			continue
		}
		decided, ok := n.ask(rule, dst, &d)
		if !ok {
			continue
		}
		if rule.Other {
			d.Doubts = append(d.Doubts, fmt.Sprintf("rule %d with a condition that is not recorded: %s",
				rule.Priority, ruleText(rule)))
			continue
		}
		decided.Doubts, decided.Passed = d.Doubts, d.Passed
		return decided
	}
	return d
}

func ruleText(r inspect.Rule) string {
	if r.Action != "" {
		return r.Action
	}
	return "lookup " + r.Table
}

// selects reports whether a rule's selector matches an address. An unknown address matches only if there is no
// selector.
func selects(p netip.Prefix, a netip.Addr) bool { return !p.IsValid() || a.IsValid() && p.Contains(a) }

// ask follows one rule; it reports false if the next one decides.
func (n *Node) ask(rule inspect.Rule, dst netip.Addr, into *Decision) (Decision, bool) {
	switch rule.Action {
	case "", "lookup", "to_tbl", "table":
	case Blackhole, Unreachable, Prohibit:
		return Decision{Type: rule.Action, Route: inspect.Route{Type: rule.Action}}, true
	default: // goto, nop
		return Decision{}, false
	}
	if rule.Table == tableLocal {
		return Decision{Type: Local, Route: inspect.Route{Dst: netip.PrefixFrom(dst, dst.BitLen()),
			Dev: n.addresses[dst], Type: Local}}, n.Holds(dst)
	}
	best, others, passed := n.longest(rule.Table, dst)
	if !rule.Other {
		into.Passed = append(into.Passed, passed...)
	}
	if best == nil || best.Type == throw {
		return Decision{}, false
	}
	d := Decision{Type: best.Type, Route: *best, Others: others}
	if d.Type == "" {
		d.Type = Unicast
	}
	return d, true
}

// longest returns the routes that a table uses to an address: those with the longest prefix and among these the lowest
// metric. Routes over devices that are down do not count; those that would have won are returned too.
func (n *Node) longest(table string, dst netip.Addr) (best *inspect.Route, others, passed []inspect.Route) {
	var down []*inspect.Route
	for _, i := range n.routes[routeTable{inspect.FamilyOf(dst), table}] {
		r := &n.table.Routes[i]
		switch {
		case !r.Dst.Contains(dst):
		case !n.usable(r):
			down = append(down, r)
		case best == nil || better(r, best):
			best, others = r, nil
		case !better(best, r):
			others = append(others, *r)
		}
	}
	for _, r := range down {
		if best == nil || better(r, best) {
			passed = append(passed, *r)
		}
	}
	return best, others, passed
}

func better(a, b *inspect.Route) bool {
	if a.Dst.Bits() != b.Dst.Bits() {
		return a.Dst.Bits() > b.Dst.Bits()
	}
	return a.Metric < b.Metric
}

// usable reports whether the kernel may take a route. An unrecorded device counts as up.
func (n *Node) usable(r *inspect.Route) bool {
	if r.Down {
		return false
	}
	l := n.links[r.Dev]
	return l == nil || l.Up || r.Type != ""
}
