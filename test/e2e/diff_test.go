//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// TestDiff compares the lab with a recording of it: at rest nothing changed, and then a tunnel device is down.
func TestDiff(t *testing.T) {
	l := shared(t)
	s := siteOf(t, l, inspect.IPv6)
	before := filepath.Join(t.TempDir(), "before.snapshot")
	l.mustPlugin(t, "snapshot", before)
	diff := func(code int, want ...string) {
		t.Helper()
		r := l.plugin(t, "diff", before)
		if r.code != code {
			t.Fatalf("want exit code %d: %s", code, r)
		}
		for _, text := range want {
			if !strings.Contains(r.out, text) {
				t.Errorf("no %q: %s", text, r)
			}
		}
	}
	diff(0)
	tunnelDown(t, l, s)
	diff(2, "new ", "device "+s.device(), "up true -> false")
}
