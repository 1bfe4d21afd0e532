package offline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline/host"
)

// unusedFor is how long an artifact with another key than today's is kept after its last use: other checkouts and
// branches share the cache.
const unusedFor = 14 * 24 * time.Hour

// store keeps artifacts, each in a folder artifacts/NAME/KEY. A folder that is there is complete: it is built aside and
// renamed.
type store struct {
	dir     string
	waiting func(name string) // is told that another process is building the artifact
}

// artifact is something that is built once and kept.
type artifact struct {
	name  string // may have folders: "bin/kubelet"
	key   string
	build func(ctx context.Context, dir string) error // fills the empty folder dir
}

// path returns the artifact's folder, whether it is there or not.
func (s store) path(a artifact) string { return filepath.Join(s.dir, "artifacts", a.name, a.key) }

// has tells whether the artifact is there.
func (s store) has(a artifact) bool {
	_, err := os.Stat(s.path(a))
	return err == nil
}

// ensure returns the artifact's folder and builds it where it is missing.
func (s store) ensure(ctx context.Context, a artifact) (string, error) {
	dir := s.path(a)
	if s.has(a) {
		return dir, touch(dir)
	}
	unlock, err := s.lock(ctx, a.name)
	if err != nil {
		return "", err
	}
	defer unlock()
	if s.has(a) { // somebody else has built it while we waited
		return dir, touch(dir)
	}
	temp, err := s.temporary(a.name)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	if err := a.build(ctx, temp); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("keep %s: %w", a.name, err)
	}
	if err := os.Rename(temp, dir); err != nil {
		return "", fmt.Errorf("keep %s: %w", a.name, err)
	}
	return dir, nil
}

// lock keeps other processes from doing the same at the same time.
func (s store) lock(ctx context.Context, name string) (unlock func(), err error) {
	file := filepath.Join(s.dir, "locks", strings.ReplaceAll(name, "/", "-"))
	return host.Lock(ctx, file, func() { s.waiting(name) })
}

// temporary returns a new folder, on the same file system, to build name in. What killed runs have left of it is
// removed; the caller holds the lock.
func (s store) temporary(name string) (string, error) {
	parent := filepath.Join(s.dir, "tmp")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	prefix := strings.ReplaceAll(name, "/", "-") + ".tmp"
	left, err := filepath.Glob(filepath.Join(parent, prefix+"*"))
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	for _, old := range left {
		_ = os.RemoveAll(old) // at worst it takes up room
	}
	dir, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	return dir, os.Chmod(dir, 0o755)
}

// prune removes what nobody has used for a while, but for the folders in keep. A removal that fails is left to the next
// run: room on the disk is all that is lost.
func (s store) prune(keep map[string]bool, before time.Time) error {
	visit := func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("prune the cache: %w", err)
		}
		if !d.IsDir() || !isKey(d.Name()) {
			return nil
		}
		if info, err := d.Info(); err == nil && !keep[name] && info.ModTime().Before(before) {
			_ = os.RemoveAll(name)
		}
		return fs.SkipDir
	}
	return errors.Join(filepath.WalkDir(filepath.Join(s.dir, "artifacts"), visit),
		filepath.WalkDir(filepath.Join(s.dir, "bin"), visit))
}

// isKey tells whether the folder's name is one that key gives.
func isKey(name string) bool {
	return len(name) == len(key()) && strings.Trim(name, "0123456789abcdef") == ""
}

// touch notes that the artifact was used. Somebody else's cache may be read only; it is used all the same.
func touch(dir string) error {
	now := time.Now()
	if err := os.Chtimes(dir, now, now); err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("note the use of %s: %w", dir, err)
	}
	return nil
}
