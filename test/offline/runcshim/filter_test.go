//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpecFile(t *testing.T) {
	tests := []struct {
		args  string
		file  string
		whole bool
	}{
		{"--root /run/x --log /l --log-format json create --bundle /b --pid-file /p id", "/b/config.json", true},
		{"--root=/run/x --systemd-cgroup create --bundle=/b id", "/b/config.json", true},
		{"create -b /b id", "/b/config.json", true},
		{"run id", "config.json", true},
		{"--root run create --bundle /b id", "/b/config.json", true},
		{"--root /run/x exec --process /tmp/p --detach id", "/tmp/p", false},
		{"exec -p /tmp/p id", "/tmp/p", false},
		{"exec id create --bundle /b", "", false},
		{"--version", "", false},
		{"--root /r state create", "", false},
		{"delete --force id", "", false},
		{"--root", "", false},
		{"exec --process", "", false},
		{"", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			file, whole := specFile(strings.Fields(tt.args))
			if file != tt.file || tt.file != "" && whole != tt.whole {
				t.Errorf("got %q, %t; want %q, %t", file, whole, tt.file, tt.whole)
			}
		})
	}
}

func TestFilter(t *testing.T) {
	lacks := []string{"CAP_SYS_RESOURCE", "CAP_BPF"}
	tests := []struct {
		name, spec, want string
		whole            bool
		lacks            []string
	}{
		{name: "process", lacks: lacks,
			spec: `{"args":["<a>&"],"capabilities":{"bounding":["CAP_BPF","CAP_CHOWN"],"ambient":[]},"oomScoreAdj":-500}`,
			want: `{"args":["<a>&"],"capabilities":{"ambient":[],"bounding":["CAP_CHOWN"]}}`},
		{name: "container", whole: true, lacks: lacks,
			spec: `{"v":"1","linux":{"n":18446744073709551615},"process":{"capabilities":{"effective":["CAP_BPF"]}}}`,
			want: `{"linux":{"n":18446744073709551615},"process":{"capabilities":{"effective":[]}},"v":"1"}`},
		{name: "the score stays where it can be set", lacks: []string{"CAP_BPF"},
			spec: `{"oomScoreAdj":-500}`, want: `{"oomScoreAdj":-500}`},
		{name: "no process", whole: true, lacks: lacks, spec: `{"a":1}`, want: `{"a":1}`},
		{name: "no capabilities", lacks: lacks, spec: `{"a":1}`, want: `{"a":1}`},
		{name: "nothing to remove", lacks: lacks,
			spec: `{"capabilities":{"bounding":["CAP_CHOWN"]}}`, want: `{"capabilities":{"bounding":["CAP_CHOWN"]}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			filter := filterProcess
			if tt.whole {
				filter = filterSpec
			}
			got, err := filter([]byte(tt.spec), tt.lacks)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestFilterRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for _, spec := range []string{``, `[]`, `{"process":[]}`, `{"process":{"capabilities":["CAP_BPF"]}}`} {
		if got, err := filterSpec([]byte(spec), []string{"CAP_BPF"}); err == nil {
			t.Errorf("%q gave %q, want an error", spec, got)
		}
	}
}

func TestReplaceKeepsTheMode(t *testing.T) {
	name := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(name, []byte(`{"old":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replace(name, []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := os.ReadFile(name); info.Mode().Perm() != 0o600 || !json.Valid(data) || string(data) != "{}" {
		t.Errorf("mode %v, content %q", info.Mode(), data)
	}
	if left, _ := os.ReadDir(filepath.Dir(name)); len(left) != 1 {
		t.Errorf("%d files left, want 1", len(left))
	}
}
