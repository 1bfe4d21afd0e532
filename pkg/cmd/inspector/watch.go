package inspector

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
)

// watchInterval is the time between two looks with --watch. Kernels cannot be watched as objects of an API server can, so
// each look reads everything again.
const watchInterval = 2 * time.Second

// AddWatchFlag binds the flag of inspectors whose subject changes while the user looks.
func (f *Flags) AddWatchFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.Watch, "watch", "w", f.Watch,
		"Look again every two seconds, and show everything again when something has changed, until Ctrl-C.")
}

// Repeat runs an inspector, which prints to the streams of the options: once, or with --watch again and again. A failed
// read is an error the first time; later Repeat reports it, and tries again.
func (o *Options) Repeat(ctx context.Context, inspect func(context.Context) error) error {
	if !o.Watch {
		return inspect(ctx)
	}
	streams := o.IOStreams
	defer func() { o.IOStreams = streams }()
	var before [2]string
	for first := true; ; first = false {
		out, errOut := &screen{terminal: streams.Out}, &screen{terminal: streams.ErrOut}
		o.Out, o.ErrOut = out, errOut
		err := inspect(ctx)
		findings := (*exit.FindingsError)(nil)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.As(err, &findings):
			message.Line(errOut, "%s", findings.Summary)
		case err != nil && first:
			return err
		case err != nil:
			for _, line := range exit.Messages(err) {
				message.Line(errOut, "%s", line)
			}
		}
		if now := [2]string{out.String(), errOut.String()}; now != before {
			if err := show(streams.Out, now[0], !first && now[0] != ""); err != nil {
				return err
			}
			if err := show(streams.ErrOut, now[1], false); err != nil {
				return err
			}
			before = now
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(o.interval()):
		}
	}
}

func (o *Options) interval() time.Duration {
	if o.Interval > 0 {
		return o.Interval
	}
	return watchInterval
}

func show(out io.Writer, text string, apart bool) error {
	if apart {
		text = "\n" + text
	}
	_, err := io.WriteString(out, text)
	return err
}

// screen holds the text for a terminal until it is known whether it has changed.
type screen struct {
	bytes.Buffer
	terminal io.Writer
}

// Behind implements printer.Buffer: colours depend on where the text goes in the end.
func (s *screen) Behind() io.Writer { return s.terminal }
