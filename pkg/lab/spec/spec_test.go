package spec

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const head = "apiVersion: dualstack/v1alpha1\nkind: Lab\n"

func TestNodesFollowKindsNames(t *testing.T) {
	l := Default()
	l.Workers = 3
	var got []string
	for _, n := range l.Nodes() {
		got = append(got, strings.Join([]string{n.Name, n.Port, n.IPv4.String(), n.IPv6.String()}, " "))
	}
	want := []string{
		"dual-stack-control-plane eth1 10.10.10.10 fd00:10:10::10",
		"dual-stack-worker eth2 10.10.10.11 fd00:10:10::11",
		"dual-stack-worker2 eth3 10.10.10.12 fd00:10:10::12",
		"dual-stack-worker3 eth4 10.10.10.13 fd00:10:10::13",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("nodes (-want +got):\n%s", d)
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, yaml string
		want       string // the error; empty: none
	}{
		{"what the file does not name stays", head + "workers: 4\n", ""},
		{"an unknown key", head + "wrokers: 4\n", `unknown field "wrokers"`},
		{"a key of another type", head + "workers: many\n", "workers"},
		{"an address that is none", head + "ipv4:\n  gateway: 10.10.10\n", "10.10.10"},
		{"another kind of file", "apiVersion: v1\nkind: Pod\n", "it must begin with apiVersion: dualstack/v1alpha1 and kind: Lab"},
		{"an empty file", "", "it must begin with"},
		{"not YAML at all", "\t{", "found character that cannot start any token"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l, err := Parse([]byte(tt.yaml), Default())
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("error %v, want it to contain %q", err, tt.want)
				}
				if strings.Contains(err.Error(), "unmarshaling") || strings.Contains(err.Error(), "\n") {
					t.Errorf("error %q speaks of libraries, or has more than one line", err)
				}
				return
			}
			want := Default()
			want.Workers = 4
			if err != nil || l != want {
				t.Errorf("got %+v, %v", l, err)
			}
		})
	}
}

func TestLoadSaysWhichFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lab.yaml")
	if _, err := Load(path, Default()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("missing file: %v", err)
	}
	if err := os.WriteFile(path, []byte("kind: Pod"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, Default()); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("wrong file: %v", err)
	}
}

func TestMarshalReadsBack(t *testing.T) {
	l := Default()
	l.Name, l.Workers = "other", 1
	raw, err := l.MarshalYAML()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(raw, Lab{})
	if err != nil {
		t.Fatal(err)
	}
	if back != l {
		t.Errorf("read back %+v, want %+v", back, l)
	}
}

// TestSetRouting: BGP is for both families, and the default is what the lab is without a word.
func TestSetRouting(t *testing.T) {
	l := Default()
	l.SetRouting(RoutingBGP)
	if !l.BGP() || l.IPv4.Tunnelled() || l.IPv6.Tunnelled() || l.Validate() != nil {
		t.Errorf("%s and %s: %v", l.IPv4.Encapsulation, l.IPv6.Encapsulation, l.Validate())
	}
	l.SetRouting(RoutingVXLAN)
	if l != Default() || l.BGP() {
		t.Errorf("%+v", l)
	}
	l.IPv6.Encapsulation = None
	if !l.BGP() || !l.IPv4.Tunnelled() {
		t.Error("IPv6 by BGP, IPv4 by VXLAN, is no lab with BGP")
	}
}

