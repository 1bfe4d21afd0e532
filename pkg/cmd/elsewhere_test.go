package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// place says where a command of the documentation is run that the tests of this package cannot run.
type place struct {
	command string // its first words
	file    string // what runs it, or does the same; empty is nothing, which docs/not-tested.md must admit
	proof   string // a part of that file, so that this list cannot outlive what it speaks of
}

// elsewhere are the commands that need a cluster, Docker or other programs.
func elsewhere() []place {
	const (
		demo      = "hack/demo.sh"
		lifecycle = "test/e2e/lifecycle_test.go"
		roles     = "test/apiserver/rbac_test.go"
		krew      = "test/release/krew_test.go"
		nothing   = ""
	)
	return []place{
		{"kubectl dualstack lab create", demo, "create=(lab create)"},
		{"kubectl dualstack lab delete", lifecycle, `"lab", "delete"`},
		{"kubectl dualstack lab list", lifecycle, `"lab", "list"`},
		{"kubectl dualstack lab status", lifecycle, `"lab", "status"`},
		{"kubectl dualstack lab switch", "pkg/cmd/lab/switchcmd/switch_test.go", ".Switch(t.Context()"},
		{"kubectl dualstack lab export", "pkg/lab/export_test.go", ".Existing(t.Context()"},
		{"kubectl dualstack diff", "test/e2e/diff_test.go", `"diff", before`},
		{"docker exec dual-stack-worker ip link set vxlan-v6.calico down", "test/e2e/fault_test.go", `"ip", "link", "set", s.device(), "down"`},
		{"eval", demo, `eval "$("${offline[@]}" env)"`},
		{"make images", demo, `"${offline[@]}" images`},
		{"make test", ".github/workflows/test.yml", "run: make test"},
		{"kubectl krew install", krew, `"kubectl", "krew", "install"`},
		{"kubectl create clusterrolebinding", roles, "ClusterRoleBindings()"},
		{"kubectl -n kube-system create rolebinding", roles, "RoleBindings(nodeNamespace)"},

		{"make demo", nothing, ""},
		{"make build", nothing, ""},
		{"ln -s", nothing, ""},
		{"source", nothing, ""},
		{"sha256sum --check", nothing, ""},
		{"tar -xzf", nothing, ""},
		{"install", nothing, ""},
		{"gh attestation verify", nothing, ""},
		{"docker import", nothing, ""},
		{"xargs -n 1 docker pull", nothing, ""},
		{"curl -sSL", nothing, ""},
		{"docker save", nothing, ""},
		{"docker load", nothing, ""},
		{"kind load", nothing, ""},
	}
}

// TestElsewhere holds that every command of the documentation and of the help exists and is run by something: here, or
// where elsewhere says. Nothing is on that list that is in no page.
func TestElsewhere(t *testing.T) {
	var all []statement
	for cmd := range available(newRoot()) {
		all = append(all, examplesOf(t, cmd)...)
	}
	for _, p := range pages(t) {
		for _, b := range p.blocks(t) {
			switch b.language {
			case inConsole:
				for _, e := range b.transcript(t) {
					all = append(all, e.command)
				}
			case inShell:
				all = append(all, b.statements(t, b.text)...)
			}
		}
	}
	places := elsewhere()
	used := make([]bool, len(places))
	for _, s := range all {
		if err := s.check(); err != nil {
			t.Error(err)
		}
		if s.runsHere() {
			continue
		}
		i := slices.IndexFunc(places, func(p place) bool { return s.text == p.command || strings.HasPrefix(s.text, p.command+" ") })
		if i < 0 {
			t.Errorf("nothing runs %q: make it run on --snapshot demo, or say in elsewhere what runs it", s.text)
			continue
		}
		used[i] = true
	}
	admitted := read(t, filepath.Join("docs", "not-tested.md"))
	for i, p := range places {
		switch {
		case !used[i]:
			t.Errorf("%q is in no page", p.command)
		case p.file == "" && !strings.Contains(admitted, "`"+p.command+"`"):
			t.Errorf("nothing runs %q, and docs/not-tested.md does not say so", p.command)
		case p.file != "" && !strings.Contains(read(t, p.file), p.proof):
			t.Errorf("%s does not run %q: it has no %s", p.file, p.command, p.proof)
		}
	}
}

// read returns a file of the repository.
func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
