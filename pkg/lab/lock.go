package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/record"
)

// A command that changes a lab holds the lab's lock. The lock is a container that reads its standard input, and the command
// holds the other end. When the command ends, however and on whichever machine, the input ends, then the container, and the
// runtime removes it. So a lock never outlives its command, and its age does not matter.

// The purposes of locks.
const (
	forCreation = "creation"
	forDeletion = "deletion"
)

// How long a command waits for a lock before it gives up, and how often it tries. A lock may be about to go, with its command.
const (
	lockPatience = 3 * time.Second
	lockPoll     = 200 * time.Millisecond
)

// errBusy says that another command holds the lock of a lab.
var errBusy = errors.New("under way")

// errNoLock says that a lock could not be made, although it is free.
var errNoLock = errors.New("lock the lab")

// errLockLost says that somebody removed the lock while it was held.
var errLockLost = errors.New("somebody removed the lab's lock")

// lock is a lock that is held.
type lock struct {
	input *os.File      // closed: the lock is released
	ended chan struct{} // closed: the lock's container is gone
	err   error         // why it ended; set before ended is closed
}

// exclusively calls f while it holds the lock of a lab. The context of f ends if somebody removes the lock. Errors are errBusy,
// errNoLock or those of f. image is present and has a shell.
func (m *Manager) exclusively(ctx context.Context, lab, image, purpose string, f func(context.Context) error) error {
	l, err := m.lock(ctx, lab, image, purpose)
	if err != nil {
		return err
	}
	defer l.release()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-l.ended:
			cancel(fmt.Errorf("lab %q: %w, container %s", lab, errLockLost, record.LockName(lab)))
		case <-ctx.Done():
		}
	}()
	return f(ctx)
}

// lock takes the lock of a lab. It waits a moment for one that is held.
func (m *Manager) lock(ctx context.Context, lab, image, purpose string) (l *lock, err error) {
	// The time bounds the attempts and cuts none of them off: a name that is taken must stay so.
	_ = wait.PollUntilContextTimeout(ctx, lockPoll, lockPatience, true, func(context.Context) (bool, error) {
		l, err = m.tryLock(ctx, lab, image, purpose)
		return !errors.Is(err, container.ErrInUse), nil
	})
	if err != nil && ctx.Err() == nil {
		// Whatever the runtime said, only a lock that runs counts.
		cleared, clearErr := m.clearLock(ctx, lab, purpose)
		if clearErr != nil {
			err = clearErr
		} else if cleared || errors.Is(err, container.ErrInUse) { // or gone meanwhile
			l, err = m.tryLock(ctx, lab, image, purpose)
		}
	}
	switch {
	case err == nil:
		return l, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, errBusy):
		return nil, err
	default:
		return nil, fmt.Errorf("%w %q: %w", errNoLock, lab, err)
	}
}

// clearLock removes a lock whose command was killed before the container ran, and reports whether it did. The error is
// errBusy if the lock runs.
func (m *Manager) clearLock(ctx context.Context, lab, purpose string) (bool, error) {
	holders, err := m.Runtime.Inspect(ctx, record.LockName(lab))
	switch {
	case err != nil || len(holders) == 0:
		return false, err
	case record.LabOf(holders[0]) != lab:
		return false, fmt.Errorf("container %s is no lab's", holders[0].Name)
	case holders[0].State.Running:
		return false, busy(lab, purpose, holders[0])
	}
	return true, m.Runtime.Remove(ctx, holders[0].Name)
}

// busy says who holds the lock of a lab.
func busy(lab, purpose string, holder container.Container) error {
	other, article := holder.Labels[record.LabelPurpose], "a"
	if other == purpose {
		article = "another"
	}
	return fmt.Errorf("lab %q: %s %s is %w (since %s): wait until it ends, or stop it with Ctrl-C where it runs",
		lab, article, other, errBusy, holder.State.StartedAt.Local().Format(time.DateTime))
}

// tryLock takes the lock of a lab unless somebody has it; the error is then container.ErrInUse.
func (m *Manager) tryLock(ctx context.Context, lab, image, purpose string) (*lock, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	labels := maps.Clone(record.Labels(lab, record.RoleLock))
	labels[record.LabelPurpose] = purpose
	l, held := &lock{input: w, ended: make(chan struct{})}, make(chan struct{})
	go func() {
		defer close(l.ended)
		// The line that it prints says that the lock is held: the container runs.
		l.err = m.Runtime.Run(context.WithoutCancel(ctx), container.Spec{
			Name: record.LockName(lab), Image: image, Labels: labels, Network: "none", Entrypoint: "sh", Args: []string{"-c", "echo; exec cat"},
		}, r, &firstWrite{then: func() { close(held) }})
		_ = r.Close() // it has no reader any more
	}()
	select {
	case <-held:
		return l, nil
	case <-l.ended:
		_ = w.Close() // it has no reader
		return nil, errors.Join(l.err, ctx.Err())
	case <-ctx.Done():
		l.release()
		return nil, context.Cause(ctx)
	}
}

// release ends the lock and waits a moment until its container is gone.
func (l *lock) release() {
	_ = l.input.Close() // a pipe: nothing is lost
	select {
	case <-l.ended:
	case <-time.After(lockPatience):
	}
}

// firstWrite calls a function at the first write.
type firstWrite struct {
	once sync.Once
	then func()
}

var _ io.Writer = (*firstWrite)(nil)

func (f *firstWrite) Write(p []byte) (int, error) {
	if len(p) > 0 {
		f.once.Do(f.then)
	}
	return len(p), nil
}
