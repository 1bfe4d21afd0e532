package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/klog/v2"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
)

// completionName is the name under which kubectl looks for a plugin's completion; called by a link of that name, the
// binary completes.
const completionName = "kubectl_complete-dualstack"

// debugVariable makes a crash show its stack.
const debugVariable = "DUALSTACK_DEBUG"

// Main runs the program and returns its exit code. The first Ctrl-C ends the work in good order, the second kills.
func Main() int {
	// The libraries' logs are for their developers; what users must know comes back as an error.
	klog.SetLogger(logr.Discard())
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Run(ctx, os.Args, genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr})
}

// endings returns the signals that end the work in good order, so that no pod is left behind: Ctrl-C, a polite kill, and the
// end of the terminal or the SSH session, unless nohup has that ignored.
func endings() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// Run runs the program with args, the first one the program's name, and returns its exit code.
func Run(ctx context.Context, args []string, streams genericiooptions.IOStreams) (code int) {
	defer func() {
		if p := recover(); p != nil {
			code = reportCrash(streams.ErrOut, p)
		}
	}()
	root := NewCmdDualstack(streams)
	words := arguments(args)
	root.SetArgs(words)
	var completed bytes.Buffer
	completes := len(words) > 0 && strings.HasPrefix(words[0], "__complete")
	if completes {
		root.SetOut(&completed)
	}
	cmd, err := root.ExecuteContextC(ctx)
	if completes {
		err = errors.Join(err, command.WriteCandidates(streams.Out, completed.String()))
	}
	if usage := (*exit.UsageError)(nil); errors.As(err, &usage) && usage.Command == "" {
		usage.Command = cmd.CommandPath()
	}
	return report(ctx, streams.ErrOut, err)
}

// arguments returns what follows the program's name. Called as kubectl_complete-dualstack, the program completes.
func arguments(args []string) []string {
	if len(args) == 0 {
		return []string{}
	}
	if strings.TrimSuffix(filepath.Base(args[0]), ".exe") == completionName {
		return append([]string{"__complete"}, args[1:]...)
	}
	return args[1:]
}

// report prints err, if it has a message, and returns its exit code.
func report(ctx context.Context, out io.Writer, err error) int {
	var findings *exit.FindingsError
	var usage *exit.UsageError
	switch {
	case ctx.Err() != nil: // also if the work was done by then: the user pressed Ctrl-C and did not wait for it
		return exit.Interrupted
	case err == nil:
		return exit.OK
	case errors.Is(err, exit.ErrSilent):
		return exit.Error
	case errors.As(err, &findings):
		if findings.Summary != "" {
			message.Line(out, "%s", findings.Summary)
		}
		return exit.Findings
	case errors.As(err, &usage):
		printError(out, err)
		message.Line(out, "See '%s -h' for help and examples", usage.Command)
		return exit.Error
	default:
		printError(out, err)
		return exit.Error
	}
}

// mostLines bounds how many joined errors are written.
const mostLines = 50

func printError(out io.Writer, err error) {
	lines := exit.Messages(err)
	for _, line := range lines[:min(len(lines), mostLines)] {
		message.Line(out, "%s", line)
	}
	if n := len(lines) - mostLines; n > 0 {
		message.Line(out, "error: %d more errors", n)
	}
}

func reportCrash(out io.Writer, panicked any) int {
	message.Line(out, "error: internal error: %v", panicked)
	message.Line(out, "This is a bug: report it with the command that you ran and what it prints with %s=1.", debugVariable)
	if os.Getenv(debugVariable) != "" {
		_, _ = out.Write(debug.Stack())
	}
	return exit.Error
}
