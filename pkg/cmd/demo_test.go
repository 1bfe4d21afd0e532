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
)

// record makes TestDemo the one that records the demo, see "make demo-snapshot". The cluster is that of the current
// kubeconfig.
var record = flag.Bool("record", false, "record the demo and the tables of the live cluster")

// demoFile is where the recording is, to be built into the program.
var demoFile = filepath.Join("..", "inspect", "snapfile", "demo", "lab.snapshot")

// demoKeys are the inspectors, each with two keys of its rows.
func demoKeys() map[string][2]string {
	return map[string][2]string{
		"nodes":     {"name", "internalIPv6"},
		"pods":      {"name", "ipv6"},
		"services":  {"name", "ipv6"},
		"ippools":   {"name", "cidr"},
		"blocks":    {"cidr", "node"},
		"vxlan":     {"device", "vtep"},
		"routes":    {"destination", "kind"},
		"neighbors": {"ip", "mac"},
		"fdb":       {"mac", "vtep"},
	}
}

// demoRuns are the ways in which each inspector is tried: every format, and what narrows the rows.
func demoRuns(inspector string, keys [2]string) [][]string {
	runs := [][]string{
		{}, {"--no-headers"}, {"-o", "wide"}, {"-o", "json"}, {"-o", "yaml"}, {"-o", "name"},
		{"-o", fmt.Sprintf("jsonpath={range .items[*]}{.%s} {.%s}{\"\\n\"}{end}", keys[0], keys[1])},
		{"-o", fmt.Sprintf("go-template={{range .items}}{{.%s}} {{.%s}}{{\"\\n\"}}{{end}}", keys[0], keys[1])},
		{"-o", fmt.Sprintf("custom-columns=A:.%s,B:.%s", keys[0], keys[1])},
		{"--family", "ipv6"}, {"--family", "ipv4", "-o", "wide"},
	}
	switch inspector {
	case "nodes":
		runs = append(runs, []string{"dual-stack-worker2", "dual-stack-worker"}, []string{"-l", "!node-role.kubernetes.io/control-plane"},
			[]string{"--addresses", "-o", "json"}, []string{"nobody"})
	case "pods":
		runs = append(runs, []string{"-A"}, []string{"-n", "kube-system", "--node", "dual-stack-worker"},
			[]string{"-l", "app=multitool", "-o", "name"}, []string{"-n", "nowhere"}, []string{"nobody"})
	case "services":
		runs = append(runs, []string{"-A"}, []string{"-n", "kube-system"}, []string{"multitool-ipv6-only", "-o", "yaml"})
	case "vxlan", "routes", "neighbors", "fdb":
		runs = append(runs, []string{"--node", "dual-stack-worker"}, []string{"--node", "nobody"})
	}
	return runs
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
	for inspector, keys := range demoKeys() {
		t.Run(inspector, func(t *testing.T) {
			var all bytes.Buffer
			for _, args := range demoRuns(inspector, keys) {
				args = append([]string{inspector}, args...)
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
			testutil.Golden(t, filepath.Join("demo", inspector+".golden"), all.Bytes())
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
