package nodetables

import (
	"encoding/json"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestParseRecordings parses what real versions of iproute2 printed, see TestKernel.
func TestParseRecordings(t *testing.T) {
	for _, file := range recordings(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			table, err := Parse(readFile(t, file))
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(table, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			compareGolden(t, strings.TrimSuffix(file, ".txt")+".golden.json", append(got, '\n'))
		})
	}
}

// TestParseCutOff: wherever a stream breaks off, the output proves nothing.
func TestParseCutOff(t *testing.T) {
	for _, file := range recordings(t) {
		out := readFile(t, file)
		for n := 0; n < len(out); n += 97 {
			checkInconclusive(t, out[:n])
		}
		checkInconclusive(t, out[:len(out)-1])
	}
}

func checkInconclusive(t *testing.T, out []byte) {
	t.Helper()
	if _, err := Parse(out); !errors.Is(err, access.ErrInconclusive) {
		t.Errorf("first %d bytes: error %v, want one that wraps ErrInconclusive", len(out), err)
	}
}

func TestParseErrors(t *testing.T) {
	tests := map[string]struct {
		change       func(output)
		inconclusive bool
		want         string // part of the error
	}{
		"a command fails": {
			change: func(o output) { o.set(sectionRoute4, "", 2, "Error: ipv4: FIB table does not exist.\nDump terminated") },
			want:   "section route4: exit code 2: Error: ipv4: FIB table does not exist.",
		},
		"an ip without JSON": {
			change: func(o output) { o.set(sectionLink, "", 255, `Option "-j" is unknown, try "ip -help".`) },
			want:   "iproute2",
		},
		"a table changes meanwhile": {
			change:       func(o output) { o.set(sectionFDB, "[]", 0, "Dump was interrupted and may be inconsistent.") },
			inconclusive: true,
			want:         "section fdb",
		},
		"an IPv6 table fails though there is IPv6": {
			change: func(o output) { o.set(sectionNeigh6, "", 1, "Cannot send dump request: Operation not supported") },
			want:   "section neigh6",
		},
		"a section is not there": {
			change:       func(o output) { delete(o, sectionAddr) },
			want:         "section addr is not in the output",
			inconclusive: true,
		},
		"JSON cut off within a whole section": {
			change: func(o output) { o.set(sectionFDB, `[{"dst":"10.0.0.1","dev":"vx`, 0, "") },
			want:   "section fdb: read JSON",
		},
		"no JSON at all": {
			change: func(o output) { o.set(sectionAddr, "1: lo: <LOOPBACK,UP>", 0, "") },
			want:   "section addr: read JSON",
		},
		"a gateway that is none": {
			change: func(o output) { o.set(sectionRoute4, `[{"dst":"default","gateway":"\u001b[2J"}]`, 0, "") },
			want:   "section route4: route to",
		},
		"a zone, in which text could hide": {
			change: func(o output) { o.set(sectionNeigh6, `[{"dst":"fe80::1%\u001b[2J\n","dev":"eth0"}]`, 0, "") },
			want:   "has a zone",
		},
		"a destination of the other family": {
			change: func(o output) { o.set(sectionRoute4, `[{"dst":"fd00::/64","dev":"eth0"}]`, 0, "") },
			want:   "not one of IPv4",
		},
		"a prefix length out of range": {
			change: func(o output) {
				o.set(sectionAddr, `[{"ifname":"eth0","addr_info":[{"local":"10.0.0.1","prefixlen":77}]}]`, 0, "")
			},
			want: "prefix length of 77",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := emptyNode()
			tt.change(o)
			_, err := Parse(o.bytes())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if got := errors.Is(err, access.ErrInconclusive); got != tt.inconclusive {
				t.Errorf("inconclusive: %v, want %v", got, tt.inconclusive)
			}
		})
	}
}

