package cmd

import (
	"fmt"
	"maps"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// importPath is that of the module.
const importPath = "github.com/kubectl-dualstack/kubectl-dualstack/"

// folder is the part of the program that a package belongs to; empty for what only tests use.
func folder(pkg string) string {
	pkg = strings.TrimPrefix(pkg, importPath)
	own := []string{"pkg/cmd/command", "pkg/cmd/printer", "pkg/cmd/diagram", "pkg/inspect", "pkg/inspect/gather", "pkg/inspect/access", "pkg/inspect/felix", "pkg/inspect/policy",
		"pkg/inspect/trace", "pkg/inspect/check", "pkg/inspect/graph", "pkg/inspect/diff", "pkg/inspect/snapfile", "pkg/inspect/redact"}
	for at := pkg; at != "."; at = path.Dir(at) {
		switch base := path.Base(at); {
		case strings.HasSuffix(base, "test") || base == "testutil":
			return ""
		case slices.Contains(own, at) && (at != "pkg/inspect" || at == pkg):
			return at
		case at == "cmd", at == "pkg/cmd", at == "pkg/lab", at == "pkg/calico", at == "internal":
			return at
		case at == "pkg/inspect":
			return "pkg/inspect/<inspector>"
		}
	}
	return ""
}

// whiteboard draws which parts of the program import which, as "go list" says.
func whiteboard(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, importPath+"...").Output()
	if err != nil {
		t.Skip("the packages cannot be listed: ", err) // where there is no go command
	}
	arrows := map[string]map[string]bool{}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		from := folder(words[0])
		if from == "" {
			continue
		}
		if arrows[from] == nil {
			arrows[from] = map[string]bool{}
		}
		for _, imported := range words[1:] {
			if to := folder(imported); strings.HasPrefix(imported, importPath) && to != "" && to != from {
				arrows[from][to] = true
			}
		}
	}
	if len(arrows) < 10 {
		t.Fatalf("go list shows %d parts of the program", len(arrows))
	}
	var text strings.Builder
	for _, from := range slices.Sorted(maps.Keys(arrows)) {
		fmt.Fprintln(&text, strings.TrimRight(fmt.Sprintf("%-24s -> %s", from, strings.Join(slices.Sorted(maps.Keys(arrows[from])), ", ")), " "))
	}
	return text.String()
}

// TestInternalImportsNothing holds that internal knows nothing of the project, and that pictures and tables stand above
// what they show.
func TestInternalImportsNothing(t *testing.T) {
	for line := range strings.Lines(whiteboard(t)) {
		from, to, _ := strings.Cut(line, "->")
		switch from = strings.TrimSpace(from); {
		case from == "internal" && strings.TrimSpace(to) != "",
			strings.HasPrefix(from, "pkg/inspect") && (strings.Contains(to, "pkg/cmd") || strings.Contains(to, "pkg/lab")),
			from == "pkg/lab" && (strings.Contains(to, "pkg/cmd") || strings.Contains(to, "pkg/inspect")):
			t.Error("an arrow points up: ", line)
		}
	}
}
