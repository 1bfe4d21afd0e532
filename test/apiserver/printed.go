package apiserver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// printed returns the output of package nodetables' script on a node with these tables: iproute2's JSON, section by
// section, with only the values that are read.
func printed(t inspect.NodeTable) ([]byte, error) {
	sections := []struct {
		name string
		rows any
	}{
		{"link", each(t.Links, linkRow)},
		{"addr", each(t.Addresses, addressRow)},
		{"route4", each(ofFamily(t.Routes, inspect.IPv4, inspect.Route.Family), routeRow)},
		{"route6", each(ofFamily(t.Routes, inspect.IPv6, inspect.Route.Family), routeRow)},
		{"rule4", []row{}},
		{"rule6", []row{}},
		{"neigh4", each(ofFamily(t.Neighbors, inspect.IPv4, neighborFamily), neighborRow)},
		{"neigh6", each(ofFamily(t.Neighbors, inspect.IPv6, neighborFamily), neighborRow)},
		{"fdb", each(t.FDB, fdbRow)},
	}
	var out bytes.Buffer
	for _, s := range sections {
		text, err := json.Marshal(s.rows)
		if err != nil {
			return nil, fmt.Errorf("print section %s: %w", s.name, err)
		}
		out.WriteString(access.Frame(s.name, string(text), 0, ""))
	}
	out.WriteString(access.Frame("sysctl", "ipv4/ip_forward:1\nipv6/conf/all/disable_ipv6:0\nipv6/conf/all/forwarding:1\n", 0, ""))
	out.WriteString(access.FrameEnd)
	return out.Bytes(), nil
}

// row is a row as ip prints it. Values without a meaning are left out.
type row map[string]any

// with adds a value unless it is empty.
func (r row) with(key, value string) row {
	if value != "" && value != "invalid IP" {
		r[key] = value
	}
	return r
}

func each[T any](items []T, convert func(T) row) []row {
	rows := make([]row, len(items))
	for i, item := range items {
		rows[i] = convert(item)
	}
	return rows
}

func ofFamily[T any](items []T, f inspect.Family, family func(T) inspect.Family) []T {
	return slices.DeleteFunc(slices.Clone(items), func(item T) bool { return family(item) != f })
}

func neighborFamily(n inspect.Neighbor) inspect.Family { return inspect.FamilyOf(n.IP) }

func linkRow(l inspect.Link) row {
	var flags []string
	if l.Up {
		flags = append(flags, "UP")
	}
	if l.LowerUp {
		flags = append(flags, "LOWER_UP")
	}
	kind := "ether"
	if l.MAC.IsZero() {
		kind = "loopback"
	}
	r := row{"ifindex": l.Index, "ifname": l.Name, "flags": flags, "mtu": l.MTU, "link_type": kind,
		"address": l.MAC.String()}
	info := row{}.with("info_kind", l.Kind)
	if v := l.VXLAN; v != nil {
		info["info_data"] = row{"id": v.VNI, "port": v.Port, "learning": v.Learning, "external": v.FlowBased}.
			with("link", l.Parent).with("local", v.Local.String())
	}
	if len(info) > 0 {
		r["linkinfo"] = info
	}
	return r
}

func addressRow(a inspect.LinkAddress) row {
	info := row{"local": a.Prefix.Addr().String(), "prefixlen": a.Prefix.Bits(), "scope": a.Scope}
	return row{"ifname": a.Link, "addr_info": []row{info}}
}

func routeRow(r inspect.Route) row {
	out := row{"dst": r.Dst.String(), "flags": []string{}}.
		with("type", r.Type).with("gateway", r.Gateway.String()).with("dev", r.Dev).with("table", r.Table).
		with("scope", r.Scope).with("prefsrc", r.Source.String()).
		with("protocol", strings.TrimPrefix(r.Protocol, "boot"))
	if r.OnLink {
		out["flags"] = []string{"onlink"}
	}
	if r.Metric != 0 {
		out["metric"] = r.Metric
	}
	if r.MTU != 0 {
		out["metrics"] = []row{{"mtu": r.MTU}}
	}
	return out
}

func neighborRow(n inspect.Neighbor) row {
	r := row{"dst": n.IP.String(), "dev": n.Dev, "state": []string{n.State}}
	if !n.MAC.IsZero() {
		r["lladdr"] = n.MAC.String()
	}
	return r
}

func fdbRow(e inspect.FDBEntry) row {
	state := []string{}
	if e.Permanent {
		state = append(state, "PERMANENT")
	}
	return row{"dev": e.Dev, "lladdr": e.MAC.String(), "state": state}.with("dst", e.VTEP.String())
}
