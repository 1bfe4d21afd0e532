package cmd

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// TestLinks holds that the pages of the documentation link to what there is.
func TestLinks(t *testing.T) {
	all := pages(t)
	for _, name := range filesOf(t, referenceFolder) {
		path, err := filepath.Abs(filepath.Join(referenceFolder, name))
		if err != nil {
			t.Fatal(err)
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page{name: filepath.Join("docs", "commands", name), path: path, source: source})
	}
	for _, p := range all {
		walkMarkdown(p.source, func(n ast.Node) {
			var to []byte
			switch n := n.(type) {
			case *ast.Link:
				to = n.Destination
			case *ast.Image:
				to = n.Destination
			default:
				return
			}
			link, err := url.Parse(string(to))
			if err != nil || link.Host != "" { // other people's pages are not asked for
				return
			}
			target := p.path
			if link.Path != "" {
				target = filepath.Join(filepath.Dir(p.path), link.Path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", p.name, to)
			} else if link.Fragment != "" && !slices.Contains(headings(t, target), link.Fragment) {
				t.Errorf("%s links to %s, where no such heading is", p.name, to)
			}
		})
	}
}

// headings are the names by which the headings of a page can be linked to.
func headings(t *testing.T, path string) []string {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(path, ".md") {
		t.Fatalf("%s has no headings (%v)", path, err)
	}
	var names []string
	walkMarkdown(source, func(n ast.Node) {
		if h, ok := n.(*ast.Heading); ok {
			if id, ok := h.AttributeString("id"); ok {
				names = append(names, string(id.([]byte)))
			}
		}
	})
	return names
}

// walkMarkdown visits all parts of a page.
func walkMarkdown(source []byte, visit func(ast.Node)) {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithParserOptions(parser.WithAutoHeadingID()))
	// The walk ends with what visit returns, which is nothing.
	_ = ast.Walk(md.Parser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			visit(n)
		}
		return ast.WalkContinue, nil
	})
}
