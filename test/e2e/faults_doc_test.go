//go:build e2e

package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// record is the page that is written of what the traces of the faults have said: "make faults-doc".
var record = flag.String("record", "", "file to write with what traces said of each fault")

// told is what a trace said of a fault.
type told struct {
	name, args string
	failed     []string // "4 cross-node IPv6"
	cause      string   // the first
	right      bool
}

// page collects what is told of the faults, in the order of the tests.
var page []told

// tell prints what a trace said of a fault, and keeps it for the page. A path that stands on others says the same as
// they do, with an endpoint's name before it.
func tell(t testing.TB, name string, args []string, failed []trace.Path) {
	t.Helper()
	slices.SortStableFunc(failed, func(a, b trace.Path) int {
		order := func(p *trace.Path) int {
			if derived(p) {
				return 1
			}
			return 0
		}
		return cmp.Or(order(&a)-order(&b), strings.Compare(string(a.Class), string(b.Class)), cmp.Compare(a.Family, b.Family))
	})
	counts := map[string]int{}
	one := told{name: name, args: strings.Join(args, " "), right: !t.Failed()}
	said := map[string]bool{}
	for i := range failed {
		p := &failed[i]
		kind := fmt.Sprintf("%s %s", p.Class, p.Family)
		if counts[kind]++; counts[kind] == 1 {
			one.failed = append(one.failed, kind)
		}
		if p.Cause == nil {
			continue
		}
		text := fmt.Sprintf("%s: %s", p.Cause.Code, p.Cause.Summary)
		one.cause = cmp.Or(one.cause, text)
		if !said[text] {
			said[text] = true
			t.Logf("%s: %s: %s", name, kind, text)
		}
	}
	for i, kind := range one.failed {
		one.failed[i] = fmt.Sprintf("%d %s", counts[kind], kind)
	}
	page = append(page, one)
}

// writePage writes the page, where it was asked for.
func writePage() error {
	if *record == "" {
		return nil
	}
	var b strings.Builder
	b.WriteString("# What a trace says of each fault\n\n" +
		"`make faults-doc` writes this page: the end-to-end tests break the lab in each of these ways, and compare the verdict of every path\n" +
		"and each cause with the expected ones. Paths to services and names may pass or fail, since an endpoint is chosen at random;\n" +
		"every other path has one expected verdict. \"Right\" says whether all of them were as expected.\n\n" +
		"| Fault | `trace` with | Paths that failed | First cause said | Right |\n|---|---|---|---|---|\n")
	for _, r := range page {
		right := "no"
		if r.right {
			right = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.name, r.args, cmp.Or(strings.Join(r.failed, ", "), "none"),
			strings.ReplaceAll(r.cause, "|", `\|`), right)
	}
	return os.WriteFile(*record, []byte(b.String()), 0o644)
}
