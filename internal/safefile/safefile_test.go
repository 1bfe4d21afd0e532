//go:build unix

package safefile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// TestPlantedLinks: a link or a pipe that another user made is not written through, and what is behind it stays.
func TestPlantedLinks(t *testing.T) {
	dir := t.TempDir()
	mine := filepath.Join(dir, "mine")
	if err := os.WriteFile(mine, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link, chain, pipe := filepath.Join(dir, "link"), filepath.Join(dir, "chain"), filepath.Join(dir, "pipe")
	for _, err := range []error{os.Symlink("mine", link), os.Symlink("link", chain), syscall.Mkfifo(pipe, 0o666)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	owner := os.Geteuid()
	if owner == 0 { // what root made is trusted
		owner = 1
		for _, path := range []string{link, chain, pipe} {
			if err := os.Lchown(path, owner, owner); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, path := range []string{link, chain, pipe} {
		if err := writeAs(t.Context(), path, owner+1, text("secret")); err == nil || !strings.Contains(err.Error(), "another user put it there") {
			t.Errorf("%s: error %v", path, err)
		}
	}
	if b, err := os.ReadFile(mine); err != nil || string(b) != "precious" {
		t.Errorf("the file behind the link holds %q, error %v", b, err)
	}
	// The user's own links are followed, and stay.
	if err := writeAs(t.Context(), chain, owner, text("new")); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(mine); err != nil || string(b) != "new" {
		t.Errorf("the file behind the user's own link holds %q, error %v", b, err)
	}
	if info, err := os.Lstat(chain); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v, %v", info, err)
	}
}

// TestWriteWholeOrNot: the file is its owner's alone; after an error the old one stays, and nothing beside it.
func TestWriteWholeOrNot(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	if err := Write(t.Context(), path, func(w io.Writer) error { return errors.Join(text("half")(w), broken) }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("after an error the file holds %q", b)
	}
	if err := Write(t.Context(), path, text("new")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("%d files are left, error %v", len(entries), err)
	}
	if err := Write(t.Context(), os.DevNull, text("x")); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%s was replaced: %v", os.DevNull, err)
	}
	if err := Write(t.Context(), filepath.Join(dir, "none", "a"), text("x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// TestStdout: /dev/stdout leads to a pipe by links that only the kernel can follow.
func TestStdout(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/dev/fd/%d", w.Fd())
	if _, err := os.Stat(path); err != nil {
		t.Skipf("there is no %s: %v", path, err)
	}
	if err := Write(t.Context(), path, text("hello")); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	if b, err := io.ReadAll(r); err != nil || string(b) != "hello" {
		t.Errorf("got %q, error %v", b, err)
	}
}
