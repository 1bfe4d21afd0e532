package cmd

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"github.com/yuin/goldmark/ast"
)

// TestMentions holds that the commands and flags which the pages mention within sentences exist.
func TestMentions(t *testing.T) {
	flags := map[string]bool{}
	for cmd := range available(newRoot()) {
		cmd.InitDefaultHelpFlag()
		for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags()} {
			set.VisitAll(func(f *pflag.Flag) { flags["--"+f.Name] = true })
		}
	}
	for _, p := range pages(t) {
		walkMarkdown(p.source, func(n ast.Node) {
			span, ok := n.(*ast.CodeSpan)
			if !ok {
				return
			}
			var text strings.Builder
			for c := span.FirstChild(); c != nil; c = c.NextSibling() {
				text.Write(c.(*ast.Text).Value(p.source))
			}
			mention := strings.ReplaceAll(text.String(), "\n", " ")
			if flag, _, _ := strings.Cut(mention, " "); strings.HasPrefix(flag, "--") && !flags[flag] {
				t.Errorf("%s mentions %s, which no command has", p.name, flag)
			}
			if !strings.HasPrefix(mention, displayName+" ") {
				return
			}
			parsed, err := statements(mention)
			if err != nil {
				t.Errorf("%s: %v", p.name, err)
			}
			for _, s := range parsed {
				if err := s.check(); err != nil {
					t.Errorf("%s: %v", p.name, err)
				}
			}
		})
	}
}

// TestTroubleshooting holds that the page has every fault that the end-to-end tests know, and every cause that a trace may
// name.
func TestTroubleshooting(t *testing.T) {
	page := read(t, "docs/troubleshooting.md")
	shown := slices.Sorted(maps.Keys(recordings()))
	for _, name := range shown {
		if !strings.Contains(page, "<!-- on "+name+" -->") {
			t.Errorf("the page does not show %s", name)
		}
	}
	faults := found(t, "test/e2e/fault_test.go", `(?m)^\t\t\{"(\w+)", `)
	for _, unread := range []string{"Unread"} { // is no fault of the lab
		shown = slices.DeleteFunc(shown, func(name string) bool { return name == unread })
	}
	if diff := cmp.Diff(faults, shown); diff != "" {
		t.Errorf("the faults of test/e2e (-), the recordings (+):\n%s", diff)
	}
	codes := slices.Concat(found(t, "pkg/inspect/trace/cause.go", causeCode), every(t, "pkg/inspect/trace/judge", causeCode))
	for _, code := range codes {
		if !strings.Contains(page, "| `"+code+"` |") {
			t.Errorf("the page does not explain the cause %s", code)
		}
	}
}

// causeCode finds the declaration of a cause of a trace: in cause.go, or beside the function that finds it.
const causeCode = `inspect\.Code = "([a-z-]+)"`

// every returns what a pattern finds in the Go files of a folder, which may be nothing.
func every(t *testing.T, folder, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no Go files in %s: %v", folder, err)
	}
	var all []string
	for _, file := range files {
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, filepath.Join(folder, filepath.Base(file))), -1) {
			all = append(all, match[1])
		}
	}
	return all
}

// found returns, sorted, what a pattern finds in a file.
func found(t *testing.T, file, pattern string) []string {
	t.Helper()
	var all []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, file), -1) {
		all = append(all, match[1])
	}
	if len(all) == 0 {
		t.Fatalf("%s has nothing like %s", file, pattern)
	}
	slices.Sort(all)
	return all
}
