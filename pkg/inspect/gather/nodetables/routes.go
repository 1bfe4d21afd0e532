package nodetables

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Tables as iproute2 names them.
const (
	tableMain  = "main"
	tableLocal = "local"
)

type routeRow struct {
	Type     string    `json:"type"`
	Dst      firstText `json:"dst"` // a route with an encapsulation prints the encapsulation's destination under the same key
	Table    text      `json:"table"`
	Protocol text      `json:"protocol"`
	Scope    text      `json:"scope"`
	Source   string    `json:"prefsrc"`
	Metric   int       `json:"metric"`
	Metrics  list      `json:"metrics"`
	nexthopRow
	Nexthops list `json:"nexthops"`
}

type metricsRow struct {
	MTU int `json:"mtu"`
}

type nexthopRow struct {
	Gateway string `json:"gateway"`
	Via     struct {
		Host string `json:"host"`
	} `json:"via"` // a gateway of the other family (RFC 5549)
	Dev   string `json:"dev"`
	Flags flags  `json:"flags"`
}

// routes reads the routes of a family. Table local is left out: it repeats the addresses. A route with several next
// hops becomes as many routes to the same destination.
func (p *parser) routes(b []byte, f inspect.Family) error {
	return eachRow(b, func(r routeRow) error {
		if r.Dst == "" || r.Table == tableLocal {
			return nil
		}
		route, err := p.route(r, f)
		if err != nil {
			return fmt.Errorf("route to %.60q: %w", r.Dst, err)
		}
		several := false
		addHop := func(h nexthopRow) error {
			several = true
			if err := p.nexthop(&route, h); err != nil {
				return fmt.Errorf("route to %.60q: %w", r.Dst, err)
			}
			return add(p, &p.table.Routes, route)
		}
		if err := eachRow(r.Nexthops, addHop); err != nil || several {
			return err
		}
		return addHop(r.nexthopRow)
	})
}

// route reads the fields that all next hops of a route share.
func (p *parser) route(r routeRow, f inspect.Family) (inspect.Route, error) {
	dst, err := parseDestination(string(r.Dst), f)
	if err != nil {
		return inspect.Route{}, err
	}
	route := inspect.Route{
		Type: p.intern(r.Type), Dst: dst, Scope: p.intern(string(r.Scope)), Metric: r.Metric,
		Protocol: p.intern(string(r.Protocol)), Table: p.intern(string(r.Table)),
	}
	if route.Table == tableMain {
		route.Table = ""
	}
	if route.Type == "unicast" {
		route.Type = ""
	}
	if route.Protocol == "" {
		route.Protocol = "boot" // RTPROT_BOOT, which ip leaves out (ip/iproute.c, print_route)
	}
	err = eachRow(r.Metrics, func(m metricsRow) error {
		route.MTU = max(route.MTU, m.MTU)
		return nil
	})
	if err == nil && r.Source != "" {
		route.Source, err = parseAddr(r.Source, f)
	}
	return route, err
}

// nexthop sets where the route leads.
func (p *parser) nexthop(route *inspect.Route, h nexthopRow) error {
	route.Dev = p.intern(h.Dev)
	route.OnLink = h.Flags.has(flagOnLink)
	route.Down = h.Flags.has(flagDown)
	route.Gateway = netip.Addr{}
	gateway := h.Gateway
	if gateway == "" {
		gateway = h.Via.Host
	}
	if gateway == "" {
		return nil
	}
	var err error
	route.Gateway, err = parseAddr(gateway, 0)
	return err
}

// parseDestination reads a destination as ip prints it: "default", a prefix, or the address alone of a single host.
func parseDestination(s string, f inspect.Family) (netip.Prefix, error) {
	if s == "default" {
		unspecified := netip.IPv4Unspecified()
		if f == inspect.IPv6 {
			unspecified = netip.IPv6Unspecified()
		}
		return netip.PrefixFrom(unspecified, 0), nil
	}
	if !strings.Contains(s, "/") {
		a, err := parseAddr(s, f)
		return netip.PrefixFrom(a, f.Bits()), err
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && inspect.FamilyOf(p.Addr()) != f {
		err = fmt.Errorf("prefix %s is not one of %s", p, f)
	}
	return p, err
}

// maxRule is how long a rule may be, in bytes. Real ones take about a hundred.
const maxRule = 64 << 10

// rules reads the policy rules of a family. Conditions beyond source and destination are noted, not kept.
func (p *parser) rules(b []byte, f inspect.Family) error {
	return eachRow(b, func(row json.RawMessage) error {
		var keys map[string]json.RawMessage
		if len(row) > maxRule {
			return fmt.Errorf("rule of %d bytes", len(row))
		}
		if err := json.Unmarshal(row, &keys); err != nil || len(keys) == 0 {
			return err
		}
		rule := inspect.Rule{Family: f}
		var src, dst string
		srcLen, dstLen := f.Bits(), f.Bits()
		var table, action text
		known := map[string]any{
			"priority": &rule.Priority, "src": &src, "srclen": &srcLen, "dst": &dst, "dstlen": &dstLen,
			"table": &table, "action": &action, "protocol": new(text),
		}
		for key, value := range keys {
			target, ok := known[key]
			if !ok {
				rule.Other = true
				continue
			}
			if err := json.Unmarshal(value, target); err != nil {
				return fmt.Errorf("rule: %s: %w", key, err)
			}
		}
		var err error
		if rule.Src, err = ruleSelector(src, srcLen, f); err != nil {
			return err
		}
		if rule.Dst, err = ruleSelector(dst, dstLen, f); err != nil {
			return err
		}
		rule.Table, rule.Action = p.intern(string(table)), p.intern(string(action))
		return add(p, &p.table.Rules, rule)
	})
}

// ruleSelector is the zero prefix where the rule does not select.
func ruleSelector(s string, bits int, f inspect.Family) (netip.Prefix, error) {
	if s == "" || s == "all" {
		return netip.Prefix{}, nil
	}
	a, err := parseAddr(s, f)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("rule: %w", err)
	}
	prefix := netip.PrefixFrom(a, bits)
	if !prefix.IsValid() {
		return netip.Prefix{}, fmt.Errorf("rule: address %s has a prefix length of %d", a, bits)
	}
	return prefix, nil
}
