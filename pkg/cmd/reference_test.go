package cmd

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
)

// referenceFolder has a page for each command, made of its help.
var referenceFolder = filepath.Join("..", "..", "docs", "commands")

// TestDocsReference holds the page of every command against its help, see "make docs".
func TestDocsReference(t *testing.T) {
	// The default of --cache-dir is in the home folder, and the pages are the same for everybody.
	t.Setenv("HOME", "$HOME")
	t.Setenv("KUBECACHEDIR", "")
	root := newRoot()
	globals := root.PersistentFlags().FlagUsages()
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { f.Hidden = true }) // they are listed once, not on each page
	var pages []string
	for cmd := range available(root) {
		name := pageName(strings.ReplaceAll(cmd.CommandPath(), " ", "_") + ".md")
		pages = append(pages, name)
		page, err := reference(cmd, globals)
		if err != nil {
			t.Fatal(err)
		}
		testutil.Golden(t, filepath.Join("..", referenceFolder, name), page)
	}
	slices.Sort(pages)
	for _, file := range filesOf(t, referenceFolder) {
		if slices.Contains(pages, file) {
			continue
		}
		if testutil.Update() {
			if err := os.Remove(filepath.Join(referenceFolder, file)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("docs/commands/%s is of no command (run \"make docs\" to remove it)", file)
	}
}

// TestDocsPicture holds the picture of the README against what "graph" draws.
func TestDocsPicture(t *testing.T) {
	code, out, errOut := run(t, "graph", "--snapshot", "demo", "-o", "svg")
	if code != 0 {
		t.Fatal(errOut)
	}
	testutil.Golden(t, filepath.Join("..", "..", "..", "docs", "lab.svg"), []byte(out))
}

// reference is the page of a command.
func reference(cmd *cobra.Command, globals string) ([]byte, error) {
	cmd.DisableAutoGenTag = true
	cmd.InitDefaultHelpFlag()
	cmd.Flags().Lookup("help").Hidden = true // all have it
	var example []string
	for line := range strings.Lines(cmd.Example) { // kubectl's helper indents them
		example = append(example, strings.TrimRight(strings.TrimPrefix(line, "  "), " \n"))
	}
	cmd.Example = strings.Join(example, "\n")
	var b bytes.Buffer
	if err := doc.GenMarkdownCustom(cmd, &b, pageName); err != nil {
		return nil, err
	}
	page := strings.NewReplacer(
		cmd.Short+"\n\n### Synopsis\n\n", "", // the description begins with it
		"\n\n ", "\n\n", // kubectl's helper indents paragraphs
		"### Examples\n\n```\n", "### Examples\n\n```sh\n",
		"### SEE ALSO", "### See also", "\t - ", ": ",
	).Replace(b.String())
	page = strings.Replace(page, "## ", "# ", 1)
	page = strings.ReplaceAll(page, "\n### ", "\n## ")
	more := "All of [kubectl's own flags](options.md) are taken too."
	if cmd.Name() == "options" {
		more = "```\n" + globals + "```"
	}
	page = strings.Replace(page, "\n## See also", "\n"+more+"\n\n## See also", 1)
	return []byte(strings.TrimRight(page, "\n") + "\n"), nil
}

// pageName turns the name that the library gives to a page, of the whole command path, into ours.
func pageName(file string) string {
	prefix := strings.ReplaceAll(displayName, " ", "_")
	if file == prefix+".md" {
		return "README.md" // which is shown for the folder
	}
	return strings.TrimPrefix(file, prefix+"_")
}

// newRoot returns the root command, which prints nothing.
func newRoot() *cobra.Command {
	return NewCmdDualstack(genericiooptions.IOStreams{In: strings.NewReader(""), Out: io.Discard, ErrOut: io.Discard})
}

// available visits a command and all below it that users are shown.
func available(cmd *cobra.Command) func(yield func(*cobra.Command) bool) {
	return func(yield func(*cobra.Command) bool) {
		if !yield(cmd) {
			return
		}
		for _, child := range cmd.Commands() {
			if child.Hidden || child.Name() == "help" {
				continue
			}
			for below := range available(child) {
				if !yield(below) {
					return
				}
			}
		}
	}
}

// filesOf returns the names of the files in a folder.
func filesOf(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(fmt.Errorf("list %s: %w", folder, err))
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}
