package main

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// golden is the configuration of the default lab's switch.
const golden = "../../../pkg/lab/render/testdata/dual-stack-eos.config"

func TestParse(t *testing.T) {
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	c, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, args := range c.commands([]string{"eth1", "eth2", "eth3", "eth9"}) {
		got = append(got, strings.Join(args, " "))
	}
	want := []string{
		"link add vlan10 type bridge", "link set vlan10 up",
		"link set eth1 master vlan10", "link set eth1 up", "link set eth2 master vlan10", "link set eth2 up", "link set eth3 master vlan10",
		"link set eth3 up", "link set eth9 up",
		"address add 1.1.1.1/32 dev lo", "address add 2001:db8::1/128 dev lo nodad",
		"address add 10.10.10.1/24 dev vlan10", "address add fd00:10:10::1/64 dev vlan10 nodad",
		"route add 192.168.0.0/16 via 10.10.10.10", "route add fd00:10:244::/48 via fd00:10:10::10",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s := c.sysctls(); s["net/ipv4/ip_forward"] != "1" || s["net/ipv6/conf/all/forwarding"] != "1" {
		t.Errorf("it does not route: %v", s)
	}
}

// TestParseRefuses: what EOS would pass over is an error here, so that a slip in a lab's configuration is noticed.
func TestParseRefuses(t *testing.T) {
	for _, line := range []string{"ip rout 10.0.0.0/8 10.1.1.1", "ip address 10.0.0.1/24", "interface Ethernets", "router bgp 65000", "ip route 10.0.0.0/8"} {
		if _, err := parse("hostname x\n!\n" + line + "\nend\n"); err == nil || !strings.Contains(err.Error(), "line 3") {
			t.Errorf("%q: %v", line, err)
		}
	}
	if _, err := parse("interface Ethernet1\n   description x\nip address 10.0.0.1/24\n"); err == nil {
		t.Error("an address outside of an interface is taken")
	}
}