func TestParseOddities(t *testing.T) {
	vtep := netip.MustParseAddr("10.10.10.11")
	mac := inspect.MAC{0x66, 0, 0, 0, 0, 1}
	vxlan := `[{"ifindex":3,"ifname":"vxlan.calico","mtu":1450,"linkinfo":{"info_kind":"vxlan","info_data":{"id":4096}}}]`
	entry := `{"dst":"10.10.10.11","dev":"vxlan.calico","lladdr":"66:00:00:00:00:01","state":["NOARP","PERMANENT"]}`
	fdb := []inspect.FDBEntry{{Dev: "vxlan.calico", MAC: mac, VTEP: vtep, Permanent: true}}
	tests := map[string]struct {
		change func(output)
		got    func(inspect.NodeTable) any
		want   any
	}{
		"nothing printed is an empty table": {
			change: func(o output) { o.set(sectionFDB, "", 0, "") },
			got:    func(n inspect.NodeTable) any { return n.FDB },
			want:   []inspect.FDBEntry(nil),
		},
		"a comma too many": {
			change: func(o output) { o.set(sectionLink, vxlan, 0, ""); o.set(sectionFDB, "["+entry+",]", 0, "") },
			got:    func(n inspect.NodeTable) any { return n.FDB },
			want:   fdb,
		},
		"two lists, and empty rows": {
			change: func(o output) { o.set(sectionLink, vxlan, 0, ""); o.set(sectionFDB, "[{},null]\n["+entry+"]", 0, "") },
			got:    func(n inspect.NodeTable) any { return n.FDB },
			want:   fdb,
		},
		"entries of other devices are not forwarding entries": {
			change: func(o output) { o.set(sectionFDB, "["+entry+"]", 0, "") },
			got:    func(n inspect.NodeTable) any { return n.FDB },
			want:   []inspect.FDBEntry(nil),
		},
		"learning is on where an older ip says nothing": {
			change: func(o output) { o.set(sectionLink, vxlan, 0, "") },
			got:    func(n inspect.NodeTable) any { return n.Links[0].VXLAN.Learning },
			want:   true,
		},
		"numbers for names": {
			change: func(o output) { o.set(sectionRoute4, `[{"dst":"10.1.0.0/16","protocol":80,"table":254}]`, 0, "") },
			got:    func(n inspect.NodeTable) any { return n.Routes[0].Protocol + " " + n.Routes[0].Table },
			want:   "80 254",
		},
		"a warning beside a good table": {
			change: func(o output) { o.set(sectionRule4, `[{"priority":0,"src":"all","table":"local"}]`, 0, "libbpf: old") },
			got:    func(n inspect.NodeTable) any { return len(n.Rules) },
			want:   1,
		},
		"no IPv6 in the kernel": {
			change: func(o output) {
				o.set(sectionSysctl, "ipv4/ip_forward:1\n", 0, "")
				for _, s := range []string{sectionRoute6, sectionRule6, sectionNeigh6} {
					o.set(s, "", 2, "RTNETLINK answers: Operation not supported")
				}
			},
			got:  func(n inspect.NodeTable) any { return n.Sysctls },
			want: map[string]string{"net.ipv4.ip_forward": "1"},
		},
		"pods' sysctls are left out": {
			change: func(o output) {
				o.set(sectionSysctl, "ipv4/ip_forward:1\nipv4/conf/cali0/rp_filter:1\nipv4/conf/vxlan.calico/rp_filter:2\n", 0, "")
			},
			got:  func(n inspect.NodeTable) any { return n.Sysctls },
			want: map[string]string{"net.ipv4.ip_forward": "1", "net.ipv4.conf.vxlan.calico.rp_filter": "2"},
		},
		"a tunnel's address is no MAC": {
			change: func(o output) { o.set(sectionNeigh4, `[{"dst":"10.0.0.1","dev":"tunl0","lladdr":"10.0.0.9"}]`, 0, "") },
			got:    func(n inspect.NodeTable) any { return n.Neighbors },
			want:   []inspect.Neighbor{{Dev: "tunl0", IP: netip.MustParseAddr("10.0.0.1")}},
		},
		"a mark in the middle of a line is text": {
			change: func(o output) { o.set(sectionLink, `[{"ifname":"a","ifalias":"@dualstack-tables end"}]`, 0, "") },
			got:    func(n inspect.NodeTable) any { return n.Links[0].Name },
			want:   "a",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := emptyNode()
			tt.change(o)
			table, err := Parse(o.bytes())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, tt.got(table), sameFacts...); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// FuzzParse: whatever a node prints, Parse returns, and what it takes for tables survives a round through JSON.
func FuzzParse(f *testing.F) {
	for _, file := range recordings(f) {
		f.Add(readFile(f, file))
	}
	f.Add(emptyNode().bytes())
	f.Add([]byte(nil))
	nat, err := os.ReadFile("testdata/nat/iptables.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(nat)
	f.Fuzz(func(t *testing.T, out []byte) {
		_, _ = Extra{NAT: true}.parse(out, budget.New(maxBuilt))
		table, err := Parse(out)
		if err != nil {
			return
		}
		if _, err := json.Marshal(table); err != nil {
			t.Errorf("tables that cannot be recorded: %v", err)
		}
	})
}

// output is what Script prints: for each section what its command printed, its exit code, and its standard error.
type output map[string]sectionText

type sectionText struct {
	out    string
	code   int
	stderr string
}

// emptyNode is the output of a node without anything, but with IPv6.
func emptyNode() output {
	o := output{}
	for _, s := range sectionNames() {
		o.set(s, "[]", 0, "")
	}
	o.set(sectionSysctl, "ipv4/ip_forward:1\nipv6/conf/all/disable_ipv6:0\n", 0, "")
	return o
}

func sectionNames() []string {
	var names []string
	for _, s := range new(parser).steps() {
		names = append(names, s.name)
	}
	return names
}

func (o output) set(name, out string, code int, stderr string) {
	o[name] = sectionText{out, code, stderr}
}

func (o output) bytes() []byte {
	var b strings.Builder
	for _, name := range sectionNames() {
		if s, ok := o[name]; ok {
			b.WriteString(access.Frame(name, s.out, s.code, s.stderr))
		}
	}
	b.WriteString(access.FrameEnd)
	return []byte(b.String())
}

func recordings(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	return files
}

func readFile(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func compareGolden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(readFile(t, file)), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// TestScriptSections: the parser reads each section that the script prints, and no other.
func TestScriptSections(t *testing.T) {
	var printed []string
	for line := range strings.Lines(Script) {
		if words := strings.Fields(line); len(words) > 2 && words[0] == "section" {
			printed = append(printed, words[1])
		}
	}
	parsed := sectionNames()
	slices.Sort(printed)
	slices.Sort(parsed)
	if diff := cmp.Diff(printed, parsed); diff != "" {
		t.Errorf("-printed +parsed:\n%s", diff)
	}
}
