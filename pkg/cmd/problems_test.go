package cmd

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
)

// TestProblems holds that a row shows what the rules of check found about it, and only if they are asked for; and that the
// exit code follows from it as --fail-on says.
func TestProblems(t *testing.T) {
	broken := it.With(
		it.Annotate(it.Worker, func(n *inspect.Node) { n.InternalIPs = n.InternalIPs[:1] }),
		it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.NATOutgoing = false }),
		func(s *inspect.Snapshot) {
			for i := range s.Pods {
				if p := &s.Pods[i]; p.Node == it.Worker && !p.HostNetwork {
					p.IPs = p.IPs[:1]
				}
			}
			b := s.Blocks[0]
			b.CIDR, b.Node, b.Allocations = netip.MustParsePrefix("192.168.99.0/26"), "gone", nil
			s.Blocks = append(s.Blocks, b)
			for i := range s.EndpointSlices {
				if e := &s.EndpointSlices[i]; e.Service == it.ServiceDualStack && e.Family == inspect.IPv6 {
					e.Endpoints = nil
				}
			}
		})
	for line, want := range map[string]struct{ row, code string }{
		"nodes":       {it.Worker, "DS101"},
		"pods -A":     {"multitool-worker", "DS501"},
		"services -A": {it.ServiceDualStack, "DS702"},
		"ippools":     {"default-ipv6-ippool", "DS405"},
		"blocks":      {"192.168.99.0/26", "DS408"},
	} {
		t.Run(line, func(t *testing.T) {
			plain, code := runOn(t, broken, line+" -o json")
			if code != exit.OK || strings.Contains(plain, "problems") {
				t.Errorf("without the flag: exit code %d and\n%s", code, plain)
			}
			for failOn, wantCode := range map[string]int{"never": exit.OK, "warning": exit.Findings} {
				if _, code := runOn(t, broken, line+" --fail-on "+failOn); code != wantCode {
					t.Errorf("--fail-on %s: exit code %d", failOn, code)
				}
			}
			table, _ := runOn(t, broken, line+" --fail-on never")
			if row := lineWith(table, want.row); !strings.HasSuffix(strings.TrimSpace(row), want.code) {
				t.Errorf("the row of %s has no %s:\n%s", want.row, want.code, table)
			}
			out, _ := runOn(t, broken, line+" --fail-on never -o json")
			var list struct {
				Items []struct {
					Name, CIDR string
					Problems   []string
				}
			}
			if err := json.Unmarshal([]byte(out), &list); err != nil {
				t.Fatal(err)
			}
			for _, item := range list.Items {
				has := len(item.Problems) > 0 && strings.HasPrefix(item.Problems[0], want.code+": ")
				if is := item.Name == want.row || item.CIDR == want.row; is && !has || !is && strings.HasPrefix(strings.Join(item.Problems, ""), want.code) {
					t.Errorf("%s%s: problems %q", item.Name, item.CIDR, item.Problems)
				}
			}
			healthy, code := runOn(t, it.Lab(), line+" --fail-on warning -o json")
			if code != exit.OK || strings.Contains(healthy, `"problems"`) {
				t.Errorf("of the healthy lab: exit code %d and\n%s", code, healthy)
			}
		})
	}
}

// TestProblemsNotChecked holds that rules that could not be checked are named, on standard error and in JSON.
func TestProblemsNotChecked(t *testing.T) {
	out, _ := runOn(t, it.With(it.Lacking(inspect.FactPools, "cannot list ippools: permission denied")), "services -A --fail-on error -o json")
	if !strings.Contains(out, `"explanation": "cannot list ippools: permission denied"`) || !strings.Contains(out, "Note: DS702 is not checked: cannot list ippools: permission denied.") {
		t.Errorf("got\n%s", out)
	}
}

// runOn runs a command line on a snapshot, and returns all that it printed, and its exit code.
func runOn(t *testing.T, s *inspect.Snapshot, line string) (string, int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snapshot")
	var b bytes.Buffer
	if err := snapfile.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	streams, _, out, errOut := genericiooptions.NewTestIOStreams()
	args := append([]string{"kubectl-dualstack", "--snapshot", file}, strings.Fields(line)...)
	args[1], args[2], args[3] = args[3], "--snapshot", file
	code := Run(t.Context(), args, streams)
	if strings.Contains(line, "json") && !strings.Contains(line, "error") {
		return out.String(), code
	}
	return out.String() + errOut.String(), code
}

func lineWith(text, word string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			return line
		}
	}
	return ""
}
