//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCEOS takes a lab with a cEOS switch from its creation to its end. The switch is a stand-in: it is started, configured and asked as
// cEOS is, and refuses a configuration and a question that it does not know; it is no cEOS.
func TestCEOS(t *testing.T) {
	l := ownLab(t, "e2e-ceos")
	create := l.createArgs("--workers", "1", "--switch", "ceos", "--switch-image", w.env.CEOSImage)
	l.mustPlugin(t, create...)
	sw := l.name + "-switch"

	t.Run("status", func(t *testing.T) {
		if out := l.mustPlugin(t, "lab", "status", "--name", l.name); !strings.Contains(out, sw) || !strings.Contains(out, "ceos") {
			t.Error(out)
		}
	})
	t.Run("switch", func(t *testing.T) {
		interfaces := l.mustPlugin(t, "lab", "switch", "interfaces", "--name", l.name)
		for _, want := range []string{"Ethernet1", "Ethernet2", "Loopback0", "1.1.1.1/32", "2001:db8::1/128", "Vlan10", "10.10.10.1/24", "fd00:10:10::1/64"} {
			if !strings.Contains(interfaces, want) {
				t.Errorf("no %s in\n%s", want, interfaces)
			}
		}
		routes := l.mustPlugin(t, "lab", "switch", "routes", "--name", l.name)
		for _, want := range []string{"192.168.0.0/16", "10.10.10.10", "fd00:10:244::/48", "fd00:10:10::10", "static"} {
			if !strings.Contains(routes, want) {
				t.Errorf("no %s in\n%s", want, routes)
			}
		}
	})
	t.Run("trace", func(t *testing.T) {
		l.mustPlugin(t, "trace")
		out := l.mustPlugin(t, "trace", "2001:db8::1", "-o", "json")
		var report struct {
			Items []struct{ Verdict string }
		}
		if err := json.Unmarshal([]byte(out), &report); err != nil || len(report.Items) == 0 || report.Items[0].Verdict != "pass" {
			t.Errorf("%v\n%s", err, out)
		}
	})
	t.Run("moods", func(t *testing.T) { answersOf(t, l, sw) })
	t.Run("restart", func(t *testing.T) {
		docker(t, "restart", sw)
		if r := l.plugin(t, "lab", "status", "--name", l.name); r.code != 2 || !strings.Contains(r.out, sw) {
			t.Errorf("after a restart of the switch: %s", r)
		}
		l.mustPlugin(t, create...)
		l.mustPlugin(t, "lab", "status", "--name", l.name)
		l.mustPlugin(t, "trace", "2001:db8::1")
	})
	t.Run("export", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "export")
		l.mustPlugin(t, "lab", "export", dir, "--existing", "--name", l.name)
		exported, err := os.ReadFile(filepath.Join(dir, "startup-configs", "ceos01-startup-config.config"))
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(string(exported), "\n") // the line that Write puts first
		if flash := docker(t, "exec", sw, "cat", "/mnt/flash/startup-config"); strings.TrimSpace(text) != strings.TrimSpace(flash) {
			t.Errorf("exported\n%s\non the switch\n%s", text, flash)
		}
	})
}

// answersOf: a switch that answers slowly is well; one that answers with an error or not at all is down, and no command hangs on it.
func answersOf(t *testing.T, l *lab, sw string) {
	mood := func(text string) { docker(t, "exec", sw, "sh", "-c", "echo "+text+" > /run/ceos/mood") }
	t.Cleanup(func() { mood("well") })
	mood("slow")
	l.mustPlugin(t, "lab", "status", "--name", l.name)
	for text, want := range map[string]string{"error": "% Internal error", "silent": "no answer for 20s"} {
		mood(text)
		r := l.plugin(t, "lab", "status", "--name", l.name)
		if r.code != 2 || !strings.Contains(strings.Join(strings.Fields(r.out), " "), want) {
			t.Errorf("status of a switch that is %s: %s", text, r)
		}
		if r := l.plugin(t, "lab", "switch", "--name", l.name); r.code != 1 || !strings.Contains(r.errOut, want) || strings.Count(r.errOut, "\n") != 1 {
			t.Errorf("a switch that is %s: %s", text, r)
		}
	}
}
