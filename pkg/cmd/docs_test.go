package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/yuin/goldmark/ast"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// The languages of the blocks of a page, and with them what the tests do.
const (
	inConsole = "console" // "$ command" and what it prints: run, and compared
	inShell   = "sh"      // commands: run on the demo
	inText    = "text"    // nothing to be typed
	inYAML    = "yaml"
)

// TestDocsPages runs what the pages tell people to type, and compares what is printed with what they say. "make docs"
// rewrites that. What cannot be run here is listed in elsewhere.
//
// A comment before a block tells the tests more than readers need to know: <!-- on NAME --> has its commands look at one
// of the recordings, <!-- file NAME --> makes the block a file for the commands that follow.
func TestDocsPages(t *testing.T) {
	imports := whiteboard(t)
	for _, page := range pages(t) {
		page.imports = imports
		t.Run(page.name, func(t *testing.T) {
			noCluster(t)
			t.Chdir(t.TempDir())
			source := slices.Clone(page.source)
			for _, b := range slices.Backward(replay(t, page)) { // from the end, since the offsets are those of the source
				source = slices.Concat(source[:b.start], []byte(b.text), source[b.stop:])
			}
			if testutil.Update() {
				if err := os.WriteFile(page.path, source, 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(string(page.source), string(source)); diff != "" {
				t.Errorf("the page (-), what is printed (+); \"make docs\" rewrites it:\n%s", diff)
			}
		})
	}
}

// replay runs the blocks of a page, and returns them with the text that they must have.
func replay(t *testing.T, p page) []block {
	t.Helper()
	blocks := p.blocks(t)
	for i := range blocks {
		b := &blocks[i]
		if name, ok := b.says("file"); ok {
			if err := os.WriteFile(filepath.Base(name), []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		switch b.language {
		case inConsole:
			name, _ := b.says("on")
			recording := recordingFile(t, name)
			var all strings.Builder
			for _, e := range b.transcript(t) {
				all.WriteString(e.typed + e.replayed(t, recording))
			}
			b.text = all.String()
		case inText:
			if b.comment == "imports" {
				b.text = p.imports
			}
		case inYAML:
			if which, ok := b.says("roles"); ok {
				b.text = rolesOf(which)
			}
		case inShell:
			for _, s := range b.statements(t, b.text) {
				if s.runsHere() {
					runOnDemo(t, s)
				}
			}
		}
	}
	return blocks
}

// runOnDemo runs a statement of which nothing is said but that it works.
func runOnDemo(t *testing.T, s statement) {
	t.Helper()
	sh := &shell{t: t, snapshot: "demo"}
	out := sh.run(s)
	for _, code := range sh.codes {
		if code != 0 || strings.HasPrefix(out, "No ") {
			t.Errorf("%s: exit code %d, and on the terminal\n%s", s.text, code, out)
		}
	}
}

// recordingFile makes a file of a recording and returns its name; of none, nothing.
func recordingFile(t *testing.T, name string) string {
	t.Helper()
	if name == "" || name == "demo" {
		return name
	}
	snapshot, ok := recordings()[name]
	if !ok {
		t.Fatalf("there is no recording %q", name)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := snapfile.WriteFile(t.Context(), file, snapshot); err != nil {
		t.Fatal(err)
	}
	return file
}

// exchange is a command of a transcript and what it printed.
type exchange struct {
	typed   string // with the prompt and the end of the line
	command statement
	printed string
}

// replayed is what the command prints, or what the page says that it does where it is not run here.
func (e exchange) replayed(t *testing.T, recording string) string {
	t.Helper()
	if !e.command.runsHere() {
		return e.printed
	}
	if recording == "" {
		for _, call := range e.command.calls {
			if args, ok := ours(call); ok && readsCluster(args) {
				t.Errorf("%s: say of what: --snapshot demo, or a comment <!-- on … -->", e.command.text)
			}
		}
	}
	return (&shell{t: t, snapshot: recording}).run(e.command)
}

// readsCluster reports whether the program would look for a cluster.
func readsCluster(args []string) bool {
	cmd, err := resolve(args)
	if err != nil || cmd.Flags().Changed("help") {
		return false
	}
	f := cmd.Flags().Lookup("snapshot")
	return f != nil && !f.Changed
}

// block is a block of a page.
type block struct {
	language    string
	text        string
	start, stop int    // in the page's source
	line        int    // of its first line
	comment     string // before it
}

// says returns what the comment before a block says of something.
func (b block) says(what string) (string, bool) {
	return strings.CutPrefix(b.comment, what+" ")
}

// statements parses commands of a block.
func (b block) statements(t *testing.T, commands string) []statement {
	t.Helper()
	all, err := statements(commands)
	if err != nil {
		t.Fatalf("line %d: %v", b.line, err)
	}
	return all
}

// transcript takes a block apart.
func (b block) transcript(t *testing.T) []exchange {
	t.Helper()
	var all []exchange
	goesOn := false
	for line := range strings.Lines(b.text) {
		switch command, ok := strings.CutPrefix(line, "$ "); {
		case ok:
			all = append(all, exchange{typed: command})
			goesOn = strings.HasSuffix(line, "\\\n")
		case len(all) == 0:
			t.Fatalf("line %d: what is printed here, and by what? The block begins without \"$ \"", b.line)
		case goesOn:
			all[len(all)-1].typed += line
			goesOn = strings.HasSuffix(line, "\\\n")
		default:
			all[len(all)-1].printed += line
		}
	}
	for i := range all {
		parsed := b.statements(t, all[i].typed)
		if len(parsed) != 1 {
			t.Fatalf("line %d: %q is not one command", b.line, all[i].typed)
		}
		all[i].command, all[i].typed = parsed[0], "$ "+all[i].typed
	}
	return all
}

// page is a page of the documentation that people write.
type page struct {
	name, path string
	imports    string // which parts of the program import which
	source     []byte
}

// pages returns all of them.
func pages(t *testing.T) []page {
	t.Helper()
	top, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"README.md", "CONTRIBUTING.md", "SECURITY.md"}
	for _, name := range filesOf(t, filepath.Join(top, "docs")) {
		if strings.HasSuffix(name, ".md") {
			names = append(names, filepath.Join("docs", name))
		}
	}
	all := make([]page, len(names))
	for i, name := range names {
		all[i] = page{name: name, path: filepath.Join(top, name)}
		if all[i].source, err = os.ReadFile(all[i].path); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// blocks returns the blocks of a page, each of which must say what it is.
func (p page) blocks(t *testing.T) []block {
	t.Helper()
	var all []block
	walkMarkdown(p.source, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.CodeBlock:
			t.Errorf("%s, line %d: an indented block: put it between ``` with its language", p.name, p.line(n))
		case *ast.FencedCodeBlock:
			b := block{language: string(n.Language(p.source)), text: string(n.Lines().Value(p.source))}
			if n.Lines().Len() == 0 {
				t.Fatalf("%s: a block with nothing in it", p.name)
			}
			b.start, b.stop, b.line = n.Lines().At(0).Start, n.Lines().At(n.Lines().Len()-1).Stop, p.line(n)
			if comment, ok := n.PreviousSibling().(*ast.HTMLBlock); ok {
				b.comment = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(comment.Lines().Value(p.source))), "<!-- "), " -->")
			}
			if !slices.Contains([]string{inConsole, inShell, inText, inYAML}, b.language) {
				t.Errorf("%s, line %d: a block of %q: use %s, %s, %s or %s", p.name, b.line, b.language, inConsole, inShell, inText, inYAML)
			}
			if b.language == inText && strings.HasPrefix(b.text, "$ ") {
				t.Errorf("%s, line %d: commands in a block of %q: use %s or %s", p.name, b.line, inText, inConsole, inShell)
			}
			all = append(all, b)
		}
	})
	return all
}

// line returns the line of a page on which something begins.
func (p page) line(n ast.Node) int {
	if n.Lines().Len() == 0 {
		return 0
	}
	return 1 + bytes.Count(p.source[:n.Lines().At(0).Start], []byte("\n"))
}
