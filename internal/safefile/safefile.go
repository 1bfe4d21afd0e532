// Package safefile writes files that only their owner may read, as a whole or not at all, into folders where others may
// have left links or pipes.
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

// Write writes the output of write to the file of a path. The new file, of mode 0600, replaces an older one once it is
// complete; after an error the older one stays. Write follows a symbolic link, and writes to something that is not a file
// (a pipe, a device) and keeps it, but only if the user or root made it: in a shared folder anybody may put a link to a
// file of yours under a name that you will use, or a pipe that they read. When the context ends before the file is
// complete, the error is its cause.
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

// resolve follows the links of a path, and returns the file at its end; nil: no file.
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
				return path, is, nil // the kernel's own, as /dev/stdout is for a pipe: only the kernel knows what is behind it
			}
		}
		path = target
	}
	return "", nil, fmt.Errorf("%s: too many links", path)
}

// writeTo writes to something that is not a file. It must not have changed since resolve.
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
