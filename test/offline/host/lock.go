package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// Lock takes the lock that the file name stands for and returns what gives it back. Where another process has it, Lock
// calls waiting once and waits, until ctx ends. The lock ends with its process, however that ends; the file stays.
func Lock(ctx context.Context, name string, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	free, err := tryLock(f)
	if err == nil && !free {
		waiting()
		err = waitLock(ctx, f)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}
