package check

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// run runs the command on a snapshot, and returns what it printed and its error.
func run(t *testing.T, s *inspect.Snapshot, args ...string) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snapshot")
	var b bytes.Buffer
	if err := snapfile.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, b.Bytes())
	streams, _, out, _ := genericiooptions.NewTestIOStreams()
	cmd := NewCmdCheck(NewFlags(inspector.NewFlags(genericclioptions.NewConfigFlags(true), streams)), nil)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(append([]string{"--snapshot", file}, args...))
	err := cmd.ExecuteContext(context.Background())
	return out.String(), err
}

// TestFormats prints a cluster with one cause and what follows from it, in all formats.
func TestFormats(t *testing.T) {
	broken := it.With(it.Annotate(it.Worker, func(n *inspect.Node) { n.InternalIPs = n.InternalIPs[:1] }),
		it.DeviceDeleted(it.Worker2, inspect.IPv6))
	for name, args := range map[string][]string{
		"text": nil, "wide": {"-o", "wide"}, "json": {"-o", "json"}, "yaml": {"-o", "yaml"}, "name": {"-o", "name"},
		"only": {"--only", "kubernetes"}, "junit": {"-o", "junit", "--skip", "DS602,DS603,DS604"}, "node": {"--node", it.Worker2, "--skip", "DS701"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := run(t, broken, args...)
			if err == nil {
				t.Error("a cluster with findings of severity error gives no error")
			}
			testutil.Golden(t, name+".golden", []byte(out))
		})
	}
}

// TestVerdicts holds the sentences for clusters that are as they are meant to be, and for one that cannot be read.
func TestVerdicts(t *testing.T) {
	for name, test := range map[string]struct {
		snapshot *inspect.Snapshot
		want     string
		fails    bool
	}{
		"healthy":   {it.Lab(), "dual-stack cluster: nothing wrong found", false},
		"IPv4 only": {it.With(it.Only(inspect.IPv4)), "IPv4-only cluster, and nothing in it asks for IPv6: nothing wrong found", false},
		"IPv6 only": {it.With(it.Only(inspect.IPv6)), "IPv6-only cluster, and nothing in it asks for IPv4: nothing wrong found", false},
		"no pools to be read": {it.With(it.Lacking(inspect.FactPools, "cannot list ippools: permission denied")),
			" rules (-o wide): cannot list ippools: permission denied\n", false},
		"without Calico":  {withoutCalico(), "not checked: calico pools tables bgp: Calico is not installed", false},
		"bare API server": {bare(), "IPv4-only cluster without Calico and without nodes, and nothing in it asks for IPv6: nothing wrong found", false},
		"one node unread": {it.With(it.Unread(it.Worker, "exec: refused")), " rules not checked on every node\n\nDS606", true},
		"no node read": {it.With(it.Unread(it.Worker, "exec: refused"), it.Unread(it.Worker2, "exec: refused"), it.Unread(it.ControlPlane, "exec: refused")),
			"3 unverified parts (DS606), ", true},
		"nothing at all": {&inspect.Snapshot{}, "cluster in which nothing asks for IPv4 or IPv6", false},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := run(t, test.snapshot)
			if (err != nil) != test.fails || !strings.Contains(out, test.want) {
				t.Errorf("got error %v and\n%s\nwant %q", err, out, test.want)
			}
			if lines := strings.Count(strings.TrimSpace(out), "\n") + 1; lines > 5 && err == nil {
				t.Errorf("%d lines, want at most 5:\n%s", lines, out)
			}
		})
	}
}

