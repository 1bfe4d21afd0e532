package dockerd

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
)

// confine rejects what containers send to addresses beyond this machine. The lab's external addresses, 1.1.1.1 and
// 2001:db8::1, exist on its own switch; where a test has taken a route away, packets for them would follow a node's
// default route out of the machine, and somebody out there might answer.
func (d *Daemon) confine(ctx context.Context) error {
	for _, family := range []struct{ option, iptables string }{{"-4", "iptables"}, {"-6", "ip6tables"}} {
		out, err := d.Run.Run(ctx, run.Cmd{Name: "ip", Args: []string{family.option, "-json", "route", "show", "default"}})
		if err != nil {
			return fmt.Errorf("confine containers: %w", err)
		}
		devices, err := uplinks(out)
		if err != nil {
			return fmt.Errorf("confine containers: %w", err)
		}
		for _, device := range devices {
			if err := d.reject(ctx, family.iptables, device); err != nil {
				return fmt.Errorf("confine containers: %w", err)
			}
		}
	}
	return nil
}

// uplinks reads the devices of the default routes from the output of "ip -json route".
func uplinks(routes []byte) ([]string, error) {
	if len(routes) == 0 { // what some versions print for an empty list
		return nil, nil
	}
	var list []struct {
		Dev      string `json:"dev"`
		Nexthops []struct {
			Dev string `json:"dev"`
		} `json:"nexthops"`
	}
	if err := json.Unmarshal(routes, &list); err != nil {
		return nil, fmt.Errorf("parse default routes: %w", err)
	}
	var devices []string
	for _, route := range list {
		devices = append(devices, route.Dev)
		for _, hop := range route.Nexthops {
			devices = append(devices, hop.Dev)
		}
	}
	slices.Sort(devices)
	return slices.DeleteFunc(slices.Compact(devices), func(d string) bool { return d == "" }), nil
}

// reject adds the rule for one device where it is missing. Docker puts its own rules, which accept, before those of
// others, whenever a network is made; only what is in its chain DOCKER-USER stays before them. For IPv6 it has that
// chain only where it manages IPv6 at all.
func (d *Daemon) reject(ctx context.Context, iptables, device string) error {
	do := func(args ...string) error {
		_, err := d.Run.Run(ctx, run.Cmd{Name: iptables, Args: append([]string{"--wait"}, args...)})
		return err
	}
	chain := "DOCKER-USER"
	if do("--list-rules", chain) != nil {
		chain = "FORWARD"
	}
	rule := []string{chain, "--out-interface", device, "--jump", "REJECT"}
	if do(append([]string{"--check"}, rule...)...) == nil {
		return nil
	}
	return do(append([]string{"--insert"}, rule...)...)
}
