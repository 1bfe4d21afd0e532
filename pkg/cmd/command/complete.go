package command

import "github.com/spf13/cobra"

// CompleteFlag completes a flag. Cobra's only error is that the flag does not exist, or has a completion already: a mistake
// of the program, which every test would show.
func CompleteFlag(cmd *cobra.Command, flag string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, complete); err != nil {
		panic(err)
	}
}

// Words completes one of some fixed words; without any, it keeps the shell from offering files.
func Words(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}
