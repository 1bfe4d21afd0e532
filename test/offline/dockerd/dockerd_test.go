package dockerd

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
)

func TestMergeConfig(t *testing.T) {
	const ours = `"dualstack-runcshim": {
      "path": "/shim"
    }`
	tests := []struct{ name, old, want string }{
		{"none yet", "", "{\n  \"default-runtime\": \"dualstack-runcshim\",\n  \"runtimes\": {\n    " + ours + "\n  }\n}\n"},
		{"all else stays", `{"mtu": 1400, "runtimes": {"crun": {"path": "/crun", "runtimeArgs": ["-v"]}}}`,
			"{\n  \"default-runtime\": \"dualstack-runcshim\",\n  \"mtu\": 1400,\n  \"runtimes\": {\n    \"crun\": {\n" +
				"      \"path\": \"/crun\",\n      \"runtimeArgs\": [\n        \"-v\"\n      ]\n    },\n    " + ours + "\n  }\n}\n"},
		{"somebody has chosen a default", `{"default-runtime": "crun"}`, `{"default-runtime": "crun"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := mergeConfig([]byte(tt.old), "/shim")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			again, err := mergeConfig(got, "/shim")
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("a second time changed it to %q, error %v", again, err)
			}
		})
	}
	for _, old := range []string{"{", "[]", `{"runtimes": []}`} {
		if got, err := mergeConfig([]byte(old), "/shim"); err == nil {
			t.Errorf("%q gave %q, want an error: it would be overwritten", old, got)
		}
	}
}

func TestRegister(t *testing.T) {
	dir := t.TempDir()
	program, installed := filepath.Join(dir, "built"), filepath.Join(dir, "sbin", "shim")
	config := filepath.Join(dir, "docker", "daemon.json")
	if err := os.WriteFile(program, []byte("machine code"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := register(program, installed, config); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(installed)
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("installed: %v, %v; want a program for everybody", info, err)
	}
	data, err := os.ReadFile(config)
	if err != nil || !strings.Contains(string(data), installed) {
		t.Errorf("configuration %q, %v; want one that names %s", data, err, installed)
	}
}

func TestUplinks(t *testing.T) {
	tests := []struct {
		name, routes string
		want         []string
	}{
		{"empty output", "", nil},
		{"no default route", "[]", nil},
		{"one", `[{"dst":"default","gateway":"10.0.0.1","dev":"eth0","flags":[]}]`, []string{"eth0"}},
		{"the same twice, with metrics", `[{"dev":"eth0","metric":1},{"dev":"wlan0"},{"dev":"eth0"}]`, []string{"eth0", "wlan0"}},
		{"several ways", `[{"dst":"default","nexthops":[{"dev":"eth1"},{"dev":"eth0"}]}]`, []string{"eth0", "eth1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := uplinks([]byte(tt.routes))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); len(tt.want)+len(got) > 0 && diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	if _, err := uplinks([]byte("default via 10.0.0.1")); err == nil {
		t.Error("text that is not JSON gave no error")
	}
}

func TestConfine(t *testing.T) {
	fake := &run.Fake{}
	fake.Answer("ip -4", `[{"dev":"eth0"}]`, nil)
	fake.Answer("ip -6", `[{"dev":"eth1"},{"dev":"eth2"}]`, nil)
	fake.Answer("iptables", "", nil)
	fake.Fail("iptables --wait --check", 1, "Bad rule")
	fake.Answer("ip6tables", "", nil)
	fake.Fail("ip6tables --wait --list-rules DOCKER-USER", 1, "No chain")
	fake.Fail("ip6tables --wait --check FORWARD --out-interface eth1", 1, "Bad rule")
	d := Daemon{Run: fake}
	if err := d.confine(t.Context()); err != nil {
		t.Fatal(err)
	}
	var inserted []string
	for _, c := range fake.Calls() {
		if strings.Contains(c.Cmd, "--insert") {
			inserted = append(inserted, c.Cmd)
		}
	}
	want := []string{
		"iptables --wait --insert DOCKER-USER --out-interface eth0 --jump REJECT",
		"ip6tables --wait --insert FORWARD --out-interface eth1 --jump REJECT", // eth2 has the rule
	}
	if diff := cmp.Diff(want, inserted); diff != "" {
		t.Errorf("rules (-want +got)\n%s", diff)
	}
}

func TestIsRunning(t *testing.T) {
	tests := []struct {
		stat string
		want bool
	}{
		{"42 (dockerd) S 1 42 42 0", true},
		{"42 (dockerd) Z 1 42 42 0", false},
		{"42 (docker) S 1 42 42 0", false},
		{"42 (a) dockerd) S 1 42", false},
		{"", false},
		{"42 dockerd", false},
	}
	for _, tt := range tests {
		if got := isRunning(tt.stat, "dockerd"); got != tt.want {
			t.Errorf("%q: got %t, want %t", tt.stat, got, tt.want)
		}
	}
}

func TestRemoveStale(t *testing.T) {
	own, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Skipf("no process table here: %v", err)
	}
	program := strings.TrimSpace(string(own))
	tests := []struct {
		name, content, program string
		kept                   bool
	}{
		{"it runs", fmt.Sprintln(os.Getpid()), program, true},
		{"its number is somebody else's by now", fmt.Sprint(os.Getpid()), "dockerd", false},
		{"half written", "", "dockerd", false},
		{"no such process", "4194305", "dockerd", false}, // above the highest that there can be
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pid")
			if err := os.WriteFile(file, []byte(tt.content), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := removeStale(file, tt.program); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(file); (err == nil) != tt.kept {
				t.Errorf("kept: %t, want %t", err == nil, tt.kept)
			}
		})
	}
	if err := removeStale(filepath.Join(t.TempDir(), "none"), "dockerd"); err != nil {
		t.Errorf("no file: error %v, want none", err)
	}
}

func TestRaise(t *testing.T) {
	dir := t.TempDir()
	for name, value := range map[string]string{"low": "128\n", "high": "99999\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := raise(dir, map[string]int{"low": 8192, "high": 8192}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"low": "8192", "high": "99999\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v; want %q", name, got, err, want)
		}
	}
}

// newDaemon returns a Daemon whose state is in a folder of the test.
func newDaemon(t *testing.T, fake *run.Fake) *Daemon {
	t.Helper()
	return &Daemon{Dir: t.TempDir(), Run: fake, Report: status.New(&bytes.Buffer{})}
}

func TestStartLeavesARunningDaemonAlone(t *testing.T) {
	fake := &run.Fake{}
	fake.Answer("docker version", "28.0\n", nil)
	if err := newDaemon(t, fake).Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if calls := fake.Calls(); len(calls) != 1 {
		t.Errorf("ran %q, want nothing but the question whether one answers", calls)
	}
}

func TestStartSaysWhereItCannot(t *testing.T) {
	t.Setenv("DOCKER_HOST", "tcp://elsewhere:2376")
	fake := &run.Fake{}
	fake.Fail("docker version", 1, "cannot connect")
	err := newDaemon(t, fake).Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "tcp://elsewhere:2376") {
		t.Errorf("error %v, want one that names the host that does not answer", err)
	}
}

func TestRestartLeavesTheDaemonOfOthersAlone(t *testing.T) {
	fake := &run.Fake{}
	fake.Answer("docker version", "28.0\n", nil)
	d := newDaemon(t, fake)
	for _, pid := range []string{"", fmt.Sprint(os.Getpid())} { // no file; a stale one with the number of another process
		if pid != "" {
			if err := os.WriteFile(d.PIDFile(), []byte(pid), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Restart(t.Context()); err == nil || !strings.Contains(err.Error(), "not started by") {
			t.Errorf("error %v, want a refusal", err)
		}
	}
}
