//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bystanders starts what a lab must never touch: a container, a cluster of kind's (its mark is the label), a kubeconfig entry.
func bystanders(t *testing.T, kubeconfig string) {
	t.Helper()
	for _, args := range [][]string{
		{"--name", "bystander"},
		{"--name", "bystander-control-plane", "--label", "io.x-k8s.kind.cluster=bystander", "--label", "io.x-k8s.kind.role=control-plane"},
	} {
		docker(t, slices.Concat([]string{"run", "-d", "--network", "none"}, args, []string{"--entrypoint", "sleep", w.release.nodeImage, "infinity"})...)
	}
	t.Cleanup(func() {
		_ = exec.Command("docker", "rm", "-f", "-v", "bystander", "bystander-control-plane").Run()
		_ = os.Remove(kubeconfig)
	})
	const config = "apiVersion: v1\nkind: Config\nclusters: [{name: kind-bystander, cluster: {server: 'https://bystander'}}]\n"
	if err := os.WriteFile(kubeconfig, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
}

// process is a plugin that runs, with the lines of its progress.
type process struct {
	cmd   *exec.Cmd
	lines chan string
	mark  string
}

// start starts the plugin; its children can be told by a mark in their environment.
func (l *lab) start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{mark: fmt.Sprintf("DUALSTACK_E2E_MARK=%s-%d", l.name, time.Now().UnixNano()), lines: make(chan string, 1000)}
	p.cmd = exec.Command(w.plugin, args...)
	p.cmd.Env = append(append(os.Environ(), l.env()...), p.mark)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	return p
}

// until reads the progress up to a line that begins with prefix, and returns what it has read.
func (p *process) until(t *testing.T, prefix string) (seen []string) {
	t.Helper()
	deadline := time.After(commandTimeout)
	for {
		select {
		case line, open := <-p.lines:
			if !open {
				t.Fatalf("the plugin ended before %q; it said:\n%s", prefix, strings.Join(seen, "\n"))
			}
			if seen = append(seen, line); strings.HasPrefix(line, prefix) {
				return seen
			}
		case <-deadline:
			_ = p.cmd.Process.Kill()
			t.Fatalf("no %q; the plugin said:\n%s", prefix, strings.Join(seen, "\n"))
		}
	}
}

// end sends a signal, waits for the plugin and for every command that it had started, and returns its exit code.
func (p *process) end(t *testing.T, s syscall.Signal) int {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // the exit code says how it ended
	ctx, cancel := context.WithTimeout(t.Context(), commandTimeout)
	defer cancel()
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		if len(p.children(t)) == 0 {
			return p.cmd.ProcessState.ExitCode()
		}
		select {
		case <-ctx.Done():
			t.Fatal("commands of the plugin outlive it")
		case <-tick.C:
		}
	}
}

// children returns the processes that the plugin has started and that run.
func (p *process) children(t *testing.T) (pids []int) {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range environs {
		// A process may end while it is looked at.
		raw, err := os.ReadFile(e)
		if pid, err2 := strconv.Atoi(filepath.Base(filepath.Dir(e))); err == nil && err2 == nil && strings.Contains(string(raw), p.mark) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// other returns a second lab's name and files for the test to create. It is gone when the test ends, however that ends: a lab
// that goes on beside the shared one would slow down every test that follows.
func other(t *testing.T) *lab {
	t.Helper()
	l := newLab("e2e-other")
	t.Cleanup(func() {
		if r := l.plugin(t, "lab", "delete", "--name", l.name); r.code != 0 {
			t.Error(r)
		}
	})
	return l
}

// TestKillAtEachStep kills the plugin where it cannot clean up after itself. "lab delete" must then find all that there is, and
// "lab create" must build anew what was half-built. The later steps wait for every node, beside a lab that runs: there the next
// creation begins with what the last one has left, and there is but one node.
func TestKillAtEachStep(t *testing.T) {
	shared(t) // the other lab must survive it as well
	l := other(t)
	bystanders(t, l.kubeconfig)
	before := inventory(t)
	kill := func(t *testing.T, step, workers string) (lines []string) {
		p := l.start(t, l.createArgs("--workers", workers)...)
		lines = p.until(t, " • "+step+" ...")
		p.end(t, syscall.SIGKILL)
		return lines
	}
	isGone := func(t *testing.T) {
		if r := l.plugin(t, "lab", "delete", "--name", l.name); r.code != 0 {
			t.Fatal(r)
		}
		nothingLeft(t, before)
		if raw, err := os.ReadFile(l.kubeconfig); err != nil || strings.Contains(string(raw), l.name) || !strings.Contains(string(raw), "kind-bystander") {
			t.Errorf("kubeconfig: %v\n%s", err, raw)
		}
	}
	for _, step := range []string{"switch", "nodes", "fabric", "Calico"} {
		t.Run(step, func(t *testing.T) {
			kill(t, step, "1")
			isGone(t)
		})
	}
	t.Run("half-built, and again at tools and when ready", func(t *testing.T) {
		kill(t, "fabric", "0")
		if r := l.plugin(t, "lab", "status", "--name", l.name); r.code != 2 {
			t.Errorf("status of a half-built lab: %s", r)
		}
		if lines := kill(t, "tools", "0"); !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, "is half-built") }) {
			t.Errorf("it does not say that the lab is half-built:\n%s", strings.Join(lines, "\n"))
		}
		kill(t, "ready", "0") // half-built or whole: kind may have finished while the tools were waited for
		isGone(t)
	})
}

