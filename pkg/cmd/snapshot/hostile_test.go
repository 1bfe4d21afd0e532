package snapshot

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
)

// TestNothingGathered: a server that is none of a cluster leaves an older file as it was, whatever it answers.
func TestNothingGathered(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("KUBECONFIG", "/dev/null")
	for name, answer := range map[string]http.HandlerFunc{
		"404":        http.NotFound,
		"404 status": answers(http.StatusNotFound, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`),
		"null":       answers(http.StatusOK, "null"),
		"{}":         answers(http.StatusOK, "{}"),
		"empty list": answers(http.StatusOK, `{"kind":"List","apiVersion":"v1","items":[]}`),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile("file", []byte("a good file"), 0o600); err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(answer)
			defer server.Close()
			config := genericclioptions.NewConfigFlags(false)
			config.APIServer = &server.URL
			streams, _, _, errOut := genericiooptions.NewTestIOStreams()
			cmd := NewCmdSnapshot(NewFlags(inspector.NewFlags(config, streams)), func(ctx context.Context, o *Options) error { return o.Run(ctx) })
			cmd.SilenceErrors, cmd.SilenceUsage = true, true
			cmd.SetArgs([]string{"file"})
			if err := cmd.ExecuteContext(t.Context()); err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, %s", err, errOut)
			}
			if b, err := os.ReadFile("file"); err != nil || string(b) != "a good file" {
				t.Errorf("the file holds %.80q, error %v", b, err)
			}
			onlyFile(t, "file")
		})
	}
}

func answers(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}
