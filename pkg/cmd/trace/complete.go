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
		"from":          f.completeSource,
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

// completeSource completes a source: pods by their names, and nodes.
func (f *Flags) completeSource(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var all []cobra.Completion
	if !strings.Contains(typed, "/") {
		all = f.Names(cmd.Context(), "pods")
	}
	if strings.HasPrefix(typed, "node/") || strings.HasPrefix("node/", typed) {
		for _, name := range f.Names(cmd.Context(), "nodes") {
			all = append(all, "node/"+name)
		}
	}
	return slices.DeleteFunc(all, func(t string) bool { return !strings.HasPrefix(t, typed) }), cobra.ShellCompDirectiveNoFileComp
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
	for _, kind := range []struct{ prefix, resource string }{{"pod/", "pods"}, {"svc/", "services"}, {"node/", "nodes"}} {
		byHost := kind.resource == "services" && !strings.Contains(typed, "/")
		if !byHost && !strings.HasPrefix(typed, kind.prefix) && !strings.HasPrefix(kind.prefix, typed) {
			continue // none could match: the API server is not asked
		}
		for _, name := range f.Names(cmd.Context(), kind.resource) {
			all = append(all, kind.prefix+name)
			if kind.resource == "services" {
				all = append(all, name+"."+namespace+clusterDomain)
			}
		}
	}
	return slices.DeleteFunc(all, func(t string) bool { return !strings.HasPrefix(t, typed) }), cobra.ShellCompDirectiveNoFileComp
}