// TestInterrupt presses Ctrl-C while kind is busy: what was made is removed by the plugin itself.
func TestInterrupt(t *testing.T) {
	shared(t)
	l := other(t)
	before := inventory(t)
	for _, step := range []string{"fabric", "Calico"} {
		t.Run(step, func(t *testing.T) {
			p := l.start(t, l.createArgs("--workers", "0")...)
			p.until(t, " • "+step+" ...")
			if code := p.end(t, syscall.SIGINT); code != 130 {
				t.Errorf("exit code %d, want 130", code)
			}
			nothingLeft(t, before)
		})
	}
}

// makeUser makes a user who may use Docker, for the time of the test, and returns a home for it that no earlier run has used.
func makeUser(t *testing.T, name string) (home string) {
	t.Helper()
	if _, err := user.Lookup(name); err != nil {
		must(t, nil, "useradd", "--no-create-home", "--groups", "docker", name)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("userdel", name).CombinedOutput(); err != nil {
			t.Errorf("userdel: %v\n%s", err, out)
		}
	})
	home, err := os.MkdirTemp(w.dir, "home-")
	if err != nil {
		t.Fatal(err)
	}
	must(t, nil, "chown", name, home)
	return home
}

// TestSecondLabOfAnOrdinaryUser creates a lab beside the shared one, as a user who is not root and may use Docker.
func TestSecondLabOfAnOrdinaryUser(t *testing.T) {
	l, second := shared(t), other(t)
	const name = "dualstack-e2e"
	if os.Getuid() != 0 {
		t.Skip("only root can make the user that this test runs as")
	}
	home := makeUser(t, name)
	manifests := filepath.Join(t.TempDir(), "manifests") // the cache is root's own
	if err := errors.Join(os.CopyFS(manifests, os.DirFS(w.release.manifests)), os.Chmod(filepath.Dir(manifests), 0o755),
		os.Chmod(filepath.Dir(filepath.Dir(manifests)), 0o755)); err != nil {
		t.Fatal(err)
	}
	before := inventory(t)
	as := func(args ...string) result {
		return command(t, nil, "runuser", append([]string{"-u", name, "--", "env", "-u", "KUBECONFIG", "HOME=" + home, "USER=" + name, w.plugin}, args...)...)
	}
	create := as(second.createArgs("--calico-manifests", manifests, "--workers", "0")...)
	if create.code != 0 {
		t.Fatal(create)
	}
	if strings.Contains(create.errOut, "sudo") {
		t.Errorf("it speaks of sudo: %s", create)
	}
	if r := as("lab", "status", "--name", second.name); r.code != 0 {
		t.Error(r)
	}
	if r := l.plugin(t, "lab", "status", "--name", l.name); r.code != 0 { // the first lab goes on beside it
		t.Error(r)
	}
	list := as("lab", "list", "-o", "custom-columns=:.name,:.status", "--no-headers")
	for _, row := range []string{l.name + " running", second.name + " running"} { // there may be others: a demo, or those of a run that died
		if !slices.ContainsFunc(strings.Split(list.out, "\n"), func(line string) bool { return strings.Join(strings.Fields(line), " ") == row }) {
			t.Errorf("no %q: %s", row, list)
		}
	}
	if r := as("pods", "-A", "-o", "name"); r.code != 0 || !strings.Contains(r.out, "pod/multitool-") {
		t.Error(r)
	}
	if r := as("lab", "delete", "--name", second.name); r.code != 0 {
		t.Error(r)
	}
	nothingLeft(t, before)
	if _, err := os.Stat(filepath.Join(home, ".kube", "config")); err == nil {
		t.Error("the kubeconfig that the lab made is still there")
	}
}

// TestCreateTwice: the second time nothing is made and nothing is lost.
func TestCreateTwice(t *testing.T) {
	l := shared(t)
	before := inventory(t)
	if r := l.plugin(t, l.createArgs()...); r.code != 0 {
		t.Error(r)
	}
	nothingLeft(t, before)
}

