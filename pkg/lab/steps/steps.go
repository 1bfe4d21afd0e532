// Package steps runs a plan: named steps, several at once. A step may start as soon as those that it follows are done. When one
// fails or the caller gives up, the steps that were begun are undone in reverse order.
package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
)

// Step is one step of a plan.
type Step struct {
	Name  string
	After []string // names of steps that must be done before
	// Done reports whether there is nothing to do; nil: the step is always done.
	Done func(context.Context) (bool, error)
	// Do does the step, a part of which may be done already. detail shows what it is busy with.
	Do func(ctx context.Context, detail func(string)) error
	// Undo removes what Do made, or a part of it; nil: there is nothing to remove.
	Undo func(context.Context) error
}

// Plan is a list of steps.
type Plan []Step

// undoTimeout bounds the time that undoing a plan may take, after the caller's own context has ended.
const undoTimeout = 2 * time.Minute

// Run runs the plan and returns the first error. Unless retain is set, it then undoes the steps that were begun, and joins the
// errors of that to the first. It does not undo steps that were found done: somebody else did them.
func (p Plan) Run(ctx context.Context, r *status.Reporter, retain bool) error {
	if err := p.check(); err != nil {
		return err
	}
	run := &execution{reporter: r, done: map[string]chan struct{}{}}
	for _, s := range p {
		run.done[s.Name] = make(chan struct{})
	}
	runCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for _, s := range p {
		all.Go(func() {
			if err := run.step(runCtx, s); err != nil {
				cancel(err) // the first one stays; the others only say that they were stopped
			}
		})
	}
	all.Wait()
	err := context.Cause(runCtx)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx) // interrupted: the steps' errors about it are of no use
	}
	if retain {
		return err
	}
	undoCtx, stop := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
	defer stop()
	return errors.Join(err, run.undo(undoCtx))
}

// check makes sure that every step that is waited for comes earlier in the plan, so that a plan cannot wait for itself.
func (p Plan) check() error {
	var seen []string
	for _, s := range p {
		for _, a := range s.After {
			if !slices.Contains(seen, a) {
				return fmt.Errorf("plan: step %q follows %q, which does not come before it", s.Name, a)
			}
		}
		if slices.Contains(seen, s.Name) {
			return fmt.Errorf("plan: two steps are called %q", s.Name)
		}
		seen = append(seen, s.Name)
	}
	return nil
}

type execution struct {
	reporter *status.Reporter
	done     map[string]chan struct{}

	mu    sync.Mutex
	begun []Step
}

func (e *execution) step(ctx context.Context, s Step) error {
	for _, a := range s.After {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-e.done[a]:
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if s.Done != nil {
		done, err := s.Done(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		if done {
			e.reporter.Infof(" ✓ %s (already done)", s.Name)
			close(e.done[s.Name])
			return nil
		}
	}
	e.mu.Lock()
	e.begun = append(e.begun, s)
	e.mu.Unlock()
	show := e.reporter.Start(s.Name)
	if err := show.Done(s.Do(ctx, show.Detail)); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	close(e.done[s.Name])
	return nil
}

// undo removes what was begun, the last first. It goes on when a step cannot be undone.
func (e *execution) undo(ctx context.Context) error {
	var errs []error
	for _, s := range slices.Backward(e.begun) {
		if s.Undo == nil {
			continue
		}
		show := e.reporter.Start("undo " + s.Name)
		if err := show.Done(s.Undo(ctx)); err != nil {
			err = fmt.Errorf("undo %s: %w", s.Name, err)
			e.reporter.Infof("%v", err) // also where the caller was interrupted and says no more
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
