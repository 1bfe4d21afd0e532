// Package pods implements "dualstack pods".
package pods

import (
	"context"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/pods"
)

const (
	short = "Display both IP addresses of pods"
	long  = short + `.

		kubectl shows one address of a pod, whatever the cluster's families. This command shows both, and with -o wide the
		Calico pool of each address and the node's device that leads to the pod. Pods on the host's network, and pods of one
		family, are shown as they are.

		Rows are sorted by namespace, node and name. A namespace is printed as soon as all of its pods are read.`
	example = `
		# Both addresses of the pods in the current namespace
		kubectl dualstack pods

		# All pods of a node, with their pools and interfaces
		kubectl dualstack pods -A --node dual-stack-worker -o wide

		# The IPv6 addresses of the pods with a label
		kubectl dualstack pods -l app=multitool --family ipv6

		# One line per pod for a script
		kubectl dualstack pods -o custom-columns=NAME:.name,V4:.ipv4,V6:.ipv6 --no-headers`
)

// Inspector returns "dualstack pods".
func Inspector() inspector.Inspector { return inspector.New(spec) }

func spec() inspector.Spec[pods.Row] {
	return inspector.Spec[pods.Row]{
		About: inspector.About{
			Name: "pods", Aliases: []string{"pod", "po"}, Kind: pods.Kind, Noun: "pods", Subject: inspect.FactPods,
			Named: true, Namespaced: true, Labelled: true, PerNode: true, Watched: true,
		},
		Problems: inspector.Problems[pods.Row]{
			Sections: []check.Section{check.Pods},
			Of:       func(r *pods.Row) (string, *[]string) { return inspect.PodSubject(r.Namespace, r.Name), &r.Problems },
		},
		Short: short, Long: long, Example: example,
		Needs:  func(inspector.View) []inspect.Fact { return []inspect.Fact{inspect.FactPods, inspect.FactPools} },
		Stream: stream,
		Table:  func(v inspector.View) printer.Table[pods.Row] { return table(v.Namespaces, v.Family) },
	}
}

// stream reads the pods page by page, and passes on each namespace after its last pod.
func stream(ctx context.Context, o *inspector.Options, v inspector.View, add func([]pods.Row) error) error {
	var pools []inspect.IPPool
	if v.Whole {
		rest := *o // without pools, there is still something to show
		rest.Request = gather.Request{Namespace: o.Request.Namespace}
		snap, err := rest.Gather(ctx, inspect.FactPools)
		if err != nil {
			return err
		}
		pools = snap.Pools
	}
	var held []inspect.Pod // of one namespace
	flush := func() error {
		err := add(pods.Analyze(held, pools, v.Family).Items)
		held = held[:0]
		return err
	}
	err := o.Source.EachPod(ctx, o.Request, func(page []inspect.Pod) error {
		for _, pod := range page {
			if len(held) > 0 && held[0].Namespace != pod.Namespace {
				if err := flush(); err != nil {
					return err
				}
			}
			held = append(held, pod)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return flush()
}
