// Package exit holds the exit codes of the program and the errors that choose them. Commands return these errors; only
// pkg/cmd.Main turns an error into a code and a message.
package exit

import (
	"errors"
	"fmt"
)

// The codes with which the program ends.
const (
	OK          = 0   // ran, nothing wrong
	Error       = 1   // could not run: usage, no cluster, refused
	Findings    = 2   // ran, and something is not as expected
	Interrupted = 130 // Ctrl-C, as shells count it: 128 + SIGINT
)

// ErrSilent makes the program end with code 1 without a message, for commands that have printed one already.
var ErrSilent = errors.New("already reported")

// UsageError is a command line that cannot be run as it stands. The message that follows names the command's help.
type UsageError struct {
	// Command is the full path of the command ("kubectl dualstack pods"); the root fills it in if it is empty.
	Command string
	Err     error
}

// Usagef returns a UsageError with a message of its own.
func Usagef(format string, args ...any) error { return &UsageError{Err: fmt.Errorf(format, args...)} }

// Usage marks err as a mistake of the command line; nil stays nil, and a UsageError stays as it is.
func Usage(err error) error {
	if usage := (*UsageError)(nil); err == nil || errors.As(err, &usage) {
		return err
	}
	return &UsageError{Err: err}
}

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the mistake itself.
func (e *UsageError) Unwrap() error { return e.Err }

// FindingsError says that the command ran and found something wrong, which it has printed: code 2.
type FindingsError struct {
	// Summary is one line for standard error ("3 of 24 entries are not as expected"); empty prints nothing.
	Summary string
}

// Error implements error.
func (e *FindingsError) Error() string { return e.Summary }

// FindingsIf returns a FindingsError with the summary when bad is not zero, else nil.
func FindingsIf(bad int, format string, args ...any) error {
	if bad == 0 {
		return nil
	}
	return &FindingsError{Summary: fmt.Sprintf(format, args...)}
}
