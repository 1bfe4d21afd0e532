package steps

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// Await calls look, at once and then at an interval, until nothing is pending any more, or look fails. If ctx ends first, the
// error says what Await waited for, why it stopped, and what was pending then.
func Await(ctx context.Context, every time.Duration, what string, look func(context.Context) (pending string, err error)) error {
	last := ""
	err := wait.PollUntilContextCancel(ctx, every, true, func(ctx context.Context) (bool, error) {
		pending, err := look(ctx)
		if err != nil {
			return false, err
		}
		if ctx.Err() == nil || last == "" { // a request that was cut off says nothing about the other side
			last = pending
		}
		return pending == "", nil
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && last != "":
		return fmt.Errorf("wait for %s: %w: %s", what, context.Cause(ctx), last)
	case ctx.Err() != nil:
		return fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
	default:
		return err
	}
}
