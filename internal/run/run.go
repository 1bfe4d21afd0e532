// Package run starts commands of the host. All code that starts one takes a Runner, so that tests can answer instead.
// The package knows nothing about the commands.
package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// Cmd is a command to run. No part of it goes through a shell.
type Cmd struct {
	Name  string
	Args  []string
	Dir   string    // empty: the caller's
	Env   []string  // added to the caller's environment
	Stdin io.Reader // nil: none
	// Stderr receives the standard error as it comes, for callers that watch it. The Error has it too.
	Stderr io.Writer
	// Stdout receives the standard output as it comes; Run then returns none.
	Stdout io.Writer
}

// String returns the command for a log. It is not meant to be pasted into a shell.
func (c Cmd) String() string { return strings.Join(append([]string{c.Name}, c.Args...), " ") }

// Runner runs commands.
type Runner interface {
	// Run waits for the command to end and returns its standard output. A command that ran and did not exit with 0 gives
	// an *Error; one that ctx ended gives an error that wraps ctx's.
	Run(ctx context.Context, c Cmd) ([]byte, error)
}

// Error is a command that ran and failed.
type Error struct {
	Cmd    Cmd
	Code   int    // exit code; -1: ended by a signal
	Stderr string // trimmed
}

// Error names the command, its verb, and the last line of its standard error, where programs say why they failed.
func (e *Error) Error() string {
	verb := ""
	if len(e.Cmd.Args) > 0 {
		verb = " " + e.Cmd.Args[0]
	}
	return fmt.Sprintf("%s%s: %s", e.Cmd.Name, verb, e.Reason())
}

// Reason returns the last line of the standard error, or the exit code if there is none.
func (e *Error) Reason() string {
	lines := strings.Split(strings.TrimSpace(e.Stderr), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return last
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// stopGrace is how long a command may take to end after it was told to, before it is killed.
const stopGrace = 5 * time.Second

// Host runs commands on this machine.
type Host struct{}

var _ Runner = Host{}

// Run implements Runner. When ctx ends, the command is asked to end (SIGTERM) and killed a little later. It runs in a
// process group of its own, so that Ctrl-C reaches only us and we decide what still runs.
func (Host) Run(ctx context.Context, c Cmd) ([]byte, error) {
	cmd := exec.CommandContext(ctx, c.Name, c.Args...)
	cmd.Dir, cmd.Stdin = c.Dir, c.Stdin
	if len(c.Env) > 0 {
		cmd.Env = append(cmd.Environ(), c.Env...)
	}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if c.Stdout != nil {
		cmd.Stdout = c.Stdout
	}
	if c.Stderr != nil {
		cmd.Stderr = io.MultiWriter(&errOut, c.Stderr)
	}
	setProcessGroup(cmd)
	cmd.Cancel = func() error { return terminate(cmd) }
	cmd.WaitDelay = stopGrace
	err := cmd.Run()
	if err == nil {
		return out.Bytes(), nil
	}
	if ctx.Err() != nil {
		return out.Bytes(), fmt.Errorf("%s: %w", c.Name, context.Cause(ctx))
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return out.Bytes(), &Error{Cmd: c, Code: exit.ExitCode(), Stderr: strings.TrimSpace(errOut.String())}
	}
	return nil, fmt.Errorf("%s: %w", c.Name, err)
}
