package fabric

import (
	"archive/tar"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

func prefixes(s ...string) (all []netip.Prefix) {
	for _, p := range s {
		all = append(all, netip.MustParsePrefix(p))
	}
	return all
}

// compare lets cmp look into addresses.
func compare() cmp.Options {
	return cmp.Options{
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	}
}

func TestBatches(t *testing.T) {
	l := spec.Default()
	s := &linuxSwitch{lab: l}
	testutil.Golden(t, "switch-fresh.batch", []byte(s.batch(nil)))
	testutil.Golden(t, "switch-again.batch", []byte(s.batch([]Interface{{Name: "lo"}, {Name: "vlan10"}, {Name: "eth1"}})))
	testutil.Golden(t, "node.batch", []byte(nodeBatch(l, l.Nodes()[1])))
}

func TestCableBatch(t *testing.T) {
	l := spec.Default()
	pids := map[string]int{"dual-stack-switch": 1, "dual-stack-control-plane": 10, "dual-stack-worker": 11, "dual-stack-worker2": 12}
	all := map[string][]string{
		"dual-stack-switch": {"lo", "eth1", "eth2", "eth3"}, "dual-stack-control-plane": {"eth0", "eth1"},
		"dual-stack-worker": {"eth0", "eth1"}, "dual-stack-worker2": {"eth0", "eth1"},
	}
	tests := []struct {
		name  string
		ports map[string][]string
		want  string
	}{
		{"all there", all, ""},
		{"none there", nil, "link add eth1 netns 1 type veth peer name eth1 address 02:d5:0a:0a:0a:0a netns 10\n" +
			"link add eth2 netns 1 type veth peer name eth1 address 02:d5:0a:0a:0a:0b netns 11\nlink add eth3 netns 1 type veth peer name eth1 address 02:d5:0a:0a:0a:0c netns 12\n"},
		{"one node was restarted", map[string][]string{
			"dual-stack-switch": {"lo", "eth1", "eth3"}, "dual-stack-control-plane": {"eth0", "eth1"},
			"dual-stack-worker": {"eth0"}, "dual-stack-worker2": {"eth0", "eth1"},
		}, "link add eth2 netns 1 type veth peer name eth1 address 02:d5:0a:0a:0a:0b netns 11\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := cableBatch(l, pids, tt.ports); got != tt.want {
				t.Errorf("got\n%swant\n%s", got, tt.want)
			}
		})
	}
}

const addrJSON = `[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"address":"00:00:00:00:00:00","addr_info":[
 {"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host"},{"family":"inet","local":"1.1.1.1","prefixlen":32,"scope":"global"},
 {"family":"inet6","local":"2001:db8::1","prefixlen":128,"scope":"global"},{"family":"inet6","local":"::1","prefixlen":128,"scope":"host"}]},
 {},{"ifindex":2,"ifname":"vlan10","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"address":"26:5e:19:76:38:ff","addr_info":[
 {"family":"inet","local":"10.10.10.1","prefixlen":24,"scope":"global"},{"family":"inet6","local":"fd00:10:10::1","prefixlen":64,"scope":"global"},
 {"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"link"}]},
 {"ifindex":3,"ifname":"eth1","link":null,"flags":["NO-CARRIER","BROADCAST","MULTICAST","UP"],"mtu":1500,"addr_info":[]}]`

