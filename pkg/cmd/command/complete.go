package command

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
)

// CompleteFlag completes a flag. Cobra fails only if the flag does not exist or has a completion already: a mistake of the
// program, which every test would show.
func CompleteFlag(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err)
	}
}

// Words completes one of some fixed words. Without words, it keeps the shell from offering files.
func Words(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// List completes the last of some fixed words that are separated by commas, and offers none twice.
func List(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before := typed[:strings.LastIndex(typed, ",")+1]
		given := strings.Split(before, ",")
		var all []string
		for _, w := range words {
			if !slices.Contains(given, w) {
				all = append(all, before+w)
			}
		}
		return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

// WriteCandidates is the one filter of all completions: it passes on what cobra has printed for a shell, without the
// candidates that a shell might expand or a terminal obey. The names come from clusters, snapshots, kubeconfig files and
// folders, and shells with an older kubectl have run candidates as commands.
func WriteCandidates(out io.Writer, printed string) error {
	var kept strings.Builder
	for line := range strings.Lines(printed) {
		line = strings.TrimSuffix(line, "\n")
		candidate, description, described := strings.Cut(line, "\t")
		switch {
		case !harmless.MatchString(candidate):
			continue
		case described && !strings.ContainsFunc(description, func(r rune) bool { return strings.ContainsRune("$`\\", r) || !unicode.IsPrint(r) }):
			candidate += "\t" + description
		}
		kept.WriteString(candidate + "\n")
	}
	_, err := io.WriteString(out, kept.String())
	return err
}

// harmless matches words that mean nothing to a shell: no expansion, no quote, no space, and no "=" or "~" at the start,
// which zsh expands. Cobra's last line, such as ":4", is one.
var harmless = regexp.MustCompile(`^[-\pL\pN._/:@%+,][-\pL\pN._/:@%+,=]*$`)
