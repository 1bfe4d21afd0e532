package cmd

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/fdb"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/neighbors"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/vxlan"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
)

// TestDocsVersions holds docs/versions.md against the table of differences between releases, and against what the inspectors and
// check say of each recording.
func TestDocsVersions(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "versions.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(page)
	for head, table := range map[string]string{"| difference |": differences(), "| recording |": recorded(t), "| Calico |": pairings()} {
		want = regexp.MustCompile(`(?m)^`+regexp.QuoteMeta(head)+`.*\n(\|.*\n)*`).ReplaceAllLiteralString(want, table)
		if !strings.Contains(string(page), head) {
			t.Errorf("docs/versions.md has no table that begins with %q", head)
		}
	}
	if testutil.Update() {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := gocmp.Diff(string(page), want); diff != "" {
		t.Errorf("docs/versions.md (-), the program (+); \"make docs\" rewrites it:\n%s", diff)
	}
}

func differences() string {
	var b strings.Builder
	b.WriteString("| difference | since | until | what it is | where Calico decides it |\n|---|---|---|---|---|\n")
	for _, d := range felix.Differences() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", d.Change, d.Since, cmp.Or(d.Until, "now"), d.What, d.Source)
	}
	return b.String()
}

func pairings() string {
	var b strings.Builder
	b.WriteString("| Calico | tested with Kubernetes | its documentation | node image of the lab |\n|---|---|---|---|\n")
	for _, p := range lab.Pairings() {
		release := fmt.Sprintf("v3.%d", p.Calico)
		image, _, _ := strings.Cut(lab.NodeImage(release+".0"), "@")
		fmt.Fprintf(&b, "| %s | v1.%d to v1.%d | %s | %s |\n", release, p.First, p.Last, p.Source, image)
	}
	return b.String()
}

// recorded says of each recording how many rows of its kernels' tables are verified, how many of them are not ok, and what check finds.
func recorded(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("| recording | kube-proxy's rules | nodes | rows verified | not ok | errors and warnings of check | rules not checked |\n|---|---|---|---|---|---|---|\n")
	names := inspecttest.Recordings(t)
	slices.Sort(names)
	for _, name := range names {
		s := inspecttest.Recording(t, name)
		var rows, bad int
		count := func(j inspect.Judgement) {
			rows++
			if j.Status != inspect.StatusOK {
				bad++
			}
		}
		for _, r := range routes.Analyze(s, routes.Options{}).Items {
			count(r.Judgement)
		}
		for _, r := range fdb.Analyze(s, fdb.Options{}).Items {
			count(r.Judgement)
		}
		for _, r := range neighbors.Analyze(s, neighbors.Options{}).Items {
			count(r.Judgement)
		}
		for _, r := range vxlan.Analyze(s, vxlan.Options{}).Items {
			count(r.Judgement)
		}
		report := check.Analyze(s, check.Rules(), check.Filter{})
		found := slices.DeleteFunc(report.Items, func(f inspect.Finding) bool { return f.Severity == inspect.SeverityInfo })
		unchecked := map[string]bool{}
		for _, o := range report.Omitted {
			unchecked[o.Part] = true
		}
		kind := "not recorded"
		for _, nat := range s.NAT {
			if len(nat.V4.KubeProxy) > 0 {
				kind = strings.Join(nat.V4.KubeProxy, ", ")
			}
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %d |\n", name, kind, len(s.Nodes), rows, bad, len(found), len(unchecked))
	}
	return b.String()
}