func TestParseInterfaces(t *testing.T) {
	got, err := parseInterfaces([]byte(addrJSON))
	if err != nil {
		t.Fatal(err)
	}
	want := []Interface{
		{Name: "lo", Up: true, MTU: 65536, Addresses: prefixes("1.1.1.1/32", "2001:db8::1/128")},
		{Name: "vlan10", Up: true, MTU: 1500, MAC: "26:5e:19:76:38:ff", Addresses: prefixes("10.10.10.1/24", "fd00:10:10::1/64")},
		{Name: "eth1", MTU: 1500},
	}
	if d := cmp.Diff(want, got, compare()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	for _, in := range []string{"", "[]", "\n"} {
		if got, err := parseInterfaces([]byte(in)); err != nil || len(got) != 0 {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	if _, err := parseInterfaces([]byte("Object \"addr\" is unknown")); err == nil {
		t.Error("no error for what is no JSON")
	}
}

func TestParseRoutes(t *testing.T) {
	got, err := parseRoutes([]byte(`[{"dst":"default","gateway":"172.18.0.1","dev":"eth0"},
	 {"dst":"10.10.10.0/24","dev":"vlan10","protocol":"kernel","scope":"link"},{"dst":"1.1.1.1","gateway":"10.10.10.1","dev":"eth1"},
	 {"dst":"fd00:10:244::/48","gateway":"fd00:10:10::10","dev":"vlan10","metric":1024},{"dst":"fe80::/64","dev":"vlan10","protocol":"kernel"},
	 {"dst":"ff00::/8","dev":"vlan10"},{"type":"blackhole","dst":"nonsense"}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Route{
		{Destination: netip.MustParsePrefix("10.10.10.0/24"), Interface: "vlan10", Kind: "connected"},
		{Destination: netip.MustParsePrefix("1.1.1.1/32"), Via: netip.MustParseAddr("10.10.10.1"), Interface: "eth1", Kind: "static"},
		{Destination: netip.MustParsePrefix("fd00:10:244::/48"), Via: netip.MustParseAddr("fd00:10:10::10"), Interface: "vlan10", Kind: "static"},
	}
	if d := cmp.Diff(want, got, compare()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// healthy returns what a node of the default lab has when nothing is wrong.
func healthy() NodeState {
	return NodeState{
		Running: true,
		Interfaces: []Interface{
			{Name: "eth0", Up: true},
			{Name: "eth1", Up: true, Addresses: prefixes("10.10.10.11/24", "fd00:10:10::11/64")},
			{Name: "vlan.other"},
			{Name: "vxlan.calico", Up: true, Addresses: prefixes("192.168.77.0/32")},
			{Name: "vxlan-v6.calico", Up: true, Addresses: prefixes("fd00:10:244::/128")},
		},
		Routes: []Route{
			{Destination: netip.MustParsePrefix("1.1.1.1/32"), Via: netip.MustParseAddr("10.10.10.1")},
			{Destination: netip.MustParsePrefix("2001:db8::/32"), Via: netip.MustParseAddr("fd00:10:10::1")},
		},
	}
}

func TestNodeProblems(t *testing.T) {
	tests := []struct {
		name   string
		change func(*NodeState)
		want   []string
	}{
		{"nothing", func(*NodeState) {}, nil},
		{"stopped", func(s *NodeState) { s.Running = false }, []string{"the container does not run"}},
		{"no cable", func(s *NodeState) { s.Interfaces = s.Interfaces[:1] }, []string{"eth1 is missing: no cable to the switch"}},
		{"down", func(s *NodeState) { s.Interfaces[1].Up = false }, []string{"eth1 is down"}},
		{"the right address with a wrong length", func(s *NodeState) { s.Interfaces[1].Addresses[0] = netip.MustParsePrefix("10.10.10.11/32") },
			[]string{"10.10.10.11/24 is not on eth1"}},
		{"no IPv6 address", func(s *NodeState) { s.Interfaces[1].Addresses = s.Interfaces[1].Addresses[:1] },
			[]string{"fd00:10:10::11/64 is not on eth1"}},
		{"a route elsewhere", func(s *NodeState) { s.Routes[1].Via = netip.MustParseAddr("fd00:10:10::99") },
			[]string{"no route 2001:db8::/32 via fd00:10:10::1"}},
	}
	l := spec.Default()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := healthy()
			tt.change(&s)
			if d := cmp.Diff(tt.want, s.Problems(l, l.Nodes()[1])); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

// TestNoTunnels: a family without tunnels lacks none.
func TestNoTunnels(t *testing.T) {
	l := spec.Default()
	l.IPv6.Encapsulation = spec.None
	if d := cmp.Diff([]string{"vxlan.calico is missing"}, NodeState{}.TunnelProblems(l)); d != "" {
		t.Error(d)
	}
}

func TestTunnelProblems(t *testing.T) {
	s := healthy()
	if p := s.TunnelProblems(spec.Default()); p != nil {
		t.Errorf("healthy: %v", p)
	}
	s.Interfaces[3].Up = false
	s.Interfaces[4].Addresses = nil
	if d := cmp.Diff([]string{"vxlan.calico is down", "vxlan-v6.calico has no address"}, s.TunnelProblems(spec.Default())); d != "" {
		t.Error(d)
	}
	s.Interfaces = nil
	if d := cmp.Diff([]string{"vxlan.calico is missing", "vxlan-v6.calico is missing"}, s.TunnelProblems(spec.Default())); d != "" {
		t.Error(d)
	}
}

func fakeDocker() (*run.Fake, container.Runtime) {
	f := &run.Fake{}
	return f, container.NewDocker(f)
}

const route4, route6 = `[{"dst":"192.168.0.0/16","gateway":"10.10.10.10","dev":"vlan10"}]`, `[{"dst":"fd00:10:244::/48","gateway":"fd00:10:10::10","dev":"vlan10"}]`

func TestLinuxSwitchReady(t *testing.T) {
	tests := []struct {
		name, addr, route6 string
		want               []string
	}{
		{"one port has no carrier, the others are not there", addrJSON, route6,
			[]string{"port eth1 to dual-stack-control-plane is down", "port eth2 to dual-stack-worker is down", "port eth3 to dual-stack-worker2 is down"}},
		{"an address and a route less", strings.Replace(addrJSON, "2001:db8::1", "2001:db8::2", 1), "[]",
			[]string{"2001:db8::1 is not on the switch", "no route to the pods, fd00:10:244::/48 via fd00:10:10::10"}},
		{"the loopback is down", strings.Replace(addrJSON, `"LOOPBACK","UP","LOWER_UP"`, `"LOOPBACK"`, 1), route6,
			[]string{"the interface with 1.1.1.1 is down", "the interface with 2001:db8::1 is down"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, d := fakeDocker()
			f.Answer("docker exec dual-stack-switch ip -j addr", tt.addr, nil)
			f.Answer("docker exec dual-stack-switch ip -j -4 route", route4, nil)
			f.Answer("docker exec dual-stack-switch ip -j -6 route", tt.route6, nil)
			s, err := NewSwitch(Linux, d, spec.Default(), "image")
			if err != nil {
				t.Fatal(err)
			}
			err = s.Ready(t.Context())
			if err == nil {
				t.Fatal("ready")
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not contain %q", err, w)
				}
			}
		})
	}
}

func TestNewSwitchRefusesWhatItDoesNotKnow(t *testing.T) {
	if _, err := NewSwitch("juniper", nil, spec.Default(), ""); err == nil {
		t.Error("no error")
	}
}

// The models of EOS's JSON, cut down to what is read. They are from Arista's documentation, not from a switch.
const (
	eosLinksJSON = `{"interfaces":{"Vlan10":{"name":"Vlan10","lineProtocolStatus":"up","mtu":1500,"physicalAddress":"00:1c:73:aa:bb:cc"},"Ethernet10":{"lineProtocolStatus":"lowerLayerDown","interfaceStatus":"notconnect","mtu":9214,"physicalAddress":"00:1c:73:00:00:0a"},"Ethernet2":{"lineProtocolStatus":"up","mtu":9214,"physicalAddress":"00:1c:73:00:00:02","interfaceAddress":[]},"Loopback0":{"lineProtocolStatus":"up","mtu":65535,"interfaceAddress":[{"primaryIp":{"address":"1.1.1.1","maskLen":32}}]}}}`
	eosIPv4      = `{"interfaces":{"Vlan10":{"name":"Vlan10","lineProtocolStatus":"up","mtu":1500,"interfaceAddress":{"ipAddr":{"address":"10.10.10.1","maskLen":24}}},"Loopback0":{"lineProtocolStatus":"up","mtu":65535,"interfaceAddress":{"ipAddr":{"address":"1.1.1.1","maskLen":32}}}}}`
	eosIPv6      = `{"interfaces":{"Vlan10":{"lineProtocolStatus":"up","linkLocal":{"address":"fe80::1"},"addresses":[{"address":"fd00:10:10::1","subnet":"fd00:10:10::/64"}]},"Loopback0":{"lineProtocolStatus":"up","addresses":[{"address":"2001:db8::1","subnet":"2001:db8::1/128"}]}}}`
	eosRoutes4   = `{"vrfs":{"default":{"routes":{"192.168.0.0/16":{"routeType":"static","vias":[{"nexthopAddr":"10.10.10.10","interface":"Vlan10"}]},"10.10.10.0/24":{"routeType":"connected","vias":[{"interface":"Vlan10"}]}}}}}`
	eosRoutes6   = `{"routes":{"fd00:10:244::/48":{"routeType":"static","vias":[{"nexthopAddr":"fd00:10:10::10","interface":"Vlan10"}]}}}`
	eosShow      = "docker exec dual-stack-switch Cli -p 15 -c "
	eosNotBooted = "Cannot connect to the agent"
)

func eosFake() (*run.Fake, Switch) {
	f, d := fakeDocker()
	f.Answer(eosShow+"show interfaces | json", eosLinksJSON, nil)
	f.Answer(eosShow+"show ip interface brief | json", eosIPv4, nil)
	f.Answer(eosShow+"show ipv6 interface | json", eosIPv6, nil)
	f.Answer(eosShow+"show ip route | json", eosRoutes4, nil)
	f.Answer(eosShow+"show ipv6 route | json", eosRoutes6, nil)
	s, err := NewSwitch(CEOS, d, spec.Default(), "ceos:4.34.0F")
	if err != nil {
		panic(err)
	}
	return f, s
}

func TestCEOSReadsBack(t *testing.T) {
	_, s := eosFake()
	if err := s.Ready(t.Context()); err != nil {
		t.Errorf("not ready: %v", err)
	}
	interfaces, err := s.Interfaces(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []Interface{
		{Name: "Ethernet2", Up: true, MTU: 9214, MAC: "00:1c:73:00:00:02"},
		{Name: "Ethernet10", MTU: 9214, MAC: "00:1c:73:00:00:0a"},
		{Name: "Loopback0", Up: true, MTU: 65535, Addresses: prefixes("1.1.1.1/32", "2001:db8::1/128")},
		{Name: "Vlan10", Up: true, MTU: 1500, MAC: "00:1c:73:aa:bb:cc", Addresses: prefixes("10.10.10.1/24", "fd00:10:10::1/64")},
	}
	if d := cmp.Diff(want, interfaces, compare()); d != "" {
		t.Errorf("interfaces (-want +got)\n%s", d)
	}
	routes, err := s.Routes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(routes) != 3 || routes[1].Kind != "static" || routes[1].Via != netip.MustParseAddr("10.10.10.10") || routes[2].Destination.Addr().Is4() {
		t.Errorf("routes %+v", routes)
	}
}

func TestCEOSThatStillBootsIsNotReady(t *testing.T) {
	f, s := eosFake()
	f.Fail(eosShow+"show interfaces | json", 1, eosNotBooted)
	if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), eosNotBooted) {
		t.Errorf("error %v", err)
	}
	f.Answer(eosShow+"show interfaces | json", "% Invalid input", nil)
	if err := s.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "read its JSON") {
		t.Errorf("error %v", err)
	}
}

func TestCEOSIsCreatedWithItsConfigurationBeforeItStarts(t *testing.T) {
	f, s := eosFake()
	for _, verb := range []string{"create", "cp", "start"} {
		f.Answer("docker "+verb, "", nil)
	}
	if err := s.Create(t.Context(), record.Record{Lab: spec.Default(), Switch: CEOS}); err != nil {
		t.Fatal(err)
	}
	calls := f.Calls()
	if len(calls) != 3 || !strings.HasPrefix(calls[1].Cmd, "docker cp - dual-stack-switch:/mnt/flash") || calls[2].Cmd != "docker start dual-stack-switch" {
		t.Fatalf("calls %+v", calls)
	}
	for _, want := range []string{"--network none", "ceos:4.34.0F -c until [ -e /sys/class/net/eth3 ]", "exec /sbin/init systemd.setenv=CEOS=1"} {
		if !strings.Contains(calls[0].Cmd, want) {
			t.Errorf("%q does not contain %q", calls[0].Cmd, want)
		}
	}
	r := tar.NewReader(strings.NewReader(calls[1].Stdin))
	h, err := r.Next()
	if err != nil || h.Name != "startup-config" {
		t.Fatalf("flash has %+v, %v", h, err)
	}
	if config, _ := io.ReadAll(r); !strings.Contains(string(config), "interface Vlan10") {
		t.Errorf("startup configuration %q", config)
	}
}

const inspectJSON = `[{"Id":"a","Name":"/dual-stack-switch","State":{"Running":true,"Pid":1}},{"Name":"/dual-stack-control-plane","State":{"Running":true,"Pid":10}},
{"Name":"/dual-stack-worker","State":{"Running":true,"Pid":11}},{"Name":"/dual-stack-worker2","State":{"Running":true,"Pid":12}}]`

func wiring(d container.Runtime) Wiring {
	return Wiring{Runtime: d, Lab: spec.Default(), Switch: &linuxSwitch{runtime: d, lab: spec.Default()}, Image: "node:1"}
}

func TestConnect(t *testing.T) {
	f, d := fakeDocker()
	f.Answer("docker container inspect", inspectJSON, nil)
	f.Answer("docker exec dual-stack-switch ls /sys/class/net", "lo\n", nil)
	f.Answer("docker exec dual-stack", "eth0\nlo\n", nil)
	f.Answer("docker exec dual-stack-switch ip -j addr", "[]", nil)
	f.Answer("docker exec -i dual-stack", "", nil)
	f.Answer("docker run", "", nil)
	if err := wiring(d).Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	ran := map[string]string{}
	for _, c := range f.Calls() {
		ran[c.Cmd] = c.Stdin
	}
	helper := "docker run --rm --interactive --label dualstack.lab=dual-stack --label dualstack.lab.role=helper " +
		"--network host --pid host --privileged --entrypoint ip --pull never node:1 -batch -"
	if got := ran[helper]; strings.Count(got, "link add") != 3 {
		t.Errorf("the helper got %q", got)
	}
	if got := ran["docker exec -i dual-stack-worker2 ip -batch -"]; !strings.Contains(got, "10.10.10.12/24") {
		t.Errorf("worker2 got %q", got)
	}
	if got := ran["docker exec -i dual-stack-switch ip -batch -"]; !strings.Contains(got, "link add vlan10 address 02:d5:0a:0a:0a:01 type bridge") {
		t.Errorf("the switch got %q", got)
	}
}

func TestConnectRefusesStoppedContainers(t *testing.T) {
	f, d := fakeDocker()
	f.Answer("docker container inspect", strings.Replace(inspectJSON, `"Running":true,"Pid":11`, `"Running":false,"Pid":0`, 1), nil)
	if err := wiring(d).Connect(t.Context()); err == nil || err.Error() != "container dual-stack-worker does not run" {
		t.Errorf("error %v", err)
	}
}
