package switchcmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/target"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// answers are what the switches of each kind say. That of cEOS is cut down to what Arista documents of what is read.
func answers(kind string) map[string]string {
	if kind == fabric.Linux {
		return map[string]string{
			"ip -j addr": `[{"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"address":"00:00:00:00:00:00","addr_info":[
				{"local":"127.0.0.1","prefixlen":8,"scope":"host"},{"local":"1.1.1.1","prefixlen":32,"scope":"global"},{"local":"2001:db8::1","prefixlen":128,"scope":"global"}]},
				{"ifname":"eth1","flags":["BROADCAST","UP","LOWER_UP"],"mtu":1500,"address":"e2:4e:f0:13:af:60","addr_info":[{"local":"fe80::1","prefixlen":64,"scope":"link"}]},
				{"ifname":"eth2","flags":["NO-CARRIER","BROADCAST","UP"],"mtu":1500,"address":"26:5e:19:76:38:ff","addr_info":[]},
				{"ifname":"vlan10","flags":["BROADCAST","UP","LOWER_UP"],"mtu":1500,"address":"26:5e:19:76:38:ff","addr_info":[
				{"local":"10.10.10.1","prefixlen":24,"scope":"global"},{"local":"fd00:10:10::1","prefixlen":64,"scope":"global"}]}]`,
			"ip -j -4 route": `[{"dst":"192.168.0.0/16","gateway":"10.10.10.10","dev":"vlan10"},{"dst":"10.10.10.0/24","dev":"vlan10","protocol":"kernel"}]`,
			"ip -j -6 route": `[{"dst":"fd00:10:244::/48","gateway":"fd00:10:10::10","dev":"vlan10"},{"dst":"fd00:10:10::/64","dev":"vlan10","protocol":"kernel"},{"dst":"fe80::/64","dev":"eth1"}]`,
		}
	}
	cli := func(command string) string { return "Cli -p 15 -c " + command + " | json" }
	return map[string]string{
		cli("show interfaces"): `{"interfaces":{"Vlan10":{"lineProtocolStatus":"up","mtu":1500,"physicalAddress":"00:1c:73:aa:bb:cc"},
			"Ethernet1":{"lineProtocolStatus":"up","mtu":9214,"physicalAddress":"00:1c:73:00:00:01"},"Ethernet2":{"lineProtocolStatus":"lowerLayerDown","mtu":9214,"physicalAddress":"00:1c:73:00:00:02"},
			"Loopback0":{"lineProtocolStatus":"up","mtu":65535}}}`,
		cli("show ip interface brief"): `{"interfaces":{"Vlan10":{"interfaceAddress":{"ipAddr":{"address":"10.10.10.1","maskLen":24}}},"Loopback0":{"interfaceAddress":{"ipAddr":{"address":"1.1.1.1","maskLen":32}}}}}`,
		cli("show ipv6 interface"): `{"interfaces":{"Vlan10":{"linkLocal":{"address":"fe80::1"},"addresses":[{"address":"fd00:10:10::1","subnet":"fd00:10:10::/64"}]},
			"Loopback0":{"addresses":[{"address":"2001:db8::1","subnet":"2001:db8::1/128"}]}}}`,
		cli("show ip route"): `{"vrfs":{"default":{"routes":{"192.168.0.0/16":{"routeType":"static","vias":[{"nexthopAddr":"10.10.10.10","interface":"Vlan10"}]},
			"10.10.10.0/24":{"routeType":"connected","vias":[{"interface":"Vlan10"}]}}}}}`,
		cli("show ipv6 route"): `{"routes":{"fd00:10:244::/48":{"routeType":"static","vias":[{"nexthopAddr":"fd00:10:10::10","interface":"Vlan10"}]},"fd00:10:10::/64":{"routeType":"connected","vias":[{"interface":"Vlan10"}]}}}`,
	}
}

// manager is that of a Docker host with one lab, of which there is nothing but the switch.
func manager(t *testing.T, kind string, running bool) *lab.Manager {
	t.Helper()
	labels, err := record.Record{Lab: spec.Default(), Switch: kind}.Labels()
	if err != nil {
		t.Fatal(err)
	}
	inspect, err := json.Marshal([]any{map[string]any{"Id": "1", "Name": "/dual-stack-switch", "State": map[string]any{"Running": running}, "Config": map[string]any{"Labels": labels}}})
	if err != nil {
		t.Fatal(err)
	}
	f := &run.Fake{}
	f.Answer("docker version", "20.10\n", nil)
	f.Answer("docker ps -a -q --no-trunc --filter label="+record.LabelLab, "1", nil)
	f.Answer("docker ps -a -q --no-trunc --filter label="+record.KindCluster, "", nil)
	f.Answer("docker container inspect", string(inspect), nil)
	for command, answer := range answers(kind) {
		f.Answer("docker exec dual-stack-switch "+command, answer, nil)
	}
	return &lab.Manager{Runtime: container.NewDocker(f), Progress: status.New(io.Discard)}
}

// flags are those of a command that writes to the buffer.
func flags() (*Flags, *bytes.Buffer) {
	streams, _, out, _ := genericiooptions.NewTestIOStreams()
	return NewFlags(target.NewFlags(genericclioptions.NewConfigFlags(false), streams)), out
}

// TestGoldens holds that both kinds of switch print the same columns.
func TestGoldens(t *testing.T) {
	for _, kind := range []string{fabric.Linux, fabric.CEOS} {
		view, err := manager(t, kind, true).Switch(t.Context(), "dual-stack")
		if err != nil {
			t.Fatal(err)
		}
		for file, c := range map[string]struct {
			format string
			args   []string
		}{"table": {"", nil}, "interfaces": {"", []string{interfaces}}, "routes": {"wide", []string{routes}}, "json": {"json", nil}, "name": {"name", []string{routes}}} {
			f, out := flags()
			f.Print.Output = c.format
			o, err := f.ToOptions(nil, c.args)
			if err != nil {
				t.Fatal(err)
			}
			if err := o.print(view); err != nil {
				t.Fatal(err)
			}
			testutil.Golden(t, kind+"."+file, out.Bytes())
		}
	}
}

func TestSwitchThatCannotAnswer(t *testing.T) {
	_, err := manager(t, fabric.Linux, false).Switch(t.Context(), "dual-stack")
	if err == nil || !strings.Contains(err.Error(), "lab create --name dual-stack") {
		t.Errorf("stopped: %v", err)
	}
	if _, err = manager(t, fabric.Linux, true).Switch(t.Context(), "other"); !errors.Is(err, lab.ErrNoLab) {
		t.Errorf("no lab: %v", err)
	}
}

func TestUsage(t *testing.T) {
	var usage *exit.UsageError
	f, _ := flags()
	if _, err := f.ToOptions(nil, []string{"small"}); !errors.As(err, &usage) {
		t.Errorf("a name as argument: %v", err)
	}
	f.Print.Output = "xml"
	if _, err := f.ToOptions(nil, nil); !errors.As(err, &usage) {
		t.Errorf("a format that there is not: %v", err)
	}
}
