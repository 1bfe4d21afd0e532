package snapfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.snapshot")
	for range 2 { // the second time over the first
		if err := snapfile.WriteFile(t.Context(), path, inspecttest.Sample()); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if _, err := snapfile.ReadFile(t.Context(), path); err != nil {
		t.Error(err)
	}
	checkEntries(t, dir, "a.snapshot")

	link := filepath.Join(dir, "link")
	if err := os.Symlink("a.snapshot", link); err != nil {
		t.Fatal(err)
	}
	if err := snapfile.WriteFile(t.Context(), link, &inspect.Snapshot{}); err != nil {
		t.Fatal(err)
	}
	if _, err := snapfile.ReadFile(t.Context(), path); err != nil {
		t.Errorf("a smaller snapshot over a larger one: %v", err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
	checkEntries(t, dir, "a.snapshot", "link")
}

// TestWriteFileFails: what was there stays, and nothing else is left.
func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.snapshot")
	if err := snapfile.WriteFile(t.Context(), path, inspecttest.Sample()); err != nil {
		t.Fatal(err)
	}
	bad := inspecttest.Sample()
	bad.Taken = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) // has no place in JSON
	if err := snapfile.WriteFile(t.Context(), path, bad); err == nil {
		t.Error("no error")
	}
	if _, err := snapfile.ReadFile(t.Context(), path); err != nil {
		t.Error(err)
	}
	checkEntries(t, dir, "a.snapshot")
	if err := snapfile.WriteFile(t.Context(), filepath.Join(dir, "none", "a"), inspecttest.Sample()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// TestWriteFileToDevice: what is not a file is written to, not replaced.
func TestWriteFileToDevice(t *testing.T) {
	if err := snapfile.WriteFile(t.Context(), os.DevNull, inspecttest.Sample()); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s was replaced: %v", os.DevNull, err)
	}
}

func checkEntries(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
