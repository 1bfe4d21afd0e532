package run

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Fake is a Runner for tests: it answers from a table and records its calls. It is safe for concurrent use.
type Fake struct {
	mu      sync.Mutex
	answers []answer
	calls   []Call
}

// Call is a command that a Fake was asked to run, with its standard input.
type Call struct {
	Cmd   string // as Cmd.String prints it
	Stdin string
}

type answer struct {
	prefix string
	out    string
	err    error
}

var _ Runner = (*Fake)(nil)

// Answer makes commands that begin with prefix (as Cmd.String prints them) return out and err. The longest prefix wins,
// and of equally long ones the one that was set last.
func (f *Fake) Answer(prefix, out string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers = append(f.answers, answer{prefix, out, err})
}

// Fail makes commands that begin with prefix exit with code and say stderr.
func (f *Fake) Fail(prefix string, code int, stderr string) {
	name, rest, _ := strings.Cut(prefix, " ")
	f.Answer(prefix, "", &Error{Cmd: Cmd{Name: name, Args: strings.Fields(rest)}, Code: code, Stderr: stderr})
}

// Calls returns the commands that were run, in the order in which they were asked for.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Call(nil), f.calls...)
}

// Run implements Runner. It gives its answer before it reads the standard input to its end, as a command that lives as long as
// its input does. A command without an answer is an error, so that no test passes by accident.
func (f *Fake) Run(ctx context.Context, c Cmd) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.Name, err)
	}
	line := c.String()
	a, call, err := f.begin(line)
	if err != nil {
		return nil, err
	}
	out := []byte(a.out)
	if c.Stdout != nil {
		_, _ = c.Stdout.Write(out)
		out = nil
	}
	if c.Stdin != nil && a.err == nil {
		in, _ := io.ReadAll(c.Stdin)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.calls[call].Stdin = string(in)
	}
	return out, a.err
}

// begin records a call and returns its answer.
func (f *Fake) begin(line string) (a answer, call int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, Call{Cmd: line})
	best := -1
	for i, a := range f.answers {
		if strings.HasPrefix(line, a.prefix) && (best < 0 || len(a.prefix) >= len(f.answers[best].prefix)) {
			best = i
		}
	}
	if best < 0 {
		return answer{}, 0, fmt.Errorf("fake runner: no answer for %q", line)
	}
	return f.answers[best], len(f.calls) - 1, nil
}
