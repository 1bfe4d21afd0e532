package trace

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
)

// completeFlags completes the flags that name something in the cluster.
func (f *Flags) completeFlags(cmd *cobra.Command) {
	nothing := command.Words()
	for flag, complete := range map[string]cobra.CompletionFunc{
		"from":          f.CompleteNames("pods"),
		"from-node":     f.CompleteNames("nodes"),
		"run":           nothing,
		"skip":          nothing,
		"count":         nothing,
		"timeout":       nothing,
		"external-ipv4": nothing,
		"external-ipv6": nothing,
	} {
		command.CompleteFlag(cmd, flag, complete)
	}
}

// completeTarget completes a target: pods, services and nodes by their names, and the host names of services. Errors complete
// nothing: there is no place to show them.
func (f *Flags) completeTarget(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	namespace, _, err := f.Config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []cobra.Completion
	for _, pod := range f.Names(cmd.Context(), "pods") {
		all = append(all, "pod/"+pod)
	}
	for _, service := range f.Names(cmd.Context(), "services") {
		all = append(all, "svc/"+service, service+"."+namespace+clusterDomain)
	}
	for _, node := range f.Names(cmd.Context(), "nodes") {
		all = append(all, "node/"+node)
	}
	return slices.DeleteFunc(all, func(t string) bool { return !strings.HasPrefix(t, typed) }), cobra.ShellCompDirectiveNoFileComp
}