// TestJUnit holds that a rule's test fails, passes, is skipped or comes to no result as the exit code and the text say.
func TestJUnit(t *testing.T) {
	warning := it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.NATOutgoing = false })
	for name, test := range map[string]struct {
		change it.Change
		args   []string
		want   string
	}{
		"healthy":            {func(*inspect.Snapshot) {}, nil, ""},
		"a warning":          {warning, nil, ""},
		"a warning, refused": {warning, []string{"--fail-on", "warning"}, "<failure message=\"pool default-ipv6-ippool (fd00:10:244::/48) is private"},
		"no permission":      {it.Lacking(inspect.FactPools, "cannot list ippools: permission denied"), nil, "<skipped message=\"not checked: cannot list ippools: permission denied\""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "check.xml")
			out, err := run(t, it.With(test.change), append(test.args, "-o", "junit", "--junit-file", file)...)
			if !strings.Contains(out, test.want) || test.want == "" && strings.Contains(out, "<failure") {
				t.Errorf("want %q, got\n%s", test.want, out)
			}
			if failed := strings.Contains(out, "<failure"); failed != (err != nil) {
				t.Errorf("a test fails: %t, and the command's error is %v", failed, err)
			}
			if n := strings.Count(out, "<testcase"); n != len(check.Rules()) {
				t.Errorf("%d tests of %d rules", n, len(check.Rules()))
			}
			if written, err := os.ReadFile(file); err != nil || string(written) != out {
				t.Errorf("the file is not what was printed: %v", err)
			}
		})
	}
}

// TestManyAlike holds that a fault of 200 nodes is one thing to read, with their number, a few names and the way to all;
// -o wide shows each.
func TestManyAlike(t *testing.T) {
	many := it.With(func(s *inspect.Snapshot) {
		node := s.Nodes[0]
		node.InternalIPs = node.InternalIPs[:1]
		for i := range 200 {
			node.Name = fmt.Sprintf("node-%03d", i)
			s.Nodes = append(s.Nodes, node)
		}
	})
	args := []string{"--only", "DS101"}
	out, _ := run(t, many, args...)
	testutil.Golden(t, "many.golden", []byte(out))
	wide, _ := run(t, many, append(args, "-o", "wide")...)
	if n := strings.Count(wide, "DS101 error: node "); n != 200 {
		t.Errorf("-o wide shows %d of 200", n)
	}
}

// bare is what a bare API server has: the service of its own, and no Calico.
func bare() *inspect.Snapshot {
	s := &inspect.Snapshot{Gathered: inspect.Facts(), Services: []inspect.Service{{Namespace: "default", Name: "kubernetes",
		IPFamilies: []inspect.Family{inspect.IPv4}, ClusterIPs: []netip.Addr{netip.MustParseAddr("10.96.0.1")}}}}
	for _, f := range []inspect.Fact{inspect.FactPools, inspect.FactBlocks, inspect.FactFelix, inspect.FactVersion} {
		s.Missing = append(s.Missing, inspect.Missing{Fact: f, Reason: "the cluster has no Calico API", Absent: true})
	}
	return s
}

// withoutCalico is a cluster of another network.
func withoutCalico() *inspect.Snapshot {
	s := bare()
	s.Nodes = []inspect.Node{{Name: "a", Ready: true, OS: "linux", InternalIPs: []netip.Addr{netip.MustParseAddr("10.0.0.1")},
		PodCIDRs: []netip.Prefix{netip.MustParsePrefix("10.244.0.0/24")}}}
	s.Tables = map[string]inspect.NodeTable{"a": {}}
	return s
}

// TestNothingChecked holds that a run without a single rule that could be checked is no success.
func TestNothingChecked(t *testing.T) {
	out, err := run(t, it.With(it.Lacking(inspect.FactPools, "cannot list ippools: permission denied")), "--only", "pools")
	if err == nil || err.Error() != "no rule could be checked: cannot list ippools: permission denied" ||
		out != "dual-stack cluster: nothing could be checked\n\nnot checked: pools: cannot list ippools: permission denied\n" {
		t.Errorf("got %v and\n%s", err, out)
	}
}

func TestRefusals(t *testing.T) {
	for want, args := range map[string][]string{
		`unknown rule or section "pool": see --list`:                  {"--only", "pool"},
		"--fail-on info: use error, warning or never":                 {"--fail-on", "info"},
		`unknown rule "DS000": see --list`:                            {"--explain", "DS000"},
		"--list is no report of tests: use another format than junit": {"--list", "-o", "junit"},
		"no rule is left: see --only and --skip":                      {"--only", "DS101", "--skip", "kubernetes"},
	} {
		if _, err := run(t, it.Lab(), args...); err == nil || err.Error() != want {
			t.Errorf("%v: got error %v, want %s", args, err, want)
		}
	}
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
