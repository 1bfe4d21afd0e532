// Package safefile writes files that only their owner may read, as a whole or not at all, into folders in which others may
// have prepared something.
package safefile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/interrupt"
)

// Write writes what write gives to the file of a path. What stood there before is replaced once the new file, of mode 0600,
// is complete; after an error it stays. A symbolic link is followed, and something that is not a file (a pipe, a device) is
// written to and stays what it is, but only where the user or root made it: in a shared folder anybody may put a link to a
// file of yours under a name that you will use, or a pipe that he reads. When the context ends before the file is complete,
// the error is its cause.
func Write(ctx context.Context, path string, write func(io.Writer) error) error {
	return writeAs(ctx, path, os.Geteuid(), write)
}

// writeAs is Write by a user.
func writeAs(ctx context.Context, path string, user int, write func(io.Writer) error) error {
	target, info, err := resolve(path, user)
	if err != nil {
		return err
	}
	if info != nil && !info.Mode().IsRegular() {
		return writeTo(ctx, target, info, write)
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*") // of mode 0600
	if err != nil {
		return err
	}
	err = write(interrupt.Writer(ctx, f))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), target)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// resolve follows the links of a path, and returns what is at its end; nil: nothing.
func resolve(path string, user int) (string, os.FileInfo, error) {
	for range 40 { // as many as a kernel follows
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path, nil, nil
		case err != nil:
			return "", nil, err
		case info.Mode().IsRegular():
			return path, info, nil
		case !ownedBy(info, user):
			return "", nil, fmt.Errorf("%s is not a file, and another user put it there: remove it, or name another file", path)
		case info.Mode()&os.ModeSymlink == 0:
			return path, info, nil
		}
		target, err := os.Readlink(path)
		if err != nil {
			return "", nil, err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		if is, err := os.Stat(path); err == nil {
			if _, err := os.Lstat(target); err != nil {
				return path, is, nil // the kernel's own, as /dev/stdout is for a pipe: only it knows what is behind it
			}
		}
		path = target
	}
	return "", nil, fmt.Errorf("%s: too many links", path)
}

// writeTo writes to something that is not a file, which must still be what it was.
func writeTo(ctx context.Context, path string, was os.FileInfo, write func(io.Writer) error) error {
	f, err := interrupt.Do(ctx, func() (*os.File, error) { return os.OpenFile(path, os.O_WRONLY, 0) }) // a pipe may have no reader yet
	if err != nil {
		return err
	}
	defer f.Close()
	if is, err := f.Stat(); err != nil || !os.SameFile(was, is) {
		return fmt.Errorf("%s was replaced while it was opened", path)
	}
	return write(interrupt.Writer(ctx, f))
}
