package nodetables

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// With -record NAME, TestKernel writes what Script printed to testdata/NAME.txt instead of checking it; with -root DIR
// as well, it is the ip of the system below DIR (/proc/PID/root of a container) that prints.
var (
	record     = flag.String("record", "", "record this machine's tables as testdata/`NAME`.txt")
	recordRoot = flag.String("root", "/", "root `DIR` of the system whose ip is used")
)

// TestKernel runs Script against this machine's kernel and iproute2, in a network namespace laid out by
// testdata/node.sh, and expects the tables that were once recorded.
func TestKernel(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to make network namespaces")
	}
	for _, tool := range []string{"ip", "bridge"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("needs %s", tool)
		}
	}
	out := runInNamespace(t)
	if *record != "" {
		if err := os.WriteFile(filepath.Join("testdata", *record+".txt"), out, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	recorded, err := os.ReadFile(filepath.Join("testdata", "iproute2-6.1.txt"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := Parse(recorded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, sameFacts...); diff != "" {
		t.Errorf("tables of this kernel (-recorded, +here):\n%s", diff)
	}
}

// sameFacts leaves out what differs from run to run: counters, the order within hash tables, the machine's own
// defaults.
var sameFacts = []cmp.Option{
	cmpopts.EquateComparable(inspect.MAC{}),
	cmpopts.IgnoreFields(inspect.Link{}, "RXPackets", "TXPackets"),
	cmpopts.IgnoreFields(inspect.NodeTable{}, "Sysctls"),
	cmpopts.SortSlices(func(a, b inspect.Neighbor) bool { return fmt.Sprint(a) < fmt.Sprint(b) }),
	cmpopts.SortSlices(func(a, b inspect.FDBEntry) bool { return fmt.Sprint(a) < fmt.Sprint(b) }),
	cmp.Comparer(func(a, b inspect.LinkAddress) bool { return a == b }),
	cmp.Comparer(func(a, b inspect.Route) bool { return a == b }),
	cmp.Comparer(func(a, b inspect.Rule) bool { return a == b }),
	cmp.Comparer(func(a, b inspect.Neighbor) bool { return a == b }),
	cmp.Comparer(func(a, b inspect.FDBEntry) bool { return a == b }),
	cmp.Comparer(func(a, b inspect.VXLAN) bool { return a == b }),
}

func runInNamespace(t *testing.T) []byte {
	t.Helper()
	node := fmt.Sprintf("nodetables-%d", os.Getpid())
	peer := node + "-peer"
	for _, ns := range []string{node, peer} {
		if out, err := exec.Command("ip", "netns", "add", ns).CombinedOutput(); err != nil {
			t.Skipf("network namespaces cannot be made here: %s", out)
		}
		t.Cleanup(func() {
			if out, err := exec.Command("ip", "netns", "delete", ns).CombinedOutput(); err != nil {
				t.Errorf("delete network namespace %s: %s", ns, out)
			}
		})
	}
	if out, err := exec.Command("sh", "testdata/node.sh", node, peer).CombinedOutput(); err != nil {
		t.Skipf("this kernel cannot be laid out as a node: %s", out)
	}
	out, err := exec.Command("ip", "netns", "exec", node, "chroot", *recordRoot, "sh", "-c", Script).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
