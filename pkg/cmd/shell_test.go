package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// statement is something that documentation tells people to type: a command, or several of them in a pipe.
type statement struct {
	text  string
	calls [][]string // the words of each command in it
}

// statements parses lines for a shell.
func statements(text string) ([]statement, error) {
	file, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return nil, err
	}
	// What other commands print is not known without running them.
	unknown := &expand.Config{CmdSubst: func(io.Writer, *syntax.CmdSubst) error { return nil },
		ProcSubst: func(*syntax.ProcSubst) (string, error) { return "", nil }}
	var all []statement
	for _, stmt := range file.Stmts {
		s := statement{text: text[stmt.Pos().Offset():stmt.End().Offset()]}
		syntax.Walk(stmt, func(n syntax.Node) bool {
			if call, ok := n.(*syntax.CallExpr); ok && err == nil && len(call.Args) > 0 {
				var words []string
				words, err = expand.Fields(unknown, call.Args...)
				s.calls = append(s.calls, words)
			}
			return err == nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.text, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// ours returns the arguments of a call of the program.
func ours(call []string) ([]string, bool) {
	if len(call) >= 2 && call[0]+" "+call[1] == displayName {
		return call[2:], true
	}
	return nil, false
}

// check makes sure that the program has the commands and flags that the statement uses.
func (s statement) check() error {
	for _, call := range s.calls {
		if args, ok := ours(call); ok {
			if _, err := resolve(args); err != nil {
				return fmt.Errorf("%s: %w", s.text, err)
			}
		}
	}
	return nil
}

// resolve finds the command that arguments are for, and parses them.
func resolve(args []string) (*cobra.Command, error) {
	cmd, rest, err := newRoot().Find(args)
	if err != nil {
		return nil, err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return nil, err
	}
	return cmd, errors.Join(cmd.ValidateArgs(cmd.Flags().Args()), cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups())
}

// filters are other programs that statements are run with here. They read their input and write their output.
func filters() []string { return []string{"jq"} }

// runsHere reports whether a statement can be run with neither cluster nor Docker.
func (s statement) runsHere() bool {
	for _, call := range s.calls {
		args, ok := ours(call)
		switch {
		case !ok && !slices.Contains(filters(), call[0]), ok && !programRunsHere(args):
			return false
		}
	}
	return true
}

func programRunsHere(args []string) bool {
	cmd, err := resolve(args)
	if err != nil {
		return false
	}
	set := func(flag string) bool { return cmd.Flags().Changed(flag) }
	switch strings.TrimPrefix(cmd.CommandPath(), displayName+" ") {
	case "version", "completion", "options":
		return true
	case "lab create":
		return set("dry-run")
	case "lab export":
		return !set("existing")
	}
	return set("help") || cmd.Flags().Lookup("snapshot") != nil && !set("watch") // which needs something that changes
}

// shell runs statements in the working directory. The program runs within this process.
type shell struct {
	t *testing.T
	// snapshot is given to commands that read a cluster and name no snapshot themselves.
	snapshot string

	mu    sync.Mutex
	codes []int // the program's exit codes
}

// run runs a statement and returns what a terminal would show.
func (sh *shell) run(s statement) string {
	sh.t.Helper()
	file, err := syntax.NewParser().Parse(strings.NewReader(s.text), "")
	if err != nil {
		sh.t.Fatal(err)
	}
	terminal := &lockedBuilder{}
	runner, err := interp.New(interp.StdIO(nil, terminal, terminal), interp.ExecHandlers(sh.exec))
	if err != nil {
		sh.t.Fatal(err)
	}
	var status interp.ExitStatus
	if err := runner.Run(sh.t.Context(), file); err != nil && !errors.As(err, &status) {
		sh.t.Fatalf("%s: %v", s.text, err)
	}
	return terminal.String()
}

func (sh *shell) exec(next interp.ExecHandlerFunc) interp.ExecHandlerFunc {
	return func(ctx context.Context, call []string) error {
		std := interp.HandlerCtx(ctx)
		args, ok := ours(call)
		if !ok {
			if _, err := exec.LookPath(call[0]); err != nil {
				sh.t.Logf("not run, since this machine does not have it: %s", call[0])
				_, err := io.Copy(io.Discard, std.Stdin)
				return err
			}
			return next(ctx, call)
		}
		in := io.Reader(strings.NewReader(""))
		if std.Stdin != nil {
			in = std.Stdin
		}
		code := Run(ctx, append([]string{binaryName}, sh.complete(args)...),
			genericiooptions.IOStreams{In: in, Out: std.Stdout, ErrOut: std.Stderr})
		sh.mu.Lock()
		defer sh.mu.Unlock()
		if sh.codes = append(sh.codes, code); code != 0 {
			return interp.ExitStatus(code)
		}
		return nil
	}
}

// complete adds the flags that a command takes to run without a cluster.
func (sh *shell) complete(args []string) []string {
	cmd, err := resolve(args)
	if err != nil {
		return args // let the program say so
	}
	lacks := func(flag string) bool { return cmd.Flags().Lookup(flag) != nil && !cmd.Flags().Changed(flag) }
	if sh.snapshot != "" && lacks("snapshot") && lacks("help") {
		args = append(slices.Clone(args), "--snapshot", sh.snapshot)
		if cmd.Name() == "trace" && lacks("dry-run") {
			args = append(args, "--dry-run")
		}
	}
	return args
}

// lockedBuilder is a text that several programs write to.
type lockedBuilder struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuilder) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuilder) String() string { return b.text.String() }
