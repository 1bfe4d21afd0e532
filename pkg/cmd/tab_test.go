package cmd

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// TestTABRunsNothing completes every kind of name from sources that are hostile: an API server, a kubeconfig, a folder.
func TestTABRunsNothing(t *testing.T) {
	t.Chdir(t.TempDir())
	evil := []string{"demo$(touch x)", "demo`touch x`", "demo;x", "demo x", "demo\nx", "demo\x1b[2J", "demo\u202e", "demo'x", "demo\\x", "~demo", "=demo"}
	for _, name := range evil {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := "apiVersion: v1\nkind: Config\ncontexts:\n- {name: good, context: {}}\n- {name: '$(touch x)', context: {}}\n"
	if err := os.WriteFile("kubeconfig", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", "kubeconfig")
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Accept"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadataList","items":[` +
			`{"metadata":{"name":"good"}},{"metadata":{"name":"$(touch x)"}},{"metadata":{"name":"a\\n:4"}},{"metadata":{"name":"x\\t$(x)"}}]}`))
	}))
	defer server.Close()
	for _, line := range [][]string{
		{"pods"}, {"services"}, {"nodes"}, {"trace"}, {"trace", "--from"}, {"fdb", "--node"}, {"pods", "-n"}, {"pods", "--snapshot"}, {"pods", "--context"},
	} {
		words := slices.Concat([]string{"__complete", line[0], "--server=" + server.URL}, line[1:], []string{""})
		code, out, _ := run(t, words...)
		if code != 0 || !strings.HasSuffix(out, "\n") {
			t.Errorf("%q: code %d, candidates\n%q", line, code, out)
		}
		for text := range strings.Lines(out) {
			if candidate, _, _ := strings.Cut(text, "\t"); strings.ContainsAny(candidate, "$`;'\\\x1b\u202e ~") {
				t.Errorf("%q: candidate %q", line, candidate)
			}
		}
	}
	for _, accept := range asked {
		if !strings.Contains(accept, "as=PartialObjectMetadataList") {
			t.Errorf("TAB asks for more than names: %s", accept)
		}
	}
}

// TestTABReadsNamesOfSnapshots offers the names of a snapshot that are names, and nothing of what is none.
func TestTABReadsNamesOfSnapshots(t *testing.T) {
	dir := t.TempDir()
	recorded, broken := filepath.Join(dir, "lab"), filepath.Join(dir, "broken")
	snapshot := it.With(func(s *inspect.Snapshot) { s.Services[len(s.Services)-1].Name = "$(touch x)" })
	if err := errors.Join(snapfile.WriteFile(t.Context(), recorded, snapshot), os.WriteFile(broken, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ file, typed, want string }{
		{recorded, "svc/", "svc/multitool-dual-stack\n"}, {"demo", "svc/", "svc/multitool-dual-stack\n"}, {recorded, "pod/", "pod/multitool-worker\n"},
		{broken, "", ""}, {dir, "", ""}, {filepath.Join(dir, "nothing"), "", ""}, {"-", "", ""},
	} {
		code, out, _ := run(t, "__complete", "trace", "--snapshot", test.file, test.typed)
		if code != 0 || strings.Contains(out, "touch") || test.want == "" && out != ":4\n" || !strings.Contains(out, test.want) {
			t.Errorf("%s, %q: code %d, %q", test.file, test.typed, code, out)
		}
	}
}

// TestWriteCandidates holds the filter itself.
func TestWriteCandidates(t *testing.T) {
	var out strings.Builder
	in := "pod/a\nfd00::1\narn:aws:eks:eu-1:12:cluster/x\nuser@host\ncustom-columns=\n--family\tShow (ipv4)\nä\n$(x)\n`x`\na b\n~x\n=x\na'b\na\"b\na&b\n{a,b}\n*\na!b\nd\t$(x)\n\u202e\n:4\n"
	want := "pod/a\nfd00::1\narn:aws:eks:eu-1:12:cluster/x\nuser@host\ncustom-columns=\n--family\tShow (ipv4)\nä\nd\n:4\n"
	if err := command.WriteCandidates(&out, in); err != nil || out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