// TestRestarts restarts what can be restarted behind the plugin's back: "lab status" says what is broken, "lab create" mends it.
func TestRestarts(t *testing.T) {
	l := shared(t)
	all := append([]string{l.name + "-switch"}, l.nodes()...)
	type test struct {
		name    string
		restart func(t *testing.T)
		broken  []string // parts that must be down
	}
	tests := []test{
		{"worker", func(t *testing.T) { docker(t, "restart", l.name+"-worker") }, []string{l.name + "-worker", l.name + "-switch"}},
		{"switch", func(t *testing.T) { docker(t, "restart", l.name+"-switch") }, all},
		{"stopped", func(t *testing.T) { docker(t, append([]string{"stop"}, all...)...) }, all},
	}
	// A daemon that is restarted restarts all containers. One that is not ours stays as it is.
	if _, err := os.Stat(w.env.DockerPIDFile); err == nil {
		tests = append(tests, test{"daemon", func(t *testing.T) {
			if err := w.offline.Docker().Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, all})
	} else {
		tests = append(tests, test{"all", func(t *testing.T) { docker(t, append([]string{"restart"}, all...)...) }, all})
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.restart(t)
			r := l.plugin(t, "lab", "status", "--name", l.name, "-o", "json")
			if r.code != 2 {
				t.Errorf("status after the restart: %s", r)
			}
			down := map[string][]string{}
			for _, p := range items[struct {
				Name, Status string
				Problems     []string
			}](t, r.out) {
				if p.Status == "down" {
					down[p.Name] = p.Problems
				}
			}
			for _, b := range tt.broken {
				if len(down[b]) == 0 {
					t.Errorf("status does not say that %s is down: %v", b, down)
				}
			}
			repair := "lab create --name " + l.name // as it is shown
			if !strings.Contains(l.plugin(t, "lab", "status", "--name", l.name).errOut, repair) {
				t.Errorf("lab status does not show how to repair it: %s", repair)
			}
			create := l.plugin(t, strings.Fields(repair)...)
			t.Logf("\n%s", create.errOut)
			if create.code != 0 {
				t.Fatal(create)
			}
			if r := l.plugin(t, "lab", "status", "--name", l.name); r.code != 0 {
				t.Error(r)
			}
			t.Run("paths", TestPaths)
		})
	}
}

// TestImageThatCannotBePulled: a creation ends within seconds, says which image and what to do, and leaves nothing behind.
func TestImageThatCannotBePulled(t *testing.T) {
	takesTurns(t, true)
	l := other(t)
	bystanders(t, l.kubeconfig)
	before := inventory(t)
	const image = "registry.invalid/tools:v1"
	r := l.plugin(t, l.createArgs("--workers", "0", "--tools-image", image, "--wait", "5m")...)
	last := r.errOut[strings.LastIndex(strings.TrimSpace(r.errOut), "\n")+1:]
	if r.code != 1 || !strings.Contains(last, "cannot pull "+image) || !strings.Contains(last, "--image-archive") {
		t.Error(r)
	}
	nothingLeft(t, before)
}

// TestRefusals asks for labs that cannot be: one clear message, exit 1, nothing left behind.
func TestRefusals(t *testing.T) {
	l := other(t)
	config := filepath.Join(w.dir, "wrong.yaml")
	if err := os.WriteFile(config, []byte("apiVersion: dualstack/v1alpha1\nkind: Lab\nipv6: {gateway: 10.10.10.1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bystanders(t, l.kubeconfig)
	before := inventory(t)
	tests := []struct {
		name string
		env  []string
		args []string
		want string
	}{
		{"no Docker", []string{"DOCKER_HOST=unix:///no/such/docker.sock"}, l.createArgs(), "error: reach Docker: "},
		{"wrong configuration", nil, l.createArgs("--config", config), "error: ipv6.gateway: 10.10.10.1 is not an IPv6 address\n"},
		{"missing configuration", nil, l.createArgs("--config", config+".not"), "error: read the lab's file: "},
		{"missing image", nil, l.createArgs("--node-image", "dualstack.invalid/node:none"), "error: node image dualstack.invalid/node:none is not on this Docker host"},
		{"missing switch", nil, l.createArgs("--switch", "ceos"), "error: the cEOS image is not on this Docker host"},
		{"taken name", nil, append(l.createArgs(), "--name", "bystander"), `error: name "bystander" is taken: container bystander-control-plane belongs to kind cluster "bystander"`},
		{"unknown version", nil, l.createArgs("--calico-version", "v3.99.0"), "error: calico v3.99.0 was asked for, but calico-vxlan.yaml in "},
		{"a name that is an option", nil, append(l.createArgs(), "--name", "--help"), `error: name: "--help"`},
		{"a routing that is none", nil, append(l.createArgs(), "--routing", "ipip"), `error: --routing "ipip": use vxlan or bgp`},
		{"an unknown switch", nil, l.createArgs("--switch", "hub"), `error: --switch "hub": use auto, ceos or linux`},
		{"an argument too many", nil, l.createArgs("now"), "error: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := command(t, append(l.env(), tt.env...), w.plugin, tt.args...)
			var said []string
			for line := range strings.Lines(r.errOut) {
				if !strings.HasPrefix(line, " • ") && !strings.HasPrefix(line, " ✗ ") && !strings.HasPrefix(line, "no cEOS image") && !strings.HasPrefix(line, "See '") {
					said = append(said, line)
				}
			}
			if r.code != 1 || len(said) != 1 || !strings.HasPrefix(said[0], tt.want) || r.out != "" {
				t.Errorf("want one line %q\n%s", tt.want, r)
			}
		})
	}
	nothingLeft(t, before)
}
