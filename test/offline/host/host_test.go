//go:build unix

package host

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
)

func TestDebianRelease(t *testing.T) {
	tests := []struct {
		release string
		want    bool
	}{
		{"PRETTY_NAME=\"Debian GNU/Linux 13\"\nID=debian\n", true},
		{"ID=\"debian\"\n", true},
		{"ID=ubuntu\nID_LIKE=debian\n", false},
		{"", false},
	}
	for _, tt := range tests {
		if got := debianRelease(tt.release); got != tt.want {
			t.Errorf("%q: got %t, want %t", tt.release, got, tt.want)
		}
	}
}

func TestRequireNothingMissing(t *testing.T) {
	var b bytes.Buffer
	fake := &run.Fake{} // any command is an error
	if err := Require(t.Context(), fake, status.New(&b), Tool{Program: "sh", Packages: []string{"dash"}}); err != nil {
		t.Fatal(err)
	}
	if b.Len() > 0 {
		t.Errorf("printed %q, want nothing", b.String())
	}
}

func TestAvailable(t *testing.T) {
	fake := &run.Fake{}
	fake.Answer("apt-cache policy docker-cli", "", nil)
	fake.Answer("apt-cache policy virtual", "virtual:\n  Candidate: (none)\n", nil)
	fake.Answer("apt-cache policy docker.io", "docker.io:\n  Candidate: 20.10\n", nil)
	got, err := available(t.Context(), fake, Tool{Program: "docker", Packages: []string{"docker-cli", "virtual", "docker.io"}})
	if err != nil || got != "docker.io" {
		t.Errorf("got %q, %v; want docker.io", got, err)
	}
	_, err = available(t.Context(), fake, Tool{Program: "docker", Packages: []string{"docker-cli"}})
	if err == nil || !strings.Contains(err.Error(), "docker-cli") {
		t.Errorf("error %v, want one that names the package", err)
	}
}

func TestLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "locks", "a")
	unlock, err := Lock(t.Context(), name, func() { t.Error("waited for a lock that nobody has") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	if _, err := Lock(ctx, name, func() { cancel(gone) }); !errors.Is(err, gone) {
		t.Errorf("second lock: error %v, want the cause of the end", err)
	}
	waits := 0
	again, err := Lock(t.Context(), name, func() { waits++; unlock() })
	if err != nil || waits != 1 {
		t.Fatalf("third lock: waited %d times, error %v", waits, err)
	}
	again()
}
