package fabric

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Interface is an interface of the switch or of a node, in the same words for every kind of switch.
type Interface struct {
	Name      string         `json:"name"`
	Up        bool           `json:"up"` // usable: switched on, and with a carrier where it needs one
	MTU       int            `json:"mtu,omitempty"`
	MAC       string         `json:"mac,omitempty"`
	Addresses []netip.Prefix `json:"addresses,omitempty"` // link-local ones are left out
}

// Route is a route of the switch or of a node.
type Route struct {
	Destination netip.Prefix `json:"destination"`
	Via         netip.Addr   `json:"via,omitzero"`
	Interface   string       `json:"interface,omitempty"`
	Kind        string       `json:"kind,omitempty"` // static, connected, kernel, …
}

// parseInterfaces reads "ip -j addr".
func parseInterfaces(out []byte) ([]Interface, error) {
	var raw []struct {
		Name     string   `json:"ifname"`
		Flags    []string `json:"flags"`
		MTU      int      `json:"mtu"`
		Address  string   `json:"address"`
		AddrInfo []struct {
			Local  string `json:"local"`
			Length int    `json:"prefixlen"`
			Scope  string `json:"scope"`
		} `json:"addr_info"`
	}
	if err := unmarshal(out, &raw); err != nil {
		return nil, fmt.Errorf("read what ip addr printed: %w", err)
	}
	var all []Interface
	for _, r := range raw {
		i := Interface{Name: r.Name, MTU: r.MTU, MAC: parseMAC(r.Address)}
		for _, f := range r.Flags {
			i.Up = i.Up || f == "LOWER_UP"
		}
		for _, a := range r.AddrInfo {
			addr, err := netip.ParseAddr(a.Local)
			if err != nil || a.Scope == "link" {
				continue
			}
			if !addr.IsLoopback() {
				i.Addresses = append(i.Addresses, netip.PrefixFrom(addr, a.Length))
			}
		}
		if i.Name != "" { // ip prints empty objects for filtered entries
			all = append(all, i)
		}
	}
	return all, nil
}

// parseMAC returns an Ethernet address as iproute2 writes it, and nothing for zeroes, as a loopback has.
func parseMAC(s string) string {
	mac, err := net.ParseMAC(s)
	if err != nil || len(mac) != 6 || slices.Max(mac) == 0 {
		return ""
	}
	return mac.String()
}

// sortRoutes sorts routes for display: IPv4 first, then by destination.
func sortRoutes(routes []Route) {
	slices.SortFunc(routes, func(a, b Route) int { return a.Destination.Compare(b.Destination) })
}

// parseRoutes reads "ip -j route" of one family.
func parseRoutes(out []byte) ([]Route, error) {
	var raw []struct {
		Dst      string `json:"dst"`
		Gateway  string `json:"gateway"`
		Dev      string `json:"dev"`
		Protocol string `json:"protocol"`
		Scope    string `json:"scope"`
	}
	if err := unmarshal(out, &raw); err != nil {
		return nil, fmt.Errorf("read what ip route printed: %w", err)
	}
	var all []Route
	for _, r := range raw {
		dst, err := parseDestination(r.Dst)
		if err != nil || dst.Addr().IsLinkLocalUnicast() || dst.Addr().IsMulticast() {
			continue // "default", and the kernel's own routes
		}
		route := Route{Destination: dst, Interface: r.Dev, Kind: "static"}
		if r.Protocol == "kernel" {
			route.Kind = "connected"
		}
		route.Via, _ = netip.ParseAddr(r.Gateway)
		all = append(all, route)
	}
	return all, nil
}

// parseDestination reads a route's destination: a host's has no length.
func parseDestination(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// unmarshal reads JSON that may be printed as nothing when it is empty.
func unmarshal(out []byte, v any) error {
	if strings.TrimSpace(string(out)) == "" {
		return nil
	}
	return json.Unmarshal(out, v)
}
