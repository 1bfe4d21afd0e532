package cmd

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
)

// TestDocsChecks holds docs/checks.md against the rules, see "make docs".
func TestDocsChecks(t *testing.T) {
	var b strings.Builder
	b.WriteString("# The rules of check\n\nThis page is made from the rules themselves. `kubectl dualstack check` runs them, and its option `--explain CODE` prints one of these.\n" +
		"Codes are permanent. A finding that follows from one of another rule is folded under it.\n")
	var section check.Section
	for _, r := range check.Rules() {
		if r.Section != section {
			section = r.Section
			fmt.Fprintf(&b, "\n## %s\n", strings.ToUpper(string(section[:1]))+string(section[1:]))
		}
		fmt.Fprintf(&b, "\n### %s\n\n**%s** (%s)\n\n", r.Code, strings.ToUpper(r.Title[:1])+r.Title[1:], r.Severity)
		fmt.Fprintf(&b, "Why: %s\n\nMend: %s\n", literal(r.Why), literal(r.Mend))
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

// literal keeps Markdown from reading a pattern as emphasis.
func literal(s string) string { return strings.ReplaceAll(s, "*", `\*`) }
