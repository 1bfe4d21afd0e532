package cmd

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// names are those of all inspectors.
func names() []string {
	var all []string
	for _, i := range Inspectors() {
		all = append(all, i.Name)
	}
	return all
}

// named returns the inspector with this name.
func named(name string) inspector.Inspector {
	for _, i := range Inspectors() {
		if i.Name == name {
			return i
		}
	}
	panic("there is no inspector " + name)
}

// execute runs a command over a snapshot. What it writes to standard error follows what it writes to standard output.
func execute(command string, s *inspect.Snapshot, args ...string) (string, error) {
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	config := genericclioptions.NewConfigFlags(false)
	server := "https://127.0.0.1:1" // is never asked
	config.APIServer = &server
	cmd := named(command).NewCmd(inspector.NewFlags(config, streams), func(ctx context.Context, i *inspector.Inspection) error {
		i.Source = gather.Recorded{Taken: s}
		return i.Run(ctx)
	})
	cmd.SetArgs(append([]string{}, args...)) // nil would be the arguments of the test itself
	cmd.SetOut(errOut)
	cmd.SetErr(errOut)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(context.Background())
	if err != nil {
		errOut.WriteString("error: " + err.Error() + "\n")
	}
	if errOut.Len() > 0 {
		out.WriteString("--- stderr\n")
		out.Write(errOut.Bytes())
	}
	return out.String(), err
}

// broken has a fault for each of the inspectors.
func broken() *inspect.Snapshot {
	f := inspect.IPv6
	return it.With(
		it.Borrowed(it.Worker, it.Worker2),
		it.FDBMoved(it.ControlPlane, it.Worker, f, it.HostOf(it.Worker2, f).Address.Addr()),
		it.FDBDeleted(it.ControlPlane, it.Worker2, f),
		it.NeighborChanged(it.ControlPlane, it.Worker, f, it.MAC("02:00:00:00:00:01")),
		it.RouteMoved(it.ControlPlane, it.Worker, inspect.IPv4, it.HostOf(it.Worker2, inspect.IPv4).Address.Addr(), "eth1"),
		it.DeviceDeleted(it.Worker, inspect.IPv4),
		it.DeviceChanged(it.ControlPlane, f, func(l *inspect.Link) { l.Up, l.MTU = false, 1400 }),
		it.Unread(it.Worker2, "exec into calico-node: \x1b[31mrefused\x1b[0m"),
	)
}

// labOf is a healthy lab in which a command has rows: one without tunnels for BGP.
func labOf(command string, changes ...it.Change) *inspect.Snapshot {
	if command == "bgp" {
		return it.With(it.Unencapsulated)
	}
	return it.With(changes...)
}

// brokenOf is a broken lab in which a command has findings.
func brokenOf(command string) *inspect.Snapshot {
	f := inspect.IPv6
	if command != "bgp" {
		return broken()
	}
	return it.With(it.Unencapsulated, it.ByRouter,
		it.BIRD(it.Worker, f, func(b *inspect.BIRD) {
			s := &b.Sessions[0]
			*s = inspect.Session{Kind: s.Kind, Peer: s.Peer, ASN: 65099, State: "Idle", Since: "12:30:00", LastError: "BGP Error: \x1b[31mBad peer AS"}
		}),
		it.BIRD(it.Worker2, f, func(b *inspect.BIRD) { *b = inspect.BIRD{Silent: "Unable to connect to server control socket"} }),
		it.BIRD(it.ControlPlane, f, func(b *inspect.BIRD) { b.Sessions[0].HoldLeft = 20 }))
}

func TestInspectorOutput(t *testing.T) {
	for _, command := range names() {
		borrowed := it.Borrowed(it.Worker, it.Worker2)
		for _, tt := range []struct {
			name     string
			snapshot *inspect.Snapshot
			args     []string
		}{
			{"table", labOf(command), nil},
			{"wide", labOf(command, borrowed), []string{"-o", "wide"}},
			{"json", labOf(command, borrowed), []string{"-o", "json"}},
			{"name", labOf(command), []string{"-o", "name", "--family", "ipv6"}},
			{"broken", brokenOf(command), nil},
			{"broken-json", brokenOf(command), []string{"-o", "json"}},
		} {
			t.Run(command+"/"+tt.name, func(t *testing.T) {
				out, _ := execute(command, tt.snapshot, tt.args...)
				testutil.Golden(t, filepath.Join("inspectors", command+"-"+tt.name+".golden"), []byte(out))
			})
		}
	}
}

