package access

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// attempts is how often Retry tries if a failure proves nothing.
const attempts = 3

// DefaultPause is the time before the second attempt, doubled for each further one.
const DefaultPause = time.Second / 5

// ErrInconclusive is wrapped by errors about output that proves nothing: empty, or cut off. Trying again may help.
var ErrInconclusive = errors.New("inconclusive")

// Retry calls f until it succeeds or fails permanently (IsPermanent), three times at most.
func Retry(ctx context.Context, pause time.Duration, f func() error) error {
	var last error
	backoff := wait.Backoff{Duration: pause, Factor: 2, Steps: attempts}
	err := wait.ExponentialBackoffWithContext(ctx, backoff, func(context.Context) (bool, error) {
		last = f()
		if IsPermanent(last) {
			return false, last
		}
		return last == nil, nil
	})
	if ctx.Err() == nil && wait.Interrupted(err) {
		return last
	}
	return err
}

// Permanent marks an error as one that trying again will not change.
func Permanent(err error) error { return permanentError{err} }

// IsPermanent reports whether an error was marked by Permanent.
func IsPermanent(err error) bool { return errors.As(err, new(permanentError)) }

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }
