//go:build e2e || bench

// Package e2e tries the plugin as its users do: the built binary, a real Docker host, real Kubernetes and real Calico. The images
// are those of package offline, so that no registry is needed. "make e2e" runs it.
package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline"
)

// world is what all tests share: the binary, the images and the programs that it is compared with.
type world struct {
	env      offline.Env
	release  release
	offline  *offline.Lab
	plugin   string // the binary
	dir      string // for what the tests write; removed at the end
	sharedUp sync.Once
	// createFlags are those of "lab create" for the release.
	createFlags []string
	// neverRestarted keeps the kubelet from starting the shared lab's Felix anew: see freezeHealthy.
	neverRestarted sync.Once
	shared         *lab
}

var w world

// commandTimeout bounds every command of the tests, so that one that hangs is a failure with a name.
const commandTimeout = 6 * time.Minute

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if w.offline, err = offline.Default(status.New(os.Stderr)); err != nil {
		return 0, err
	}
	if err := w.offline.Docker().Start(ctx); err != nil {
		return 0, err
	}
	if w.env, err = w.offline.Env(); err != nil {
		return 0, err
	}
	if w.release, err = releaseOf(w.env); err != nil {
		return 0, err
	}
	if w.release.built {
		if err := w.offline.Images(ctx); err != nil {
			return 0, err
		}
	}
	if _, err := w.offline.Binaries(ctx, "kubectl", "calicoctl"); err != nil {
		return 0, err
	}
	if w.dir, err = os.MkdirTemp("", "dualstack-e2e-"); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(w.dir)) }()
	if err := os.Chmod(w.dir, 0o755); err != nil { // an ordinary user runs the binary too
		return 0, err
	}
	w.plugin = filepath.Join(w.dir, "kubectl-dualstack")
	if out, err := exec.Command("go", "build", "-o", w.plugin, "../../cmd/kubectl-dualstack").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the plugin: %w\n%s", err, out)
	}
	if err := deleteLabs(); err != nil { // of a run that died
		return 0, err
	}
	if w.createFlags, err = w.release.args(w.dir); err != nil {
		return 0, err
	}
	code = m.Run()
	return code, deleteLabs()
}

// deleteLabs deletes the labs that the tests make, where they are.
func deleteLabs() error {
	for _, l := range []string{"e2e", "e2e-other", "e2e-third", "e2e-ceos", "e2e-bgp"} {
		if out, err := exec.Command(w.plugin, "lab", "delete", "--name", l).CombinedOutput(); err != nil {
			return fmt.Errorf("delete the lab %s of the tests: %w\n%s", l, err, out)
		}
	}
	return nil
}

// result is how a command ended.
type result struct {
	args   []string
	out    string
	errOut string
	code   int
}

func (r result) String() string {
	return fmt.Sprintf("%s\nexit code %d\n--- stdout\n%s--- stderr\n%s", strings.Join(r.args, " "), r.code, r.out, r.errOut)
}

// command runs a program with more environment and returns how it ended, whatever that was. It runs in cleanups too, when
// the test's context is done.
func command(t testing.TB, env []string, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), commandTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	r := result{args: append([]string{filepath.Base(name)}, args...), out: out.String(), errOut: errOut.String(), code: cmd.ProcessState.ExitCode()}
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", r.args, err)
	}
	return r
}

// must runs a program that must succeed, and returns its standard output.
func must(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	r := command(t, env, name, args...)
	if r.code != 0 {
		t.Fatal(r)
	}
	return r.out
}

// docker runs a docker command that must succeed.
func docker(t testing.TB, args ...string) string {
	t.Helper()
	return strings.TrimSpace(must(t, nil, "docker", args...))
}

// lab is a lab of the tests, with its own kubeconfig.
type lab struct {
	name       string
	kubeconfig string
}

func newLab(name string) *lab {
	return &lab{name: name, kubeconfig: filepath.Join(w.dir, name+".kubeconfig")}
}

// ownLab is a lab of one test, which creates it. It ends with the test, and must leave nothing.
func ownLab(t *testing.T, name string) *lab {
	t.Helper()
	before := inventory(t)
	l := newLab(name)
	t.Cleanup(func() {
		if r := l.plugin(t, "lab", "delete", "--name", l.name); r.code != 0 {
			t.Error(r)
		}
		nothingLeft(t, before)
	})
	return l
}

