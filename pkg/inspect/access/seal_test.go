package access

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// TestSeal holds Seal against the tool that it stands for.
func TestSeal(t *testing.T) {
	for text, want := range map[string]string{
		"": "4294967295 0", "x": sealOfX, "123456789": "930766865 9", "@dualstack-tables\n": "400829495 18",
		strings.Repeat("dualstack", 1000): "3200051649 9000",
	} {
		if got := Seal(text); got != want {
			t.Errorf("%.20q: got %s, want %s", text, got, want)
		}
	}
}

// shells are those of this machine; the images of clusters have one of them.
func shells(t *testing.T) [][]string {
	t.Helper()
	var found [][]string
	for _, shell := range [][]string{{"dash"}, {"bash"}, {"busybox", "sh"}} {
		if _, err := exec.LookPath(shell[0]); err == nil {
			found = append(found, shell)
		}
	}
	if found == nil {
		t.Fatal("this machine has no shell")
	}
	return found
}

// printed runs a script that prints sections.
func printed(t *testing.T, shell []string, sections string, tools bool) []byte {
	t.Helper()
	script := Preamble + sections + Ending
	if !tools {
		script = strings.ReplaceAll(script, "$try", "no-such-tool")
	}
	out, err := exec.Command(shell[0], append(shell[1:], "-c", script)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSectionsFromShells: what the shells print is read as it was meant, with cksum and without.
func TestSectionsFromShells(t *testing.T) {
	for _, shell := range shells(t) {
		for _, tools := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, cksum %v", shell[0], tools), func(t *testing.T) {
				out := printed(t, shell, `speak() { printf '[{"a":"%s"}]\n' 'b%s\n'; echo no >&2; echo why >&2; return 3; }
section one echo '[]'
section two speak
section three true
section four no-such-program
`, tools)
				if tools == bytes.Contains(out, []byte(" again\n")) {
					t.Errorf("printed twice: %s", out)
				}
				got, err := Sections(out)
				if err != nil {
					t.Fatalf("%v in\n%s", err, out)
				}
				if s := got["one"]; string(s.Out) != "[]\n" || s.Code != 0 || s.Stderr != "" {
					t.Errorf("one: %q %d %q", s.Out, s.Code, s.Stderr)
				}
				if s := got["two"]; string(s.Out) != `[{"a":"b%s\n"}]`+"\n" || s.Code != 3 || s.Stderr != "no" {
					t.Errorf("two: %q %d %q", s.Out, s.Code, s.Stderr)
				}
				if s := got["three"]; len(s.Out) != 0 || s.Code != 0 {
					t.Errorf("three: %q %d", s.Out, s.Code)
				}
				if s := got["four"]; s.Code != 127 || s.Stderr == "" {
					t.Errorf("four: %d %q", s.Code, s.Stderr)
				}
			})
		}
	}
}

// TestFramesFindHoles loses a piece in the middle of an output, or brings two in the wrong order: either nothing of it is
// taken for read, or all is as it was printed. What is printed is chosen so that no parser would notice by itself.
func TestFramesFindHoles(t *testing.T) {
	rows := &strings.Builder{}
	for i := range 200 {
		fmt.Fprintf(rows, "ipv4/conf/eth%d/rp_filter:%d\n", i, i%3)
	}
	sections := fmt.Sprintf("section one printf '%s'\nsection two echo '[]'\nsection three printf '%s'\n", rows, rows)
	for _, tools := range []bool{true, false} {
		whole := printed(t, shells(t)[0], sections, tools)
		want, err := Sections(whole)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		for range 4000 {
			a, b, c := random.IntN(len(whole)), random.IntN(len(whole)), random.IntN(len(whole))
			a, b, c = min(a, b, c), max(min(a, b), min(max(a, b), c)), max(a, b, c)
			broken := map[string][]byte{
				"lost":    append(bytes.Clone(whole[:a]), whole[b:]...),
				"swapped": bytes.Join([][]byte{whole[:a], whole[b:c], whole[a:b], whole[c:]}, nil),
			}
			for how, out := range broken {
				got, err := Sections(out)
				if err == nil && (len(got) < len(want) || same(got, want)) {
					continue // a section that is missing as a whole is for the caller to miss
				}
				if !errors.Is(err, ErrInconclusive) {
					t.Fatalf("%s [%d:%d:%d], cksum %v: error %v", how, a, b, c, tools, err)
				}
			}
		}
	}
}

func same(got, want map[string]Section) bool {
	for name, s := range want {
		if g := got[name]; !bytes.Equal(g.Out, s.Out) || g.Code != s.Code {
			return false
		}
	}
	return true
}
