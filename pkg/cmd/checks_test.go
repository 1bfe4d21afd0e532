package cmd

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
)

// TestDocsChecks holds docs/checks.md against the rules, see "make docs".
func TestDocsChecks(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The rules of check\n\nThis page is made from the rules themselves. `kubectl dualstack check` runs them, and its option `--explain CODE` prints one of these.\n" +
		"Codes are permanent. A finding that follows from one of another rule is folded under it.\n\n" +
		"A rule reads what its page names: it needs the permission to list these objects, and for nodes' tables\n" +
		"[those of dualstack-node-tables](rbac.md#inspectors-that-read-nodes-too). Without one of them it is \"not checked\", with the reason.\n")
	var section check.Section
	for _, r := range check.Rules() {
		if r.Section != section {
			section = r.Section
			fmt.Fprintf(&b, "\n## %s\n", strings.ToUpper(string(section[:1]))+string(section[1:]))
		}
		fmt.Fprintf(&b, "\n### %s\n\n**%s** (%s)\n\n", r.Code, strings.ToUpper(r.Title[:1])+r.Title[1:], r.Severity)
		fmt.Fprintf(&b, "Why: %s\n\nMend: %s\n", literal(r.Why), literal(r.Mend))
		fmt.Fprintf(&b, "\nReads %s.\n", strings.Join(reads(r.Needs), ", "))
		if len(r.Follows) > 0 {
			codes := make([]string, len(r.Follows))
			for i, code := range r.Follows {
				codes[i] = fmt.Sprintf("[%s](#%s)", code, strings.ToLower(string(code)))
			}
			fmt.Fprintf(&b, "\nMay follow from %s.\n", strings.Join(codes, ", "))
		}
		if len(r.Reports) > 0 {
			fmt.Fprintf(&b, "\nReported in %s.\n", strings.Join(r.Reports, ", "))
		}
	}
	testutil.Golden(t, filepath.Join("..", "..", "..", "docs", "checks.md"), []byte(b.String()))
}

// reads names what the API calls the facts of a rule.
func reads(facts []inspect.Fact) []string {
	var all []string
	for _, fact := range inspect.Facts() {
		if !slices.Contains(facts, fact) {
			continue
		}
		for _, r := range resources()[fact] {
			name := "`" + strings.TrimSuffix(r.name+"."+r.group, ".") + "`"
			if r.only != "" {
				name += " (" + r.only + ")"
			}
			all = append(all, name)
		}
		switch {
		case fact == inspect.FactFelix:
			all = append(all, "the DaemonSet and the ConfigMap of calico-node")
		case resources()[fact] == nil:
			all = append(all, strings.ReplaceAll(string(fact), "node tables", "nodes' tables"))
		}
	}
	return all
}

// literal keeps Markdown from reading a pattern as emphasis.
func literal(s string) string { return strings.ReplaceAll(s, "*", `\*`) }
