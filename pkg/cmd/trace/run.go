package trace

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/session"
)

// Validate reports flags that contradict each other.
func (o *Options) Validate() error {
	if o.recorded && !o.request.DryRun {
		return exit.Usagef("a snapshot cannot be probed: use --snapshot with --dry-run")
	}
	return nil
}

// Run traces the paths and prints the results.
func (o *Options) Run(ctx context.Context) error {
	started := time.Now()
	step := status.Quiet(o.ErrOut, "tracing")
	report, err := session.Run(ctx, o.Cluster, o.request, session.Options{Progress: step.Detail, Note: o.note, Deadline: o.Deadline})
	if step.Done(err) != nil {
		return err
	}
	paths := report.Items
	took := time.Since(started)
	if o.Verbose {
		o.printCommands(paths)
	}
	if o.junit {
		err = suites(paths, took).Write(o.Out)
	} else {
		err = o.print(report)
	}
	if err != nil {
		return err
	}
	if o.JUnitFile != "" {
		if err := suites(paths, took).WriteFile(ctx, o.JUnitFile); err != nil {
			return err
		}
	}
	return o.summary(paths, took)
}

// note writes a message to the user on standard error.
func (o *Options) note(text string) {
	message.Line(o.ErrOut, "Note: %s.", text)
}

// print writes the table, and below it hop by hop the paths that need a closer look.
func (o *Options) print(report *inspect.Report[trace.Path]) error {
	paths := report.Items
	p := o.plain
	for i := range paths {
		if why(paths[i]) != "" {
			p = o.explained
		}
	}
	if err := p.Print(o.Out, report); err != nil {
		return err
	}
	if !o.table {
		return nil
	}
	if o.wide || o.request.DryRun {
		return printHops(o.Out, paths, true)
	}
	good, bad := o.closer(paths)
	if err := printHops(o.Out, good, true); err != nil {
		return err
	}
	if err := printNotShown(o.Out, paths, good); err != nil {
		return err
	}
	if err := printHops(o.Out, bad, false); err != nil {
		return err
	}
	return printFirstCause(o.Out, bad)
}

// closer chooses the paths whose hops are shown: those that did not pass, and, to a target, one of each kind and family of the others.
func (o *Options) closer(paths []trace.Path) (good, bad []trace.Path) {
	type kind struct {
		class  trace.Class
		check  trace.Check
		family inspect.Family
	}
	shown := map[kind]bool{}
	for _, p := range paths {
		k := kind{p.Class, p.Probe.Check, p.Family}
		switch {
		case p.Verdict == trace.Fail || p.Verdict == trace.Inconclusive:
			bad = append(bad, p)
		case p.Verdict == trace.Pass && o.request.Target != "" && !shown[k]:
			shown[k] = true
			good = append(good, p)
		}
	}
	return good, bad
}

// summary is the last line: "12 paths: 10 passed, 1 failed, 1 skipped in 2.1 s". It is an error when a path did not pass.
func (o *Options) summary(paths []trace.Path, took time.Duration) error {
	if len(paths) == 0 {
		message.Line(o.ErrOut, "No paths to trace.")
		return nil
	}
	counts := map[trace.Verdict]int{}
	for i := range paths {
		counts[paths[i].Verdict]++
	}
	var parts []string
	for _, v := range []struct {
		verdict trace.Verdict
		text    string
	}{{trace.Pass, "passed"}, {trace.Fail, "failed"}, {trace.Inconclusive, "inconclusive"}, {trace.Skip, "skipped"},
		{trace.NotSent, "planned, nothing was sent"}} {
		if n := counts[v.verdict]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v.text))
		}
	}
	text := fmt.Sprintf("%s: %s", inspect.Quantity(len(paths), "path"), strings.Join(parts, ", "))
	if !o.request.DryRun {
		text += fmt.Sprintf(" in %.1f s", took.Seconds())
	}
	if bad := counts[trace.Fail] + counts[trace.Inconclusive]; bad > 0 {
		return exit.FindingsIf(bad, "%s", text)
	}
	message.Line(o.ErrOut, "%s", text)
	return nil
}

// printCommands writes the commands that ran in the pods, and their output.
func (o *Options) printCommands(paths []trace.Path) {
	for i := range paths {
		p := &paths[i]
		if p.Result == nil || p.Result.Command == "" {
			continue
		}
		message.Line(o.ErrOut, "%s: %s", p.Name, p.Result.Tool)
		message.Line(o.ErrOut, "  $ %s", p.Result.Command)
		for line := range strings.SplitSeq(strings.TrimRight(p.Result.Output, "\n"), "\n") {
			message.Line(o.ErrOut, "  %s", line)
		}
		message.Line(o.ErrOut, "  exit code %d", p.Result.ExitCode)
	}
}
