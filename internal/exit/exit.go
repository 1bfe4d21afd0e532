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

// UsageError is a mistake of the command line. Its message is followed by one that names the command's help.
type UsageError struct {
	// Command is the full path of the command ("kubectl dualstack pods"); the root command sets it if it is empty.
	Command string
	Err     error
}

// Usagef returns a UsageError with a formatted message.
func Usagef(format string, args ...any) error { return &UsageError{Err: fmt.Errorf(format, args...)} }

// Usage wraps err in a UsageError. It returns nil and UsageErrors unchanged.
func Usage(err error) error {
	if usage := (*UsageError)(nil); err == nil || errors.As(err, &usage) {
		return err
	}
	return &UsageError{Err: err}
}

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *UsageError) Unwrap() error { return e.Err }

// FindingsError ends a command that found something wrong and has printed it: code 2.
type FindingsError struct {
	// Summary is one line for standard error ("3 of 24 entries are not as expected"); empty prints nothing.
	Summary string
}

// Error implements error.
func (e *FindingsError) Error() string { return e.Summary }

// FindingsIf returns a FindingsError with the summary if bad is not zero, otherwise nil.
func FindingsIf(bad int, format string, args ...any) error {
	if bad == 0 {
		return nil
	}
	return &FindingsError{Summary: fmt.Sprintf(format, args...)}
}
