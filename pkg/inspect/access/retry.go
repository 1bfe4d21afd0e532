package access

import (
	"context"
	"errors"
	"time"
)

// attempts is how often something is tried where a failure proves nothing.
const attempts = 3

// DefaultPause is the time before the second attempt, doubled for each further one.
const DefaultPause = time.Second / 5

// ErrInconclusive is wrapped by errors that say that an output proves nothing: it is empty, or cut off. Trying again may
// help.
var ErrInconclusive = errors.New("inconclusive")

// Retry calls f until it succeeds or fails for good, three times at most. What IsPermanent is for good.
func Retry(ctx context.Context, pause time.Duration, f func() error) error {
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := f()
		if err == nil || IsPermanent(err) || attempt == attempts {
			return err
		}
		select {
		case <-time.After(pause << (attempt - 1)):
		case <-ctx.Done():
		}
	}
}

// Permanent marks an error as one that trying again will not change.
func Permanent(err error) error { return permanentError{err} }

// IsPermanent reports whether an error was marked by Permanent.
func IsPermanent(err error) bool { return errors.As(err, new(permanentError)) }

type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }
