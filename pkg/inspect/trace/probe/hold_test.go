package probe

import (
	"bufio"
	"io"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// process is a command that runs.
type process struct {
	t     *testing.T
	lines *bufio.Scanner
	input io.Closer
	ended chan error
}

func start(t *testing.T, stream access.Stream, command []string) process {
	t.Helper()
	stdin, input := io.Pipe()
	output, stdout := io.Pipe()
	p := process{t, bufio.NewScanner(output), input, make(chan error, 1)}
	go func() {
		err := stream(t.Context(), access.Container{}, command, access.Streams{Stdin: stdin, Stdout: stdout, Stderr: stdout})
		stdout.Close()
		p.ended <- err
	}()
	return p
}

// says waits for a line.
func (p process) says(want string) {
	p.t.Helper()
	if !p.lines.Scan() || p.lines.Text() != want {
		p.t.Fatalf("%q (%v), want %q", p.lines.Text(), p.lines.Err(), want)
	}
}

// ends waits until the command has ended, and has said no more.
func (p process) ends() {
	p.t.Helper()
	p.input.Close()
	if p.lines.Scan() {
		p.t.Errorf("it goes on: %q", p.lines.Text())
	}
	if err := <-p.ended; err != nil {
		p.t.Error(err)
	}
}

// TestHold: an ephemeral container that nobody keeps ends when it finds so; one that is kept, when its time is over or
// when its keeper goes.
func TestHold(t *testing.T) {
	need(t, "sh")
	const name = "dualstack-probe-holdtest"
	eachShell(t, func(t *testing.T, stream access.Stream) {
		// Its time goes as the test wants.
		hold := func(sleep string) process {
			command := holdCommand(name)
			command[2] = "sleep() {\n" + sleep + "\n}\n" + command[2]
			command[len(command)-1] = "3"
			return start(t, stream, command)
		}
		const pass = "echo looks in $1"

		unkept := hold(pass)
		unkept.says("looks in 30")
		unkept.ends()

		keeper := start(t, stream, []string{"sh", "-c", "echo here\n" + keepScript, "dualstack-keep", name})
		keeper.says("here")
		kept := hold(pass)
		for range 3 {
			kept.says("looks in 30")
		}
		kept.ends()

		left := hold(pass + "\nexec sleep 600")
		left.says("looks in 30")
		keeper.ends()
		left.ends()
	})
}
