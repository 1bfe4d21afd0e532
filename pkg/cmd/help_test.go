package cmd

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestEveryCommand holds what every command's help must have, and that it calls the program by its display name.
func TestEveryCommand(t *testing.T) {
	for cmd := range available(newRoot()) {
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			if cmd.CommandPath() != displayName && !strings.HasPrefix(cmd.CommandPath(), displayName+" ") {
				t.Errorf("the command is called %q", cmd.CommandPath())
			}
			if cmd.Short == "" || cmd.Long == "" {
				t.Error("there is no description")
			}
			if usage := cmd.UsageString(); strings.Contains(usage, `Use "`+binaryName) {
				t.Errorf("the usage calls the program by the name of its file:\n%s", usage)
			}
			examples := examplesOf(t, cmd)
			if len(examples) < 2 {
				t.Errorf("there are %d examples, want two at least", len(examples))
			}
			for _, s := range examples {
				if err := s.check(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func examplesOf(t *testing.T, cmd *cobra.Command) []statement {
	t.Helper()
	examples, err := statements(cmd.Example)
	if err != nil {
		t.Fatalf("the examples of %s: %v", cmd.CommandPath(), err)
	}
	return examples
}

// TestExamples runs the examples of every command on the demo, as they are written. Those that need more than that are
// listed in elsewhere.
func TestExamples(t *testing.T) {
	recording, err := os.ReadFile(demoFile)
	if err != nil {
		t.Fatal(err)
	}
	for cmd := range available(newRoot()) {
		examples := examplesOf(t, cmd)
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			noCluster(t)
			t.Chdir(t.TempDir())
			if err := os.WriteFile("lab.snapshot", recording, 0o600); err != nil { // examples read it
				t.Fatal(err)
			}
			for _, s := range examples {
				if s.runsHere() {
					runOnDemo(t, s)
				}
			}
		})
	}
}

// noCluster makes sure that nothing is read of the clusters of whoever runs the tests.
func noCluster(t *testing.T) {
	t.Helper()
	t.Setenv("KUBECONFIG", "/dev/null")
	t.Setenv("DOCKER_HOST", "/nonexistent")
	t.Setenv("HOME", t.TempDir())
}
