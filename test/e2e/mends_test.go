//go:build e2e

package e2e

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	rules "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
)

// mendOf returns the kubectl command in the words of a mend, split as a shell would, or nil. It ends where the sentence goes on: at a comma
// or semicolon outside of quotes, or at a lower-case word that follows what the command is about.
func mendOf(mend string) []string {
	_, line, ok := strings.Cut(mend, "kubectl ")
	if !ok {
		return nil
	}
	var args []string
	for _, word := range regexp.MustCompile(`(?:[^\s']+|'[^']*')+`).FindAllString(line, -1) {
		bare := strings.TrimRight(word, ",;:.")
		if bare == "shows" || bare == "or" || bare == "to" {
			break
		}
		if text := strings.ReplaceAll(bare, "'", ""); text != "" {
			args = append(args, text)
		}
		if bare != word {
			break
		}
	}
	return args
}

// TestMendOf reads commands as they stand in the rules' mends.
func TestMendOf(t *testing.T) {
	for mend, want := range map[string]string{
		"kubectl describe node a": "describe node a",
		"list them with kubectl dualstack fdb; restart calico-node on the node":                  "dualstack fdb",
		`kubectl patch ippool p --type=merge -p '{"spec":{"disabled":false}}', or create a pool`: `patch ippool p --type=merge -p {"spec":{"disabled":false}}`,
		"kubectl annotate node a projectcalico.org/IPv6Address- , correct the autodetection":     "annotate node a projectcalico.org/IPv6Address-",
		"kubectl -n b describe service s shows what the controller says":                         "-n b describe service s",
		"start kubelet with --node-ip=IPV4,IPV6":                                                 "",
	} {
		if got := strings.Join(mendOf(mend), " "); got != want {
			t.Errorf("%q: got %q, want %q", mend, got, want)
		}
	}
}

// mendsRun runs the command of each mend in the state in which check shows it: the server must accept it, and one that only shows something
// must show it. Changes are dry runs, and an editor's object is only shown.
func mendsRun(t *testing.T, l *lab) {
	t.Helper()
	var seen []string
	causes, _ := rules.Roots(findingsOf(t, l))
	for _, f := range causes {
		args := mendOf(f.Mend)
		line := strings.Join(args, " ")
		if len(args) == 0 || slices.Contains(seen, line) {
			continue
		}
		seen = append(seen, line)
		var r result
		if args[0] == "dualstack" {
			r = l.plugin(t, args[1:]...)
		} else {
			r = command(t, l.env(), filepath.Join(w.env.BinDir, "kubectl"), harmless(args)...)
		}
		found := args[0] == "dualstack" && r.code == 2
		if r.code != 0 && !found || strings.TrimSpace(r.out) == "" {
			t.Errorf("%s says: %s\nits command is refused, or shows nothing: %s", f.Code, f.Mend, r)
		}
	}
}

// harmless makes a kubectl command one that changes nothing.
func harmless(args []string) []string {
	args = slices.Clone(args)
	for i, word := range args {
		switch word {
		case "patch", "annotate", "label", "set", "delete", "create":
			return append(args, "--dry-run=server")
		case "edit":
			args[i] = "get"
			return args
		case "restart": // of a rollout: it knows no dry run
			args[i] = "status"
			return args
		}
	}
	return args
}
