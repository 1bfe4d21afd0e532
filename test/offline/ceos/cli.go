package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// slowly is how long Cli takes in the mood "slow".
const slowly = 3 * time.Second

// answer answers "-p 15 -c 'show … | json'" as EOS does.
func answer(args []string) error {
	if !slices.Equal(args[:min(len(args), 3)], []string{"-p", "15", "-c"}) || len(args) != 4 {
		return fmt.Errorf("usage: Cli -p 15 -c COMMAND, not %q", args)
	}
	if _, err := os.Stat(booted); err != nil {
		return errors.New("cannot connect to Sysdb: it has not started yet")
	}
	mood, _ := os.ReadFile(moodFile) // there is none as a rule
	switch strings.TrimSpace(string(mood)) {
	case "slow":
		time.Sleep(slowly)
	case "error":
		return errors.New("% Internal error")
	case "silent":
		time.Sleep(time.Hour)
	}
	command, isJSON := strings.CutSuffix(args[3], " | json")
	show, ok := map[string]func() (any, error){
		"show interfaces": interfaces, "show ip interface brief": addressesIPv4, "show ipv6 interface": addressesIPv6,
		"show ip route": routesIPv4, "show ipv6 route": routesIPv6,
	}[command]
	if !ok || !isJSON {
		return fmt.Errorf("%% Invalid input: %s", args[3])
	}
	v, err := show()
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(v)
}

type object = map[string]any

// link is a device as "ip -json address" prints it.
type link struct {
	Name      string   `json:"ifname"`
	Flags     []string `json:"flags"`
	MTU       int      `json:"mtu"`
	MAC       string   `json:"address"`
	Addresses []struct {
		Family string     `json:"family"`
		Local  netip.Addr `json:"local"`
		Bits   int        `json:"prefixlen"`
		Scope  string     `json:"scope"`
	} `json:"addr_info"`
}

// isUp: the kernel's loopback is up without a carrier of its own.
func (l link) isUp() bool {
	return slices.Contains(l.Flags, "UP") && (l.Name == "lo" || slices.Contains(l.Flags, "LOWER_UP"))
}

// eosName is EOS's name of a device, or nothing.
func eosName(device string) string {
	switch {
	case device == "lo":
		return "Loopback0"
	case strings.HasPrefix(device, "vlan"):
		return "Vlan" + strings.TrimPrefix(device, "vlan")
	case strings.HasPrefix(device, "eth"):
		return "Ethernet" + strings.TrimPrefix(device, "eth")
	default:
		return ""
	}
}

func ip(v any, args ...string) error {
	out, err := exec.Command("ip", append([]string{"-json"}, args...)...).Output()
	if err != nil {
		return fmt.Errorf("ip %s: %w", strings.Join(args, " "), err)
	}
	return json.Unmarshal(out, v)
}

// describe collects what say returns for each interface, by EOS's name. It leaves out an interface for which say returns nil.
func describe(say func(l link) object) (any, error) {
	var links []link
	if err := ip(&links, "address"); err != nil {
		return nil, err
	}
	all := object{}
	for _, l := range links {
		name := eosName(l.Name)
		if name == "" {
			continue
		}
		if o := say(l); o != nil {
			o["name"] = name
			all[name] = o
		}
	}
	return object{"interfaces": all}, nil
}

// state has the fields that EOS gives for an interface in each of its answers.
func (l link) state() object {
	o := object{"lineProtocolStatus": "up", "interfaceStatus": "connected", "mtu": l.MTU}
	if !l.isUp() {
		o["lineProtocolStatus"], o["interfaceStatus"] = "lowerLayerDown", "notconnect"
	}
	return o
}

func interfaces() (any, error) {
	return describe(func(l link) object {
		o := l.state()
		if l.Name != "lo" {
			o["physicalAddress"] = l.MAC
		}
		return o
	})
}

func addressesIPv4() (any, error) {
	return describe(func(l link) object {
		o := l.state()
		for _, a := range l.Addresses {
			if a.Family == "inet" && !a.Local.IsLoopback() {
				o["interfaceAddress"] = object{"ipAddr": object{"address": a.Local, "maskLen": a.Bits}}
				return o
			}
		}
		return nil
	})
}

func addressesIPv6() (any, error) {
	return describe(func(l link) object {
		o := l.state()
		var list []object
		for _, a := range l.Addresses {
			if a.Family == "inet6" && a.Scope == "global" {
				list = append(list, object{"address": a.Local, "subnet": netip.PrefixFrom(a.Local, a.Bits).Masked(), "active": true})
			}
		}
		if list == nil {
			return nil
		}
		o["addresses"] = list
		return o
	})
}

// routes are those of a family by destination, as EOS prints them.
func routes(family string) (object, error) {
	var list []struct {
		Destination string     `json:"dst"`
		Gateway     netip.Addr `json:"gateway"`
		Device      string     `json:"dev"`
		Protocol    string     `json:"protocol"`
	}
	if err := ip(&list, family, "route"); err != nil {
		return nil, err
	}
	all := object{}
	for _, r := range list {
		name := eosName(r.Device)
		dst, err := netip.ParsePrefix(r.Destination)
		if a, addrErr := netip.ParseAddr(r.Destination); addrErr == nil {
			dst, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || name == "" || dst.Addr().IsLinkLocalUnicast() || dst.Addr().IsMulticast() {
			continue
		}
		via := object{"interface": name}
		kind := "connected"
		if r.Gateway.IsValid() {
			via["nexthopAddr"], kind = r.Gateway, "static"
		}
		all[dst.String()] = object{"routeType": kind, "vias": []object{via}}
	}
	return object{"routes": all}, nil
}

func routesIPv4() (any, error) {
	all, err := routes("-4")
	return object{"vrfs": object{"default": all}}, err
}

// routesIPv6 prints the routes outside of "vrfs", as EOS did for long.
func routesIPv6() (any, error) {
	all, err := routes("-6")
	return all, err
}