func TestInspectorExitCode(t *testing.T) {
	for _, i := range Inspectors() {
		command := i.Name
		if out, err := execute(command, it.Lab()); err != nil {
			t.Errorf("%s on a healthy lab: %v\n%s", command, err, out)
		}
		var findings *exit.FindingsError
		if _, err := execute(command, brokenOf(command)); errors.As(err, &findings) != i.Verifies {
			t.Errorf("%s on a broken lab: error %v, want findings: %t", command, err, i.Verifies)
		}
	}
}

func TestInspectorScope(t *testing.T) {
	out, err := execute("fdb", it.Lab(), "--node", it.Worker, "--family", "ipv4", "--no-headers")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out, "\n"); lines != 2 {
		t.Errorf("%d lines, want those of one node and family:\n%s", lines, out)
	}
}

func TestInspectorNothing(t *testing.T) {
	out, err := execute("fdb", it.With(func(s *inspect.Snapshot) { s.Nodes, s.Tables = nil, nil }), "-o", "json")
	want := "--- stderr\nNo forwarding entries found.\n"
	if err != nil || !strings.HasSuffix(out, want) || !strings.Contains(out, `"items": []`) {
		t.Errorf("output %q, error %v, want an empty list and a sentence", out, err)
	}
}

func TestInspectorNobody(t *testing.T) {
	out, err := execute("fdb", it.Lab(), "--node", "nobody")
	if err == nil || err.Error() != `node "nobody": there is no such node` || strings.Contains(out, "NODE") {
		t.Errorf("output %q, error %v, want the error of a live cluster", out, err)
	}
}

func TestInspectorNotes(t *testing.T) {
	out, err := execute("fdb", it.With(it.BPF))
	if err != nil || !strings.Contains(out, "(eBPF)") {
		t.Errorf("output %q, error %v, want a note on eBPF", out, err)
	}
}

// TestInspectorOmitted: an empty list without a reason would read as "all is well".
func TestInspectorOmitted(t *testing.T) {
	for _, format := range []string{"json", "yaml", "jsonpath={.omitted}"} {
		out, err := execute("fdb", it.With(it.BPF), "-o", format)
		if rows, _, _ := strings.Cut(out, "--- stderr"); err != nil || !strings.Contains(rows, "eBPF") {
			t.Errorf("-o %s: output %q, error %v, want the reason", format, out, err)
		}
		if out, _ := execute("fdb", it.Lab(), "-o", format); strings.Contains(out, "omitted") {
			t.Errorf("-o %s: output %q of a lab that is verified as a whole, want nothing omitted", format, out)
		}
	}
}

func TestInspectorUsage(t *testing.T) {
	for _, args := range [][]string{{"-o", "nonsense"}, {"--family", "ipv5"}} {
		var usage *exit.UsageError
		if _, err := execute("routes", it.Lab(), args...); !errors.As(err, &usage) {
			t.Errorf("%v: error %v, want a usage error", args, err)
		}
	}
}

// TestInspectorHostileText has a terminal's commands in all text of a snapshot that comes from elsewhere, and looks for one that
// gets through.
func TestInspectorHostileText(t *testing.T) {
	const evil = "\x1b]0;evil\a\u202e\u009b2J\r\n"
	hostile := func(s *inspect.Snapshot) {
		for i := range s.Nodes {
			s.Nodes[i].Name += evil
		}
		for i := range s.Pools {
			s.Pools[i].Name += evil
			s.Pools[i].NodeSelector = evil
		}
		tables := map[string]inspect.NodeTable{}
		for node, table := range s.Tables {
			for i := range table.Links {
				table.Links[i].Name += evil
			}
			tables[node+evil] = table
		}
		s.Tables = tables
	}
	snapshot := broken()
	hostile(snapshot)
	for _, command := range names() {
		for _, format := range []string{"", "wide", "name", "custom-columns=N:.name,D:.device"} {
			out, err := execute(command, snapshot, "-o", format)
			if strings.ContainsAny(out, "\x1b\a\r\u202e\u009b") {
				t.Errorf("%s -o %q: text that a terminal obeys got through (%v):\n%q", command, format, err, out)
			}
		}
	}
}
