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

// findingsOf runs all rules, each of which must be checked on a lab.
func findingsOf(t *testing.T, l *lab) []inspect.Finding {
	t.Helper()
	r := l.plugin(t, "check", "-o", "json")
	var report inspect.Report[inspect.Finding]
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	if len(report.Omitted) > 0 {
		t.Errorf("not checked on a lab: %v", report.Omitted)
	}
	return report.Items
}

// roots runs check, and returns the codes of the root causes of severity warning and above, each once, sorted.
func roots(t *testing.T, l *lab) string {
	t.Helper()
	causes, _ := rules.Roots(findingsOf(t, l))
	var codes []string
	for _, f := range causes {
		if f.Severity != inspect.SeverityInfo {
			codes = append(codes, string(f.Code))
		}
	}
	slices.Sort(codes)
	return strings.Join(slices.Compact(codes), " ")
}

// becomes waits until the root causes are those: what was injected takes some seconds to be everywhere. Before each look it
// does what is to be done.
func becomes(t *testing.T, l *lab, want string, before ...func(*testing.T)) {
	t.Helper()
	last := "none"
	defer func() {
		if t.Failed() {
			t.Logf("root causes %q, want %q\n%s", last, want, l.plugin(t, "check").out)
		}
	}()
	eventually(t, "root causes "+want, func() bool {
		for _, do := range before {
			do(t)
		}
		got := roots(t, l)
		if got != want && got != last {
			t.Logf("root causes %q, not yet %q", got, want)
		}
		last = got
		return got == want
	})
}

// TestCheck breaks the lab in ways that people report, and heals it: check names the cause, nothing unrelated, and is
// silent again afterwards. The command of each mend is accepted. Felix goes on: a stopped one would be a finding.
func TestCheck(t *testing.T) {
	l := shared(t)
	if got := roots(t, l); got != "" {
		t.Fatalf("root causes on the healthy lab: %s", got)
	}
	for _, f := range checkFaults(t, l) {
		t.Run(f.name, func(t *testing.T) {
			if f.long {
				takesTurns(t, false)
			}
			t.Cleanup(func() {
				f.heal(t)
				tunnelsMove(t, l, "every tunnel has its addresses", func(annotations string) bool {
					return strings.Contains(annotations, "/IPv4VXLANTunnelAddr") && strings.Contains(annotations, "/IPv6VXLANTunnelAddr")
				})
				becomes(t, l, "")
				healthy(t, l)
			})
			if f.again {
				becomes(t, l, f.want, f.inject)
				return
			}
			f.inject(t)
			becomes(t, l, f.want)
			mendsRun(t, l)
		})
	}
}

// TestCheckNotes makes what is only worth knowing: it is no root cause, and is listed.
func TestCheckNotes(t *testing.T) {
	l := shared(t)
	for code, spec := range map[inspect.Code]string{
		rules.SingleStackService: "{selector: {k8s-app: kube-dns}, ports: [{port: 53}]}",
		rules.ExternalLocal: "{type: NodePort, ipFamilyPolicy: RequireDualStack, externalTrafficPolicy: Local, selector: {k8s-app: kube-dns}, " +
			"ports: [{port: 53}]}",
	} {
		t.Run(string(code), func(t *testing.T) {
			file := manifestFile(t, "{apiVersion: v1, kind: Service, metadata: {name: noted, namespace: kube-system}, spec: "+spec+"}")
			l.kubectl(t, "create", "-f", file)
			t.Cleanup(func() { l.kubectl(t, "delete", "-f", file) })
			eventually(t, "the service is noted", func() bool {
				return slices.ContainsFunc(findingsOf(t, l), func(f inspect.Finding) bool {
					return f.Code == code && f.Severity == inspect.SeverityInfo && f.Subject == "service kube-system/noted"
				})
			})
			if got := roots(t, l); got != "" {
				t.Errorf("root causes %s", got)
			}
		})
	}
}

// TestCheckHealthy looks for false alarms.
func TestCheckHealthy(t *testing.T) {
	l := shared(t)
	for i := range 20 {
		if got := roots(t, l); got != "" {
			t.Errorf("run %d: root causes %s\n%s", i+1, got, l.plugin(t, "check").out)
		}
	}
}
