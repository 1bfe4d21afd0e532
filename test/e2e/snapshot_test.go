//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd"
)

// TestSnapshot compares what every inspector prints of the live lab with what it prints of a recording of it.
func TestSnapshot(t *testing.T) {
	l := shared(t)
	worker := l.nodes()[1]
	scopes := map[string][][]string{
		"nodes":    {{}, {worker}, {"-l", "!node-role.kubernetes.io/control-plane"}, {"--addresses"}},
		"pods":     {{}, {"-A"}, {"-n", "kube-system"}, {"-A", "--node", worker}, {"-l", "app=multitool"}},
		"services": {{}, {"-A"}, {"multitool-ipv6-only"}},
	}
	tables := map[string][][]string{"nodes": {{"--addresses"}}}
	for _, i := range cmd.Inspectors() {
		if i.Verifies {
			scopes[i.Name], tables[i.Name] = [][]string{{}, {"--family", "ipv6"}, {"--node", worker}}, [][]string{{}}
		} else if scopes[i.Name] == nil {
			scopes[i.Name] = [][]string{{}, {"--family", "ipv6"}}
		}
	}
	t.Run("by exec", func(t *testing.T) { sameFromFile(t, l, "exec", scopes, "", "wide", "json") })
	// The other way into nodes matters to what is read there, and not to how that is printed.
	t.Run("by the runtime", func(t *testing.T) { sameFromFile(t, l, "runtime", tables, "json") })
}

// recordings bounds how often a difference is looked at again: the lab goes on living, and a pod may have become ready
// between the recording and the table. A difference of ours is there each time.
const recordings = 3

// sameFromFile compares the lab with a recording of it, for each inspector's scopes, in each format.
func sameFromFile(t *testing.T, l *lab, access string, scopes map[string][][]string, formats ...string) {
	file := filepath.Join(t.TempDir(), "lab.snapshot")
	record := func() {
		if r := l.plugin(t, "snapshot", file, "--node-access", access); r.code != 0 || r.out != "" {
			t.Fatal(r)
		}
	}
	record()
	for inspector, all := range scopes {
		for _, scope := range all {
			for _, format := range formats {
				args := append([]string{inspector}, scope...)
				if format != "" {
					args = append(args, "-o", format)
				}
				d := difference(t, l, file, args)
				for range recordings - 1 {
					if d == "" {
						break
					}
					record()
					d = difference(t, l, file, args)
				}
				if d != "" {
					t.Errorf("%v: live (-), recorded (+)\n%s", args, d)
				}
			}
		}
	}
}

// difference compares what a command prints of the lab with what it prints of the recording, where there is no cluster.
func difference(t *testing.T, l *lab, file string, args []string) string {
	live := l.plugin(t, args...)
	recorded := command(t, []string{"KUBECONFIG=/nonexistent"}, w.plugin, append(args, "--snapshot", file)...)
	text := func(r result) string { return fmt.Sprintf("%s%sexit code %d\n", r.out, r.errOut, r.code) }
	return cmp.Diff(text(live), text(recorded))
}

// TestSnapshotInAPipe records without a file, and reads a recording with other names.
func TestSnapshotInAPipe(t *testing.T) {
	l := shared(t)
	pipe := exec.CommandContext(t.Context(), "sh", "-c", `"$0" snapshot - --redact | "$0" fdb --snapshot - -o json`, w.plugin)
	pipe.Env = append(os.Environ(), l.env()...)
	out, err := pipe.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	entries := items[struct{ Node, Status string }](t, string(out))
	if n := len(l.nodes()); len(entries) != 2*n*(n-1) {
		t.Errorf("%d entries of %d nodes", len(entries), n)
	}
	for _, e := range entries {
		if e.Status != "ok" || !strings.HasPrefix(e.Node, "node-") {
			t.Errorf("%+v", e)
		}
	}
}
