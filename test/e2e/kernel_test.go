//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// tunnelDevice is the name of Felix's tunnel device, by family.
func tunnelDevice(f inspect.Family) string {
	if f == inspect.IPv4 {
		return "vxlan.calico"
	}
	return "vxlan-v6.calico"
}

func isTunnelDevice(name string) bool {
	return name == tunnelDevice(inspect.IPv4) || name == tunnelDevice(inspect.IPv6)
}

// kernel returns what a node's own program prints as JSON.
func kernel[T any](t testing.TB, node string, command ...string) []T {
	t.Helper()
	var all []T
	out := docker(t, slices.Concat([]string{"exec", node}, command)...)
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("%v on %s: %v in:\n%s", command, node, err, out)
	}
	return all
}

// kernelFDB are the forwarding entries of the tunnel devices.
func kernelFDB(t testing.TB, node string) []string {
	t.Helper()
	var lines []string
	for _, e := range kernel[struct{ MAC, IfName, Dst string }](t, node, "bridge", "-j", "fdb", "show") {
		if isTunnelDevice(e.IfName) {
			lines = append(lines, fmt.Sprintf("%s %s %s %s", node, e.IfName, e.MAC, e.Dst))
		}
	}
	return lines
}

// kernelNeighbors are the permanent neighbour entries of the tunnel devices. The others the kernel has made itself.
func kernelNeighbors(t testing.TB, node string) []string {
	t.Helper()
	var lines []string
	for _, e := range kernel[struct {
		Dst, Dev, LLAddr string
		State            []string
	}](t, node, "ip", "-j", "neigh", "show") {
		if isTunnelDevice(e.Dev) && slices.Contains(e.State, "PERMANENT") {
			lines = append(lines, fmt.Sprintf("%s %s %s %s", node, e.Dev, e.Dst, e.LLAddr))
		}
	}
	return lines
}

// kernelRoutes are the routes of the main table through the tunnel devices that the kernel has not made itself, and all
// routes of Felix's protocol.
func kernelRoutes(t testing.TB, node string) []string {
	t.Helper()
	var lines []string
	for _, family := range []string{"-4", "-6"} {
		for _, r := range kernel[struct{ Type, Dst, Gateway, Dev, Table, Protocol string }](
			t, node, "ip", "-j", "-d", family, "route", "show", "table", "all") {
			if r.Table == "main" && (isTunnelDevice(r.Dev) && r.Protocol != "kernel" || r.Protocol == "80") {
				lines = append(lines, fmt.Sprintf("%s %s via %q dev %q blackhole=%t", node, prefix(t, r.Dst), r.Gateway, r.Dev, r.Type == "blackhole"))
			}
		}
	}
	return lines
}

// prefix spells a destination as the plugin does: the ip command leaves the length of host routes out.
func prefix(t testing.TB, s string) netip.Prefix {
	t.Helper()
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil {
			t.Fatal(err)
		}
		return netip.PrefixFrom(a, a.BitLen())
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kernelDevices are the VXLAN devices.
func kernelDevices(t testing.TB, node string) []string {
	t.Helper()
	var lines []string
	for _, l := range kernel[struct {
		IfName, Address string
		MTU             int
		LinkInfo        struct {
			Kind string `json:"info_kind"`
			Data struct {
				ID, Port            int
				Local, Local6, Link string
			} `json:"info_data"`
		}
	}](t, node, "ip", "-j", "-d", "link", "show") {
		if d := l.LinkInfo.Data; l.LinkInfo.Kind == "vxlan" {
			lines = append(lines, fmt.Sprintf("%s %s %d %s%s %s %d %d %s", node, l.IfName, d.ID, d.Local, d.Local6, d.Link, d.Port, l.MTU, l.Address))
		}
	}
	return lines
}
