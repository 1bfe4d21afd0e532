package offline

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newStore(t *testing.T) store {
	t.Helper()
	return store{dir: t.TempDir(), waiting: func(string) {}}
}

// writes returns an artifact that counts how often it is built.
func writes(name, k string, built *atomic.Int32) artifact {
	return artifact{name: name, key: k, build: func(_ context.Context, dir string) error {
		built.Add(1)
		return os.WriteFile(filepath.Join(dir, "file"), []byte(k), 0o644)
	}}
}

func TestEnsureBuildsOnce(t *testing.T) {
	s := newStore(t)
	var built atomic.Int32
	a := writes("bin/kubelet", key("1"), &built)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			dir, err := s.ensure(t.Context(), a)
			if err != nil {
				t.Error(err)
				return
			}
			if data, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(data) != a.key {
				t.Errorf("got %q, %v", data, err)
			}
		})
	}
	group.Wait()
	if built.Load() != 1 {
		t.Errorf("built %d times, want once", built.Load())
	}
	if _, err := s.ensure(t.Context(), writes("bin/kubelet", key("2"), &built)); err != nil || built.Load() != 2 {
		t.Errorf("another key: built %d times in all, error %v; want 2", built.Load(), err)
	}
}

func TestEnsureKeepsNothingHalfBuilt(t *testing.T) {
	s := newStore(t)
	boom := errors.New("boom")
	a := artifact{name: "userland", key: key("1"), build: func(_ context.Context, dir string) error {
		return errors.Join(os.WriteFile(filepath.Join(dir, "half"), nil, 0o644), boom)
	}}
	if _, err := s.ensure(t.Context(), a); !errors.Is(err, boom) {
		t.Fatalf("error %v, want that of the build", err)
	}
	if s.has(a) {
		t.Error("the failed build counts as done")
	}
	checkNoTemporary(t, s)
	// a run that is killed leaves its temporary folder behind; the next one removes it
	left := filepath.Join(s.dir, "tmp", "userland.tmp123")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	var built atomic.Int32
	if _, err := s.ensure(t.Context(), writes("userland", key("1"), &built)); err != nil || built.Load() != 1 {
		t.Fatalf("built %d times, error %v; want once", built.Load(), err)
	}
	checkNoTemporary(t, s)
}

func checkNoTemporary(t *testing.T, s store) {
	t.Helper()
	if entries, err := os.ReadDir(filepath.Join(s.dir, "tmp")); err != nil || len(entries) != 0 {
		t.Errorf("left in tmp: %v, %v", entries, err)
	}
}

func TestPrune(t *testing.T) {
	s := newStore(t)
	now := time.Now()
	old, recent := now.Add(-30*24*time.Hour), now.Add(-time.Hour)
	paths := map[string]time.Time{}
	add := func(when time.Time, parts ...string) string {
		dir := filepath.Join(append([]string{s.dir}, parts...)...)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		paths[dir] = when
		return dir
	}
	current := add(old, "artifacts", "bin", "kubelet", key("current"))
	otherBranch := add(recent, "artifacts", "bin", "kubelet", key("other"))
	add(old, "artifacts", "bin", "kubelet", key("gone"))
	add(old, "artifacts", "userland", key("gone"))
	add(old, "bin", key("gone"))
	notOurs := add(old, "docker")
	for dir, when := range paths {
		if err := os.Chtimes(dir, when, when); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.prune(map[string]bool{current: true}, now.Add(-unusedFor)); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for dir := range paths {
		if _, err := os.Stat(dir); err == nil {
			got[dir] = true
		}
	}
	if diff := cmp.Diff(map[string]bool{current: true, otherBranch: true, notOurs: true}, got); diff != "" {
		t.Errorf("kept (-want +got)\n%s", diff)
	}
	if err := (store{dir: t.TempDir()}).prune(nil, now); err != nil {
		t.Errorf("an empty cache: %v", err)
	}
}
