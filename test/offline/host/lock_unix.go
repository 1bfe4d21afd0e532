//go:build unix

package host

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockPoll is the time between two tries. A blocking flock would be left behind in a thread when ctx ends.
const lockPoll = 100 * time.Millisecond

func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func waitLock(ctx context.Context, f *os.File) error {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
			if free, err := tryLock(f); free || err != nil {
				return err
			}
		}
	}
}
