//go:build bench

package scale

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// measureArgument makes the test's binary a process that measures another: see measure.
const measureArgument = "measure-a-program"

// run is what a run of a program took.
type run struct {
	Wall   time.Duration // until it had ended
	First  time.Duration // until the end of its second line: the one below the headers
	CPU    time.Duration // its own and the kernel's for it
	Memory int64         // bytes, at its peak
	Lines  int
	Code   int
	Stderr string // its end
}

// measure runs a program and measures it, in a process between: Linux counts the memory of the process that starts another
// as that one's until it runs, and this one is large.
func measure(env []string, program string, args ...string) (run, error) {
	self, err := os.Executable()
	if err != nil {
		return run{}, err
	}
	cmd := exec.Command(self, append([]string{measureArgument, program}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return run{}, fmt.Errorf("measure %s: %w", program, err)
	}
	var r run
	return r, json.Unmarshal(out, &r)
}

// measureProgram is the process between: it runs the program of the command line and prints the figures.
func measureProgram(args []string) error {
	r, err := start(exec.Command(args[0], args[1:]...))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func start(cmd *exec.Cmd) (run, error) {
	var r run
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return r, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return r, err
	}
	buffer := make([]byte, 64<<10)
	for err == nil {
		var n int
		n, err = stdout.Read(buffer)
		r.Lines += bytes.Count(buffer[:n], []byte{'\n'})
		if r.First == 0 && r.Lines > 1 {
			r.First = time.Since(began)
		}
	}
	if !errors.Is(err, io.EOF) {
		return r, err
	}
	if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		return r, err
	}
	r.Wall = time.Since(began)
	state := cmd.ProcessState
	r.CPU, r.Code = state.UserTime()+state.SystemTime(), state.ExitCode()
	r.Memory = state.SysUsage().(*syscall.Rusage).Maxrss << 10
	r.Stderr = string(stderr.Bytes()[max(0, stderr.Len()-2000):])
	return r, nil
}
