package cmd

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unpinned are the actions of which no commit is known that could be verified. SECURITY.md says so ("What a release is").
var unpinned = []string{"rajatjindal/krew-release-bot@v0.0.50"}

// TestActionsArePinned holds that workflows run actions by commit, with the version for readers, since whoever owns an action can
// move its tags.
func TestActionsArePinned(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no workflows: %v", err)
	}
	uses, pinned := regexp.MustCompile(`(?m)^[\s-]*uses:\s*(.*?)\s*$`), regexp.MustCompile(`^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	var excepted []string
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range uses.FindAllSubmatch(content, -1) {
			switch action := string(m[1]); {
			case slices.Contains(unpinned, action):
				excepted = append(excepted, action)
			case !pinned.MatchString(action):
				t.Errorf("%s runs %s, which is neither \"ACTION@COMMIT # vX.Y.Z\" nor an exception", filepath.Base(path), action)
			}
		}
	}
	if !slices.Equal(excepted, unpinned) {
		t.Errorf("the exceptions are %v, of which the workflows run %v", unpinned, excepted)
	}
}

// declared lists the functions of all tests that match a pattern, each as "NAME ./FOLDER".
func declared(t *testing.T, pattern string) []string {
	t.Helper()
	name := regexp.MustCompile(`(?m)^func (` + pattern + `)\(`)
	var all []string
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		for _, m := range name.FindAllSubmatch(content, -1) {
			all = append(all, string(m[1])+" ."+strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../.."))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// TestFuzzTargets holds that "make fuzz" runs every fuzz target, in the package where it is.
func TestFuzzTargets(t *testing.T) {
	var got []string
	for _, m := range regexp.MustCompile(`fuzz (Fuzz\w+ \./\S+)`).FindAllStringSubmatch(read(t, "Makefile"), -1) {
		got = append(got, m[1])
	}
	slices.Sort(got)
	if want := declared(t, `Fuzz\w+`); !slices.Equal(got, want) {
		t.Errorf("make fuzz runs %q, want %q", got, want)
	}
}

// TestPromises holds that the tests which SECURITY.md names exist, each in the package that the text names after it, if any.
func TestPromises(t *testing.T) {
	all := declared(t, `(?:Test|Fuzz)\w+`)
	for _, m := range regexp.MustCompile("`((?:Test|Fuzz)\\w+)`(?:\\s\\(`([\\w/]+)`\\))?").FindAllStringSubmatch(read(t, "SECURITY.md"), -1) {
		found := slices.ContainsFunc(all, func(test string) bool {
			return test == m[1]+" ./"+m[2] || m[2] == "" && strings.HasPrefix(test, m[1]+" ")
		})
		if !found {
			t.Errorf("SECURITY.md names %s %s, which does not exist", m[1], m[2])
		}
	}
}
