package trace

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// completeFlags completes the flags that name something in the cluster.
func (f *Flags) completeFlags(cmd *cobra.Command) {
	nothing := command.Words()
	for flag, complete := range map[string]cobra.CompletionFunc{
		"from":          inspector.CompleteNames(f.Config, "pods"),
		"from-node":     inspector.CompleteNames(f.Config, "nodes"),
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

// completeTarget completes a target: pods and services by their names, the addresses of nodes, services and the lab's
// switch, and the names of services. On an error it completes nothing: there is no place to show it.
func (f *Flags) completeTarget(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	o, err := f.Flags.ToOptions(inspect.FactPods, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := inspector.CompletionContext(cmd.Context())
	defer cancel()
	req := o.Request
	req.Subject, req.Selector = "", ""
	req.Facts = []inspect.Fact{inspect.FactPods, inspect.FactServices, inspect.FactNodes, inspect.FactLab}
	snap, err := o.Source.Snapshot(ctx, req)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all := slices.DeleteFunc(targets(snap, o.Family), func(t string) bool { return !strings.HasPrefix(t, typed) })
	return all, cobra.ShellCompDirectiveNoFileComp
}

// targets are the possible targets in a cluster, each in one notation.
func targets(s *inspect.Snapshot, family inspect.Family) []cobra.Completion {
	var all []cobra.Completion
	for _, pod := range s.Pods {
		if !pod.HostNetwork {
			all = append(all, "pod/"+pod.Name)
		}
	}
	for _, svc := range s.Services {
		all = append(all, "svc/"+svc.Name, svc.Name+"."+svc.Namespace+".svc.cluster.local")
		for _, ip := range svc.ClusterIPs {
			if family.Matches(inspect.FamilyOf(ip)) {
				all = append(all, ip.String())
			}
		}
	}
	for _, node := range s.Nodes {
		for _, ip := range node.InternalIPs {
			if family.Matches(inspect.FamilyOf(ip)) {
				all = append(all, ip.String())
			}
		}
	}
	for _, f := range inspect.Families() {
		for _, ip := range []interface {
			IsValid() bool
			String() string
		}{s.Lab.External.Get(f), s.Lab.Gateway.Get(f)} {
			if family.Matches(f) && ip.IsValid() {
				all = append(all, ip.String())
			}
		}
	}
	return all
}