func (l *lab) env() []string { return []string{"KUBECONFIG=" + l.kubeconfig} }

// createArgs are the arguments of "lab create" for the release that is tested.
func (l *lab) createArgs(more ...string) []string {
	return slices.Concat([]string{"lab", "create", "--name", l.name}, w.createFlags, more)
}

// plugin runs the plugin against the lab.
func (l *lab) plugin(t testing.TB, args ...string) result {
	t.Helper()
	return command(t, l.env(), w.plugin, args...)
}

// mustPlugin runs the plugin, which must succeed, and returns its standard output.
func (l *lab) mustPlugin(t testing.TB, args ...string) string {
	t.Helper()
	return must(t, l.env(), w.plugin, args...)
}

// kubectl runs the kubectl that was built with the images; it must succeed.
func (l *lab) kubectl(t testing.TB, args ...string) string {
	t.Helper()
	return must(t, l.env(), filepath.Join(w.env.BinDir, "kubectl"), args...)
}

// calicoctl runs the calicoctl that was built with the images; it must succeed.
func (l *lab) calicoctl(t testing.TB, args ...string) string {
	t.Helper()
	needsBuilt(t, "a calicoctl of the lab's Calico")
	env := append(l.env(), "DATASTORE_TYPE=kubernetes")
	return must(t, env, filepath.Join(w.env.BinDir, "calicoctl"), append(args, "--allow-version-mismatch")...)
}

func (l *lab) nodes() []string {
	return []string{l.name + "-control-plane", l.name + "-worker", l.name + "-worker2"}
}

// shared returns the lab that the tests share. They leave it as they found it.
func shared(t testing.TB) *lab {
	t.Helper()
	w.sharedUp.Do(func() {
		l := newLab("e2e")
		r := l.plugin(t, l.createArgs()...)
		t.Logf("\n%s", r.errOut)
		if r.code != 0 {
			t.Fatal(r)
		}
		w.shared = l
	})
	if w.shared == nil {
		t.Fatal("the shared lab could not be created: see the first test that asked for it")
	}
	return w.shared
}

// runAll has the tests run that take turns.
var runAll = flag.Bool("all", false, "run the long tests of other days too")

// takesTurns skips a test of some minutes on every other day: together they would take CI longer than anybody waits.
func takesTurns(t *testing.T, first bool) {
	t.Helper()
	if even := time.Now().UTC().Unix()/(24*60*60)%2 == 0; even != first && !*runAll {
		t.Skip("it takes minutes, and is run every other day (UTC), or by \"make e2e ALL=1\"")
	}
}

// turnOf is whose turn it is of n, with the commit that is tested, or else the day.
func turnOf(t testing.TB, n int) int {
	t.Helper()
	count := time.Now().UTC().Unix() / (24 * 60 * 60)
	if out, err := exec.CommandContext(t.Context(), "git", "rev-list", "--count", "HEAD").Output(); err == nil {
		if commits, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64); err == nil {
			count = commits
		}
	}
	return int(count % int64(n))
}

// inventory is everything on the machine that a lab could leave behind.
func inventory(t testing.TB) []string {
	t.Helper()
	var all []string
	add := func(what string, lines ...string) {
		for _, l := range lines {
			if l != "" {
				all = append(all, what+" "+l)
			}
		}
	}
	add("container", strings.Split(docker(t, "ps", "-a", "--format", "{{.Names}} {{.ID}}"), "\n")...)
	add("network", strings.Split(docker(t, "network", "ls", "--format", "{{.Name}}"), "\n")...)
	add("volume", strings.Split(docker(t, "volume", "ls", "-q"), "\n")...)
	for _, line := range strings.Split(must(t, nil, "ip", "-o", "link"), "\n") {
		if fields := strings.Fields(line); len(fields) > 1 {
			name, _, _ := strings.Cut(strings.TrimSuffix(fields[1], ":"), "@")
			add("link", name)
		}
	}
	files, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	add("file", files...)
	slices.Sort(all)
	return all
}

// nothingLeft compares the machine with what it was before.
func nothingLeft(t testing.TB, before []string) {
	t.Helper()
	after := inventory(t)
	for _, x := range after {
		if !slices.Contains(before, x) {
			t.Errorf("left behind: %s", x)
		}
	}
	for _, x := range before {
		if !slices.Contains(after, x) {
			t.Errorf("taken away: %s", x)
		}
	}
}
