package cmd

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
)

// record makes TestDemo the one that records the demo, see "make demo-snapshot". The cluster is that of the current
// kubeconfig.
var record = flag.Bool("record", false, "record the demo and the tables of the live cluster")

// demoFile is where the recording is, to be built into the program.
var demoFile = filepath.Join("..", "inspect", "snapfile", "demo", "lab.snapshot")

// demoRuns are the ways in which each inspector is tried: every format, with two of its keys, and what narrows the rows.
func demoRuns(i inspector.Inspector) [][]string {
	a, b := demoKeys(i)
	runs := [][]string{
		{}, {"--no-headers"}, {"-o", "wide"}, {"-o", "json"}, {"-o", "yaml"}, {"-o", "name"},
		{"-o", fmt.Sprintf("jsonpath={range .items[*]}{.%s} {.%s}{\"\\n\"}{end}", a, b)},
		{"-o", fmt.Sprintf("go-template={{range .items}}{{.%s}} {{.%s}}{{\"\\n\"}}{{end}}", a, b)},
		{"-o", fmt.Sprintf("custom-columns=A:.%s,B:.%s", a, b)},
		{"--family", "ipv6"}, {"--family", "ipv4", "-o", "wide"},
	}
	switch {
	case i.Name == "nodes":
		runs = append(runs, []string{"dual-stack-worker2", "dual-stack-worker"}, []string{"-l", "!node-role.kubernetes.io/control-plane"},
			[]string{"--addresses", "-o", "json"}, []string{"nobody"})
	case i.Name == "pods":
		runs = append(runs, []string{"-A"}, []string{"-n", "kube-system", "--node", "dual-stack-worker"},
			[]string{"-l", "app=multitool", "-o", "name"}, []string{"-n", "nowhere"}, []string{"nobody"})
	case i.Name == "services":
		runs = append(runs, []string{"-A"}, []string{"-n", "kube-system"}, []string{"multitool-ipv6-only", "-o", "yaml"})
	case i.Verifies && i.PerNode:
		runs = append(runs, []string{"--node", "dual-stack-worker"}, []string{"--node", "nobody"})
	}
	return runs
}

// demoKeys are two keys of an inspector's rows that tell them apart.
func demoKeys(i inspector.Inspector) (string, string) {
	switch i.Name {
	case "nodes":
		return "name", "internalIPv6"
	case "pods", "services":
		return "name", "ipv6"
	case "ippools":
		return "name", "cidr"
	case "blocks":
		return "cidr", "node"
	case "vxlan":
		return "device", "vtep"
	case "routes":
		return "destination", "kind"
	case "neighbors":
		return "ip", "mac"
	case "fdb":
		return "mac", "vtep"
	}
	return "node", "status" // of every row that is verified
}

// TestDemo runs every inspector on the recording, where there is neither a cluster nor a kubeconfig nor Docker, and
// compares what it prints with what it printed on the live cluster when the recording was made.
func TestDemo(t *testing.T) {
	source := []string{"--snapshot", "demo"}
	if *record {
		source = nil
		if code, _, errOut := runHere(t, "snapshot", demoFile); code != 0 {
			t.Fatal(errOut)
		}
		if err := os.Chmod(demoFile, 0o644); err != nil { // it is public
			t.Fatal(err)
		}
		if err := flag.Set("update", "true"); err != nil {
			t.Fatal(err)
		}
	} else {
		for _, name := range []string{"KUBECONFIG", "DOCKER_HOST"} {
			t.Setenv(name, "/nonexistent")
		}
		t.Setenv("HOME", "")
		t.Setenv("PATH", "")
	}
	for _, i := range Inspectors() {
		t.Run(i.Name, func(t *testing.T) {
			var all bytes.Buffer
			for _, args := range demoRuns(i) {
				args = append([]string{i.Name}, args...)
				fmt.Fprintf(&all, "$ kubectl dualstack %s\n", quoted(args))
				code, out, errOut := runHere(t, append(args, source...)...)
				all.WriteString(out)
				if errOut != "" {
					fmt.Fprintf(&all, "--- stderr\n%s", errOut)
				}
				if code != 0 {
					fmt.Fprintf(&all, "--- exit code %d\n", code)
				}
				all.WriteString("\n")
			}
			testutil.Golden(t, filepath.Join("demo", i.Name+".golden"), all.Bytes())
		})
	}
}

// TestDemoIsSmall: every copy of the program has it.
func TestDemoIsSmall(t *testing.T) {
	info, err := os.Stat(demoFile)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 32<<10 {
		t.Errorf("the demo has %d bytes", info.Size())
	}
}

// runHere runs the program in the environment of the test.
func runHere(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	streams := genericiooptions.IOStreams{In: strings.NewReader(""), Out: &o, ErrOut: &e}
	code = Run(t.Context(), append([]string{binaryName}, args...), streams)
	return code, o.String(), e.String()
}

// quoted writes arguments as one would type them.
func quoted(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		if words[i] = arg; strings.ContainsAny(arg, " {}[]()!*\"") {
			words[i] = "'" + arg + "'"
		}
	}
	return strings.Join(words, " ")
}
