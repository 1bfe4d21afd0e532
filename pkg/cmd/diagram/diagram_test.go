package diagram

import (
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/graph"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
)

// cases are a healthy lab, one with faults of each kind, and a cluster that is too large for a picture.
func cases() map[string]*graph.Graph {
	faulty := inspecttest.With(
		inspecttest.FDBDeleted(inspecttest.ControlPlane, inspecttest.Worker, inspect.IPv6),
		inspecttest.FDBMoved(inspecttest.Worker2, inspecttest.ControlPlane, inspect.IPv6, netip.MustParseAddr("fd00:10:10::99")),
		inspecttest.RouteMoved(inspecttest.Worker, inspecttest.Worker2, inspect.IPv4, netip.MustParseAddr("10.10.10.99"), "eth1"),
		inspecttest.DeviceDown(inspecttest.Worker, inspect.IPv4),
		inspecttest.Unread(inspecttest.Worker2, "the debug pod did not start"),
		func(s *inspect.Snapshot) { s.Nodes[1].Ready, s.Pods[2].Ready = false, false },
	)
	large := inspecttest.Synthetic(40)
	for i := range 30 {
		large.Pods = append(large.Pods, inspect.Pod{Namespace: "default", Name: "pod-" + strings.Repeat("x", i), Node: "node-0003",
			Phase: "Running", Ready: i != 20, IPs: []netip.Addr{netip.MustParseAddr("10.128.0.200")}})
	}
	for i := range large.Nodes {
		large.Nodes[i].Ready = i != 30
	}
	return map[string]*graph.Graph{
		"healthy": graph.Analyze(inspecttest.Lab(), graph.Options{}),
		"faulty":  graph.Analyze(faulty, graph.Options{}),
		"large":   graph.Analyze(large, graph.Options{Limit: 4}),
	}
}

func TestGoldens(t *testing.T) {
	for name, g := range cases() {
		for _, format := range Formats() {
			got, err := Draw(g, format)
			if err != nil {
				t.Fatal(err)
			}
			testutil.Golden(t, name+"."+format, []byte(got))
		}
	}
}

func TestDrawRefusesWhatItDoesNotKnow(t *testing.T) {
	if _, err := Draw(&graph.Graph{}, "png"); err == nil || !strings.Contains(err.Error(), "text, mermaid, dot, svg") {
		t.Errorf("error %v", err)
	}
}

// hostile are names that would break out of a format that did not escape them.
const hostile = "</text><script>\"`'#;&amp;\\n\\\"]) --> x\x1b[31m\u202e%%{init}"

// TestHostileNames lets no name out of the place that a format has for names.
func TestHostileNames(t *testing.T) {
	s := inspecttest.With(inspecttest.FDBDeleted(inspecttest.ControlPlane, inspecttest.Worker, inspect.IPv6))
	s.Lab.Name, s.Nodes[0].Roles = hostile, []string{hostile}
	s.Pods[0].Name, s.Services[0].Name, s.Services[0].Type = hostile, hostile, hostile
	g := graph.Analyze(s, graph.Options{})
	for _, format := range Formats() {
		got, err := Draw(g, format)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(got, "\x1b\u202e") {
			t.Errorf("%s has control characters", format)
		}
		if format == Mermaid || format == Dot {
			got = quoted.ReplaceAllString(got, "")
		}
		if format != Text && strings.Contains(got, "<script") || strings.Contains(got, "{init}") && format != Text && format != SVG {
			t.Errorf("%s lets a name out:\n%s", format, got)
		}
	}
}

// quoted is a string as Graphviz ends it; Mermaid knows no escaped quotes, and none is written for it.
var quoted = regexp.MustCompile(`"(\\.|[^"\\])*"`)

// TestSVGIsXML holds that pictures are well formed, whatever the names in them are.
func TestSVGIsXML(t *testing.T) {
	all := cases()
	s := inspecttest.Lab()
	s.Pods[0].Name = hostile + "\x00\xff"
	all["hostile"] = graph.Analyze(s, graph.Options{})
	all["empty"] = graph.Analyze(&inspect.Snapshot{}, graph.Options{})
	for name, g := range all {
		d := xml.NewDecoder(strings.NewReader(drawSVG(g)))
		for {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
}

func TestLetter(t *testing.T) {
	for i, want := range map[int]string{0: "a", 25: "z", 26: "aa", 51: "az", 52: "ba", 701: "zz", 702: "aaa"} {
		if got := letter(i); got != want {
			t.Errorf("%d: got %q, want %q", i, got, want)
		}
	}
}
