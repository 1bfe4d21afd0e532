package cmd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestUsageErrors holds that every command, however it is built, answers each kind of mistake with its own help.
func TestUsageErrors(t *testing.T) {
	for cmd := range available(newRoot()) {
		if cmd.HasSubCommands() || cmd.Name() == "options" {
			continue
		}
		for name, args := range mistakes(cmd) {
			t.Run(cmd.CommandPath()+"/"+name, func(t *testing.T) {
				words := append(strings.Fields(strings.TrimPrefix(cmd.CommandPath(), displayName)), args...)
				code, out, errOut := run(t, words...)
				want := fmt.Sprintf("See '%s -h' for help and examples\n", cmd.CommandPath())
				if code != 1 || out != "" || !strings.HasPrefix(errOut, "error: ") || !strings.HasSuffix(errOut, want) {
					t.Errorf("%q: code %d, output %q, errors %q, want %q", words, code, out, errOut, want)
				}
			})
		}
	}
}

// mistakes are command lines that a command refuses, by the kind of mistake.
func mistakes(cmd *cobra.Command) map[string][]string {
	var valid []string // what it takes to get as far as the mistake
	if strings.Contains(cmd.Use, "FILE") || strings.Contains(cmd.Use, "DIR") {
		valid = append(valid, "out")
	}
	if cmd.Flags().Lookup("snapshot") != nil {
		valid = append(valid, "--snapshot", "demo")
	}
	with := func(args ...string) []string { return append(append([]string{}, valid...), args...) }
	all := map[string][]string{"flag": with("--no-such-flag")}
	for flag, value := range map[string]string{"output": "nonsense", "family": "ipv5", "node-access": "nonsense", "selector": "a in",
		"switch": "nonsense", "calico-install": "nonsense", "wait": "-1s", "limit": "-1", "count": "0", "run": "(", "workers": "-1"} {
		if cmd.Flags().Lookup(flag) != nil && (flag != "output" || cmd.Name() != "completion") {
			all[flag] = with("--" + flag + "=" + value)
		}
	}
	if !strings.Contains(cmd.Use, "...") {
		all["arguments"] = with("one", "two", "three")
	}
	if cmd.Flags().Lookup("from-node") != nil {
		all["group"] = with("--from=a", "--from-node=b")
	}
	return all
}
