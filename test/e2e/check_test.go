//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	rules "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
)

// roots runs check, and returns the codes of the root causes of severity warning and above, each once, sorted.
func roots(t *testing.T, l *lab) string {
	t.Helper()
	r := l.plugin(t, "check", "-o", "json")
	var report inspect.Report[inspect.Finding]
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	if len(report.Omitted) > 0 {
		t.Errorf("not checked on a lab: %v", report.Omitted)
	}
	causes, _ := rules.Roots(report.Items)
	var codes []string
	for _, f := range causes {
		if f.Severity != inspect.SeverityInfo {
			codes = append(codes, string(f.Code))
		}
	}
	slices.Sort(codes)
	return strings.Join(slices.Compact(codes), " ")
}

// TestCheck breaks the lab in ways that people report, and heals it: check names the cause, nothing unrelated, and is
// silent again afterwards. Felix goes on: a stopped one would be a finding.
func TestCheck(t *testing.T) {
	l := shared(t)
	if got := roots(t, l); got != "" {
		t.Fatalf("root causes on the healthy lab: %s", got)
	}
	worker := "e2e-worker"
	patch := func(json string) []string {
		return []string{"patch", "ippool", "default-ipv6-ippool", "--type=merge", "--patch", json}
	}
	annotate := func(value string) []string {
		return []string{"annotate", "--overwrite", "node", worker, "projectcalico.org/IPv6Address=" + value}
	}
	for _, test := range []struct {
		name, want   string
		inject, heal []string // of kubectl, or of docker where the first is a container
	}{
		{"IPv6 pool disabled", "DS401", patch(`{"spec":{"disabled":true}}`), patch(`{"spec":{"disabled":false}}`)},
		{"IPv6 pool selects no node", "DS402", patch(`{"spec":{"nodeSelector":"rack == 'none'"}}`), patch(`{"spec":{"nodeSelector":"all()"}}`)},
		{"natOutgoing off", "DS405", patch(`{"spec":{"natOutgoing":false}}`), patch(`{"spec":{"natOutgoing":true}}`)},
		{"network address", "DS304", annotate("fd00:10:10::/64"), annotate("fd00:10:10::11/64")},
		{"address of another node", "DS305", annotate("fd00:10:10::12/64"), annotate("fd00:10:10::11/64")},
		{"moved address", "DS303", annotate("fd00:10:10::99/64"), annotate("fd00:10:10::11/64")},
		{"forwarding off", "DS202", []string{worker, "sysctl", "-w", "net.ipv6.conf.all.forwarding=0"},
			[]string{worker, "sysctl", "-w", "net.ipv6.conf.all.forwarding=1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			do := func(args []string) {
				if args[0] == worker {
					docker(t, append([]string{"exec"}, args...)...)
				} else {
					l.kubectl(t, args...)
				}
			}
			t.Cleanup(func() { healthy(t, l) })
			t.Cleanup(func() { do(test.heal) })
			do(test.inject)
			if got := roots(t, l); got != test.want {
				t.Errorf("root causes %q, want %q\n%s", got, test.want, l.plugin(t, "check").out)
			}
		})
	}
	if got := roots(t, l); got != "" {
		t.Errorf("root causes after healing: %s", got)
	}
}
