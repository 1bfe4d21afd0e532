//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// finish reads what the plugin says to its end, and returns it with the exit code.
func (p *process) finish() result {
	var all []string
	for line := range p.lines {
		all = append(all, line)
	}
	_ = p.cmd.Wait() // the exit code says how it ended
	return result{args: p.cmd.Args, errOut: strings.Join(all, "\n") + "\n", code: p.cmd.ProcessState.ExitCode()}
}

// TestCreateTwiceAtOnce: of two commands that create one lab, one does, and the other touches nothing and says why.
func TestCreateTwiceAtOnce(t *testing.T) {
	l := other(t)
	before := inventory(t)
	args := l.createArgs("--workers", "0", "--wait", "0")
	both := []*process{l.start(t, args...), l.start(t, args...)}
	ends := make([]result, len(both))
	var all sync.WaitGroup
	for i, p := range both {
		all.Go(func() { ends[i] = p.finish() })
	}
	all.Wait()
	slices.SortFunc(ends, func(a, b result) int { return a.code - b.code })
	if ends[0].code != 0 || ends[1].code != 1 || !strings.Contains(ends[1].errOut, "another creation is under way (since ") {
		t.Errorf("%s\n%s", ends[0], ends[1])
	}
	if r := l.plugin(t, "lab", "delete", "--name", l.name); r.code != 0 {
		t.Error(r)
	}
	nothingLeft(t, before)
}

// TestCommandsDuringACreation come while the nodes are there by half.
func TestCommandsDuringACreation(t *testing.T) {
	l := other(t)
	before := inventory(t)
	p := l.start(t, l.createArgs("--workers", "0")...)
	p.until(t, " ✓ fabric")
	for command, r := range map[string]result{
		"another creation": l.plugin(t, l.createArgs("--workers", "0")...),
		"a creation":       l.plugin(t, "lab", "delete", "--name", l.name),
	} {
		if want := fmt.Sprintf("error: lab %q: %s is under way (since ", l.name, command); r.code != 1 || !strings.Contains(r.errOut, want) {
			t.Errorf("want %q\n%s", want, r)
		}
	}
	if r := p.finish(); r.code != 0 {
		t.Error(r)
	}
	if r := l.plugin(t, l.createArgs("--workers", "0")...); r.code != 0 || strings.Contains(r.errOut, "half-built") {
		t.Errorf("once more, when the first one has ended: %s", r)
	}
	if r := l.plugin(t, "lab", "delete", "--name", l.name); r.code != 0 {
		t.Error(r)
	}
	nothingLeft(t, before)
	// The lock is a container, and somebody may remove it: the command that held it must not go on without.
	p = l.start(t, l.createArgs("--workers", "0", "--wait", "0")...)
	p.until(t, " • switch ...")
	docker(t, "rm", "-f", l.name+"-lock")
	if r := p.finish(); r.code != 1 || !strings.Contains(r.errOut, "somebody removed the lab's lock") {
		t.Errorf("without its lock: %s", r)
	}
	nothingLeft(t, before)
}

// TestLockOfAKilledCreation: the lock goes with its command, also where what held it open is killed at the same time.
func TestLockOfAKilledCreation(t *testing.T) {
	l := other(t)
	before := inventory(t)
	p := l.start(t, l.createArgs("--workers", "0")...)
	p.until(t, " ✓ fabric")
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for _, pid := range p.children(t) {
		// It may have ended already.
		if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(line), l.name+"-lock") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	p.end(t, syscall.SIGKILL)
	if r := l.plugin(t, "lab", "delete", "--name", l.name); r.code != 0 {
		t.Error(r)
	}
	nothingLeft(t, before)
}

// TestTwoLabsAtOnce creates two labs of different names at the same time, in one kubeconfig.
func TestTwoLabsAtOnce(t *testing.T) {
	first, second := other(t), other(t)
	second.name = "e2e-third"
	t.Cleanup(func() {
		if r := second.plugin(t, "lab", "delete", "--name", second.name); r.code != 0 {
			t.Error(r)
		}
	})
	processes := []*process{first.start(t, first.createArgs("--workers", "0")...), second.start(t, second.createArgs("--workers", "0")...)}
	for _, p := range processes {
		if r := p.finish(); r.code != 0 {
			t.Error(r)
		}
	}
	for _, l := range []*lab{first, second} {
		if r := l.plugin(t, "lab", "status", "--name", l.name); r.code != 0 {
			t.Error(r)
		}
	}
}
