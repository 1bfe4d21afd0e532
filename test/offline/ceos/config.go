package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// config is a startup configuration.
type config struct {
	vlan       string
	access     map[string]string   // the VLAN of each port, by its number
	addresses  map[string][]string // by the kernel's name of the device
	routes     [][2]string         // destination and next hop, of both families
	routesIPv4 bool                // "ip routing"
	routesIPv6 bool                // "ipv6 unicast-routing"
}

// interfaceLine begins the section of an interface.
var interfaceLine = regexp.MustCompile(`^interface (Ethernet|Loopback|Vlan)\d+$`)

// known are the lines that change nothing here.
func known() []string {
	return []string{"no aaa root", "username ", "service routing protocols model ", "hostname ", "spanning-tree ", "description ", "name ", "end"}
}

// parse reads a configuration. EOS passes over a line that it does not know; this does not, so that a test notices it.
func parse(text string) (config, error) {
	c := config{access: map[string]string{}, addresses: map[string][]string{}}
	section := ""
	for number, line := range strings.Split(text, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0, words[0] == "!":
			continue
		case !strings.HasPrefix(line, " "):
			section = ""
		}
		if err := c.line(&section, words); err != nil {
			return c, fmt.Errorf("%s: line %d, %q: %w", startupConfig, number+1, line, err)
		}
	}
	return c, nil
}

// line reads one line, as its words.
func (c *config) line(section *string, words []string) error {
	text := strings.Join(words, " ")
	starts := func(prefix string) bool { return strings.HasPrefix(text, prefix) }
	last := words[len(words)-1]
	switch {
	case starts("vlan "):
		c.vlan = last
	case interfaceLine.MatchString(text):
		*section = last
	case starts("switchport access vlan ") && strings.HasPrefix(*section, "Ethernet"):
		c.access[strings.TrimPrefix(*section, "Ethernet")] = last
	case (starts("ip address ") || starts("ipv6 address ")) && *section != "":
		c.addresses[device(*section)] = append(c.addresses[device(*section)], last)
	case text == "ip routing":
		c.routesIPv4 = true
	case text == "ipv6 unicast-routing":
		c.routesIPv6 = true
	case (starts("ip route ") || starts("ipv6 route ")) && len(words) == 4:
		c.routes = append(c.routes, [2]string{words[2], words[3]})
	case slices.ContainsFunc(known(), starts):
	default:
		return fmt.Errorf("%% Invalid input")
	}
	return nil
}

// device is the kernel's name of an interface. A loopback's addresses are on the kernel's own.
func device(name string) string {
	switch {
	case strings.HasPrefix(name, "Loopback"):
		return "lo"
	case strings.HasPrefix(name, "Ethernet"):
		return "eth" + strings.TrimPrefix(name, "Ethernet")
	default:
		return strings.ToLower(name)
	}
}

// commands are those of ip that bring the kernel to the configuration, on a switch with these ports.
func (c config) commands(ports []string) [][]string {
	bridge := "vlan" + c.vlan
	list := [][]string{
		{"link", "add", bridge, "type", "bridge"},
		{"link", "set", bridge, "up"},
	}
	for _, port := range ports {
		if c.access[strings.TrimPrefix(port, "eth")] == c.vlan {
			list = append(list, []string{"link", "set", port, "master", bridge})
		}
		list = append(list, []string{"link", "set", port, "up"})
	}
	for _, dev := range []string{"lo", bridge} {
		for _, a := range c.addresses[dev] {
			add := []string{"address", "add", a, "dev", dev}
			if strings.Contains(a, ":") {
				add = append(add, "nodad")
			}
			list = append(list, add)
		}
	}
	for _, r := range c.routes {
		list = append(list, []string{"route", "add", r[0], "via", r[1]})
	}
	return list
}

func (c config) sysctls() map[string]string {
	on := map[bool]string{true: "1", false: "0"}
	return map[string]string{
		"net/ipv6/conf/all/disable_ipv6": "0", "net/ipv6/conf/default/disable_ipv6": "0",
		"net/ipv4/ip_forward": on[c.routesIPv4], "net/ipv6/conf/all/forwarding": on[c.routesIPv6],
	}
}