func TestValidate(t *testing.T) {
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	tests := []struct {
		name   string
		change func(*Lab)
		want   []string // one substring an error; none: valid
	}{
		{"the default", func(*Lab) {}, nil},
		{"one node", func(l *Lab) { l.Workers = 0 }, nil},
		{"as many as fit before the broadcast address", func(l *Lab) { l.IPv4.FirstNode = addr("10.10.10.252") }, nil},
		{"a fabric of two", func(l *Lab) {
			l.Workers = 0
			l.IPv4.Fabric, l.IPv4.Gateway, l.IPv4.FirstNode = prefix("10.10.10.0/31"), addr("10.10.10.1"), addr("10.10.10.0")
		}, nil},
		{"no name", func(l *Lab) { l.Name = "" }, []string{`name: ""`}},
		{"a name that is an option", func(l *Lab) { l.Name = "-rf" }, []string{`name: "-rf"`}},
		{"a name that is too long", func(l *Lab) { l.Name = strings.Repeat("a", 50) }, []string{"too long"}},
		{"negative workers", func(l *Lab) { l.Workers = -1 }, []string{"workers: -1"}},
		{"a VLAN past 4094", func(l *Lab) { l.VLAN = 4095 }, []string{"vlan: 4095"}},
		{"a v6 address under ipv4", func(l *Lab) { l.IPv4.Gateway = addr("fd00:10:10::1") },
			[]string{"ipv4.gateway: fd00:10:10::1 is not an IPv4 address"}},
		{"a v4 range under ipv6", func(l *Lab) { l.IPv6.Pods = prefix("192.168.0.0/16") },
			[]string{"ipv6.pods: 192.168.0.0 is not an IPv6 address"}},
		{"a mapped address", func(l *Lab) { l.IPv6.Gateway = addr("::ffff:10.10.10.1") },
			[]string{"ipv6.gateway: ::ffff:10.10.10.1 is not an IPv6 address"}},
		{"a zone", func(l *Lab) { l.IPv6.Gateway = addr("fe80::1%eth0") }, []string{"ipv6.gateway: fe80::1%eth0 has a zone"}},
		{"nothing given", func(l *Lab) { l.IPv4.External = netip.Addr{} }, []string{"ipv4.external: missing"}},
		{"host bits in a range", func(l *Lab) { l.IPv4.Fabric = prefix("10.10.10.5/24") }, []string{"10.10.10.0/24 is meant"}},
		{"a gateway outside", func(l *Lab) { l.IPv6.Gateway = addr("fd00:10:11::1") },
			[]string{"ipv6.gateway: fd00:10:11::1 is outside of the fabric fd00:10:10::/64"}},
		{"nodes outside", func(l *Lab) { l.IPv4.FirstNode = addr("10.10.11.10") },
			[]string{"ipv4.firstNode: 10.10.11.10 is outside of the fabric 10.10.10.0/24"}},
		{"too many nodes for the subnet", func(l *Lab) { l.IPv4.FirstNode = addr("10.10.10.253") },
			[]string{"ipv4.firstNode: too many nodes: 3 addresses from 10.10.10.253 on do not fit into the fabric 10.10.10.0/24, which ends after 2"}},
		{"a node on the gateway", func(l *Lab) { l.IPv4.Gateway = addr("10.10.10.11") },
			[]string{"node 2 of 3 from 10.10.10.10 on would get the gateway's address 10.10.10.11"}},
		{"a node on the subnet's own address", func(l *Lab) { l.IPv6.FirstNode = addr("fd00:10:10::") },
			[]string{"ipv6.firstNode: fd00:10:10:: is the address of the fabric itself", "gateway's"}[:1]},
		{"an external address in the fabric", func(l *Lab) {
			l.IPv4.External, l.IPv4.ExternalRoute = addr("10.10.10.99"), prefix("10.10.10.99/32")
		}, []string{"is inside of the fabric", "overlaps fabric"}},
		{"a route past the external address", func(l *Lab) { l.IPv6.ExternalRoute = prefix("2001:db9::/32") },
			[]string{"ipv6.externalRoute: 2001:db9::/32 does not contain the external address 2001:db8::1"}},
		{"pods over services", func(l *Lab) { l.IPv4.Pods = prefix("10.96.0.0/14") },
			[]string{"ipv4.services: 10.96.0.0/16 overlaps pods 10.96.0.0/14"}},
		{"pods over the fabric", func(l *Lab) { l.IPv6.Pods = prefix("fd00:10::/32") },
			[]string{"ipv6.pods: fd00:10::/32 overlaps fabric", "ipv6.services: fd00:10:96::/112 overlaps pods"}},
		{"a block larger than the pool", func(l *Lab) { l.IPv4.Pods = prefix("192.168.0.0/27") }, []string{"larger than the pool"}},
		{"a block size of the other family", func(l *Lab) { l.IPv6.BlockSize = 26 }, []string{"ipv6.blockSize: 26: must be 116 to 128"}},
		{"fewer blocks than nodes", func(l *Lab) { l.IPv4.Pods = prefix("192.168.0.0/25") },
			[]string{"ipv4.pods: too many nodes: 192.168.0.0/25 has 2 blocks of /26, and 3 nodes need one each"}},
		{"an encapsulation of IPv4 only", func(l *Lab) { l.IPv6.Encapsulation = "IPIP" }, []string{`ipv6.encapsulation: "IPIP"`}},
		{"services too large", func(l *Lab) { l.IPv6.Services = prefix("fd00:10:96::/64") }, []string{"ipv6.services: fd00:10:96::/64 is too large"}},
		{"services too small", func(l *Lab) { l.IPv4.Services = prefix("10.96.0.0/30") }, []string{"ipv4.services: 10.96.0.0/30 is too small"}},
		{"everything at once", func(l *Lab) { l.Name, l.VLAN, l.IPv4.BlockSize = "X", 0, 99 },
			[]string{"name:", "vlan:", "ipv4.blockSize:"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := Default()
			tt.change(&l)
			err := l.Validate()
			if len(tt.want) == 0 {
				if err != nil {
					t.Fatalf("unexpected: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			if lines := strings.Count(err.Error(), "\n") + 1; lines != len(tt.want) {
				t.Errorf("%d errors, want %d:\n%v", lines, len(tt.want), err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error\n%v\ndoes not contain %q", err, w)
				}
			}
		})
	}
}
