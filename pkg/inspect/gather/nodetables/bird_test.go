package nodetables

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// TestParseBIRD reads what bird6 of clusters printed: of a mesh, with a router as the only peer, with one that has another AS number, and
// after a restart with a peer that does not come.
func TestParseBIRD(t *testing.T) {
	mesh := func(peer, since string, left int) inspect.Session {
		return inspect.Session{Kind: inspect.SessionMesh, Peer: addr(peer), ASN: 64512, State: inspect.Established, Since: since,
			HoldLeft: left, HoldTime: 240, Imported: 1, Exported: 1, ExportFiltered: 5}
	}
	for name, want := range map[string]inspect.BIRD{
		"mesh": {Sessions: []inspect.Session{mesh("fd00:10:10::10", "23:33:43", 174), mesh("fd00:10:10::12", "23:33:42", 160)}},
		"router": {Sessions: []inspect.Session{{Kind: inspect.SessionGlobal, Peer: addr("fd00:10:10::1"), ASN: 65000, State: inspect.Established,
			Since: "23:47:29", HoldLeft: 5, HoldTime: 9, Imported: 3, Exported: 1, ExportFiltered: 5}}},
		"bad-as": {Sessions: []inspect.Session{{Kind: inspect.SessionGlobal, Peer: addr("fd00:10:10::1"), ASN: 65099, State: "Idle",
			Since: "23:52:03", LastError: "BGP Error: Bad peer AS"}}},
		"recovery": {Recovery: "236/240", Sessions: []inspect.Session{
			{Kind: inspect.SessionMesh, Peer: addr("fd00:10:10::10"), State: inspect.Established, Held: true, Since: "00:05:20"},
			{Kind: inspect.SessionMesh, Peer: addr("fd00:10:10::12"), State: inspect.Established, Held: true, Since: "00:05:19"},
			{Kind: inspect.SessionGlobal, Peer: addr("fd00:10:10::77"), State: "Connect", Since: "00:05:18"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			out := readFile(t, "testdata/bird/"+name+".txt")
			got, err := parseBIRD(map[string]access.Section{"bird4": {Out: out}, "bird6": {Out: out}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(inspect.ByFamily[inspect.BIRD]{V4: want, V6: want}, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestBIRDSilent tells a BIRD that does not run from one that could not be asked.
func TestBIRDSilent(t *testing.T) {
	const up = "BIRD 1.6.8 ready.\nDaemon is up and running\n"
	for name, test := range map[string]struct {
		section access.Section
		silent  string
		err     string
	}{
		"up":               {section: access.Section{Out: []byte(up)}},
		"no socket":        {section: access.Section{Code: 1, Stderr: "Unable to connect to server control socket (/x/bird6.ctl): No such file"}, silent: "Unable to connect"},
		"said on stdout":   {section: access.Section{Code: 1, Out: []byte("Unable to connect to server control socket\n")}, silent: "Unable to connect"},
		"hangs":            {section: access.Section{Code: 124}, silent: "within 5 s"},
		"shutting down":    {section: access.Section{Out: []byte("BIRD 1.6.8 ready.\nShutdown in progress\n")}, silent: "does not say that it is up"},
		"no client":        {section: access.Section{Code: 127, Stderr: "sh: birdcl: not found"}, err: "no birdcl"},
		"no client either": {section: access.Section{Code: 1, Stderr: "timeout: failed to run command 'birdcl'"}, err: "no birdcl"},
		"nonsense":         {section: access.Section{Out: []byte(up + "Mesh_10_0_0_1 BGP master up 12:00:00 Established\n  Hold timer: soon\n")}, err: "Hold timer"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseBIRD(map[string]access.Section{"bird4": test.section, "bird6": {Out: []byte(up)}})
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil || got.V6.Silent != "" || (got.V4.Silent == "") != (test.silent == "") || !strings.Contains(got.V4.Silent, test.silent) {
				t.Errorf("got %+v, %v, want %q", got, err, test.silent)
			}
		})
	}
	if _, err := parseBIRD(nil); !errors.Is(err, errNoFelix) {
		t.Errorf("without sections: %v", err)
	}
}

// TestSessionNames reads the names that confd gives to sessions.
func TestSessionNames(t *testing.T) {
	for line, want := range map[string]inspect.Session{
		"Node_10_9_0_1_port_1179 BGP master up 2026-11-24 10:00:00 Established": {Kind: inspect.SessionNode, Peer: addr("10.9.0.1"), Port: 1179,
			State: inspect.Established, Since: "2026-11-24 10:00:00"},
		"Global_fd00_10_10__1 BGP master start Nov24 Connect Socket: No route to host": {Kind: inspect.SessionGlobal, Peer: addr("fd00:10:10::1"),
			State: "Connect", Since: "Nov24", LastError: "Socket: No route to host"},
		"Local_Workload_192_168_1_7 BGP master up 10:00:00 Established": {Kind: inspect.SessionWorkload, Peer: addr("192.168.1.7"),
			State: inspect.Established, Since: "10:00:00"},
		"mine BGP master down 10:00:00": {Kind: inspect.SessionOther, State: "Down", Since: "10:00:00"},
	} {
		got, ok := parseProtocol(strings.Fields(line))
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); !ok || diff != "" {
			t.Errorf("%s: -want +got:\n%s", line, diff)
		}
	}
	if s, ok := parseProtocol(strings.Fields("kernel1 Kernel master up 10:00:00")); ok {
		t.Errorf("a protocol that is not BGP: %+v", s)
	}
}

// TestBIRDScript runs the script where no calico-node is: it says nothing of BIRD, and leaves the tables alone.
func TestBIRDScript(t *testing.T) {
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("needs ip")
	}
	cmd := exec.CommandContext(context.Background(), "sh", "-c", Extra{BIRD: true}.script())
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	sections, err := access.Sections(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseBIRD(sections); err != nil && !errors.Is(err, errNoFelix) {
		t.Error(err)
	}
	if _, ok := sections[sectionLink]; !ok {
		t.Error("the tables are gone")
	}
}
