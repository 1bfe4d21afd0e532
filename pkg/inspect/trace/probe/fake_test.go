package probe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// fakePods is a transport that answers as told. It is safe for concurrent use.
type fakePods struct {
	mu      sync.Mutex
	entered []string // the containers, in order
	answer  func(attempt int, c access.Container, command []string, s access.Streams) error
}

func (f *fakePods) stream(_ context.Context, c access.Container, command []string, s access.Streams) error {
	f.mu.Lock()
	f.entered = append(f.entered, c.Name)
	n := len(f.entered)
	f.mu.Unlock()
	return f.answer(n, c, command, s)
}

// mark and jobs of a command line of the script.
func markOf(command []string) string { return command[4] }

func jobsOf(command []string) int { return (len(command) - 8) / 10 }

// answers prints an outcome for the first n jobs, and the end mark when these are all.
func answers(command []string, s access.Streams, n int) {
	mark := markOf(command)
	for i := range n {
		printSealed(s, "%s %d tool bash\n%s %d o connected\n%s %d exit 0\n", mark, i, mark, i, mark, i)
	}
	if n == jobsOf(command) {
		fmt.Fprintf(s.Stdout, "%s end\n", mark)
	}
}

// printSealed prints whole lines of jobs as the script does, with the seal of each job behind its last line.
func printSealed(s access.Streams, format string, args ...any) {
	fmt.Fprint(s.Stdout, sealed(fmt.Sprintf(format, args...)))
}

func sealed(text string) string {
	byJob := map[string][]string{} // by "MARK INDEX"
	var order []string
	end := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		words := strings.SplitN(line, " ", 3)
		if len(words) == 2 && words[1] == "end" {
			end = line + "\n"
			continue
		}
		job := strings.Join(words[:min(2, len(words))], " ")
		if byJob[job] == nil {
			order = append(order, job)
		}
		byJob[job] = append(byJob[job], line)
	}
	var b strings.Builder
	for _, job := range order {
		all := strings.Join(byJob[job], "\n")
		fmt.Fprintf(&b, "%s\n%s seal %s\n", all, job, access.Seal(all))
	}
	return b.String() + end
}

// local is a transport that runs commands on this machine, with a shell of its choice.
func local(shell ...string) access.Stream {
	return func(ctx context.Context, _ access.Container, command []string, s access.Streams) error {
		args := append(append([]string{}, shell[1:]...), command[1:]...)
		cmd := exec.CommandContext(ctx, shell[0], args...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = s.Stdin, s.Stdout, s.Stderr
		return cmd.Run()
	}
}

func quick(stream access.Stream, client kubernetes.Interface) *Prober {
	if client == nil {
		client = fake.NewClientset()
	}
	return newProber(stream, client, Options{Pause: time.Nanosecond})
}

func somePod(containers ...string) inspect.Pod {
	return inspect.Pod{Namespace: "ns", Name: "pod", UID: "uid", Containers: containers}
}

func connections(n int) []trace.Probe {
	all := make([]trace.Probe, n)
	for i := range all {
		all[i] = trace.Probe{Check: trace.TCP, Family: inspect.IPv4, Target: loopback4, Port: uint16(i + 1)}
	}
	return all
}

// withTools returns a folder that holds links to the named programs, as PATH of an image with only these.
func withTools(t *testing.T, tools map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, program := range tools {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Skipf("needs %s on this machine", program)
		}
		if err := os.Symlink(path, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var errBroken = errors.New("unable to upgrade connection: error dialing backend")

func errNoShell() error {
	return errors.New(`Internal error occurred: error executing command in container: failed to exec in container: ` +
		`failed to start exec "a29": OCI runtime exec failed: exec failed: unable to start container process: exec: "sh": ` +
		`executable file not found in $PATH: unknown`)
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want one with %q", err, want)
	}
}
