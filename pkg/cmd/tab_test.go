package cmd

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
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
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Accept"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadataList","items":[` +
			`{"metadata":{"name":"good"}},{"metadata":{"name":"$(touch x)"}},{"metadata":{"name":"a\\n:4"}},{"metadata":{"name":"x\\t$(x)"}}]}`))
	}))
	defer server.Close()
	for _, line := range [][]string{
		{"pods"}, {"services"}, {"nodes"}, {"trace"}, {"trace", "--from"}, {"fdb", "--node"}, {"pods", "-n"}, {"pods", "--snapshot"},
	} {
		words := slices.Concat([]string{"__complete", line[0], "--server=" + server.URL}, line[1:], []string{""})
		code, out, _ := run(t, words...)
		if code != 0 || strings.ContainsAny(out, "$`;'\\\x1b\u202e ~") && !strings.Contains(out, "\tthe recording") || !strings.HasSuffix(out, "\n") {
			t.Errorf("%q: code %d, candidates\n%q", line, code, out)
		}
	}
	for _, accept := range asked {
		if !strings.Contains(accept, "as=PartialObjectMetadataList") {
			t.Errorf("TAB asks for more than names: %s", accept)
		}
	}
}

// TestTABReadsNoSnapshot has TAB look at a file that nobody could read without being noticed: it is not there.
func TestTABReadsNoSnapshot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pipe")
	for _, line := range [][]string{{"trace"}, {"pods"}, {"fdb", "--node"}} {
		words := slices.Concat([]string{"__complete", line[0], "--snapshot", file}, line[1:], []string{""})
		if code, out, errOut := run(t, words...); code != 0 || out != ":4\n" {
			t.Errorf("%q: code %d, %q, %q", words, code, out, errOut)
		}
	}
	if _, out, _ := run(t, "__complete", "trace", "--snapshot", "demo", "svc/"); !strings.Contains(out, "svc/multitool-dual-stack\n") {
		t.Errorf("the demo completes %q", out)
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
