//go:build e2e

package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// TestLabSwitch reads the switch of the lab: it is in both of the fabric's networks, and knows the way to the pods.
func TestLabSwitch(t *testing.T) {
	l := shared(t)
	out := l.mustPlugin(t, "lab", "switch", "--name", l.name, "-o", "json")
	for _, want := range []string{"10.10.10.1/24", "fd00:10:10::1/64", "1.1.1.1/32", "2001:db8::1/128", "192.168.0.0/16", "fd00:10:244::/48"} {
		if !strings.Contains(out, `"`+want+`"`) {
			t.Errorf("no %s in:\n%s", want, out)
		}
	}
	for _, part := range []string{"interfaces", "routes"} {
		if table := l.mustPlugin(t, "lab", "switch", part, "--name", l.name); strings.Count(table, "\n") < 3 {
			t.Errorf("%s:\n%s", part, table)
		}
	}
}

// TestLabExport writes the files of the lab. Its API server finds no difference between the exported tools and those that
// run; the other files are parsed back by the tests of pkg/lab.
func TestLabExport(t *testing.T) {
	l := shared(t)
	dir := filepath.Join(t.TempDir(), "lab")
	l.mustPlugin(t, "lab", "export", dir, "--name", l.name, "--existing")
	if out := l.kubectl(t, "diff", "-R", "-f", filepath.Join(dir, "tools")); out != "" {
		t.Errorf("it differs from what runs:\n%s", out)
	}
}

// TestGraph draws the lab in each format, whole and with a tunnel that is down.
func TestGraph(t *testing.T) {
	l := shared(t)
	s := siteOf(t, l, inspect.IPv6)
	formats := []string{"text", "mermaid", "dot", "svg"}
	draw := func(code int) {
		for _, format := range formats {
			r := l.plugin(t, "graph", "-o", format)
			if r.code != code {
				t.Errorf("want exit code %d: %s", code, r)
			}
			if slices.ContainsFunc(l.nodes(), func(n string) bool { return !strings.Contains(r.out, n) }) {
				t.Errorf("a node is missing: %s", r)
			}
		}
	}
	draw(0)
	tunnelDown(t, l, s)
	draw(2)
}
