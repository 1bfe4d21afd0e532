package cmd

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// hostileMessage has commands of CI systems at the begin of lines, and is longer than anybody reads.
const hostileMessage = "refused\n::error::x\r\n  ::set-output name=a::b\u2028::error::y ##vso[task.setvariable]z\x1b[2J"

// holdsOneLine looks for what may not be on standard error.
func holdsOneLine(t *testing.T, errOut string) {
	t.Helper()
	if len(errOut) > 64<<10 {
		t.Errorf("standard error has %d bytes", len(errOut))
	}
	for line := range strings.Lines(errOut) {
		if regexp.MustCompile(`^\s*::|##(vso)?\[|[\x1b\r\x{2028}]`).MatchString(line) {
			t.Errorf("a CI system or a terminal obeys %q", line)
		}
	}
}

// TestOneLineStaysOneLine has an API server refuse everything with a hostile message, and a snapshot give hostile reasons,
// to every command that reads either.
func TestOneLineStaysOneLine(t *testing.T) {
	message := strings.Repeat(hostileMessage, 10<<20/len(hostileMessage)) // the first answer; then shorter ones
	var answered atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Add("Warning", `299 - "x ##vso[task.x] ::error::x"`)
		w.WriteHeader(http.StatusForbidden)
		message := message
		if answered.Add(1) > 1 {
			message = message[:16<<10]
		}
		_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, // the client may have hung up
			Status: metav1.StatusFailure, Reason: metav1.StatusReasonForbidden, Message: message, Code: http.StatusForbidden})
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "lab.snapshot")
	snapshot := it.With(func(s *inspect.Snapshot) {
		for _, fact := range inspect.Facts() {
			s.Missing = append(s.Missing, inspect.Missing{Fact: fact, Reason: strings.Repeat(hostileMessage, 1000)})
		}
	})
	if err := snapfile.WriteFile(t.Context(), file, snapshot); err != nil {
		t.Fatal(err)
	}
	for _, command := range append(names(), "graph", "check", "trace --dry-run", "snapshot "+filepath.Join(t.TempDir(), "out")) {
		for _, source := range []string{"--server=" + server.URL, "--snapshot=" + file} {
			_, _, errOut := run(t, append(strings.Fields(command), source)...)
			if errOut == "" {
				t.Errorf("%s %s says nothing", command, source)
			}
			holdsOneLine(t, errOut)
		}
	}
}

// TestJoinedErrors: each of the errors that we join has a line, and nobody else's line break makes one.
func TestJoinedErrors(t *testing.T) {
	hostile := errors.New(hostileMessage)
	for _, test := range []struct {
		err   error
		lines int
	}{
		{hostile, 1},
		{errors.Join(hostile, hostile), 2},
		{exit.Usage(errors.Join(hostile, errors.Join(hostile, hostile))), 4},
		{fmt.Errorf("both: %w", errors.Join(hostile, hostile)), 1},
		{fmt.Errorf("both: %w, %w", hostile, hostile), 1},
		{&exit.FindingsError{Summary: hostileMessage}, 1},
	} {
		var out strings.Builder
		report(t.Context(), &out, test.err)
		holdsOneLine(t, out.String())
		if n := strings.Count(out.String(), "\n"); n != test.lines {
			t.Errorf("%d lines, want %d:\n%s", n, test.lines, out.String())
		}
	}
}

// TestOneWriterOfMessages holds that nothing writes to standard error but internal/message.
func TestOneWriterOfMessages(t *testing.T) {
	write := regexp.MustCompile(`Fprint\w*\([^,\n]*(ErrOut|os\.Stderr)|os\.Stderr\.Write|ErrOut\.Write`)
	for _, folder := range []string{"pkg", "internal", "cmd"} {
		err := filepath.WalkDir(filepath.Join("..", "..", folder), func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			source, err := os.ReadFile(path)
			if found := write.Find(source); found != nil {
				t.Errorf("%s: %s: write it with internal/message", path, found)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
