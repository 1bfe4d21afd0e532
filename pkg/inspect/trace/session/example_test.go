package session_test

import (
	"context"
	"fmt"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile/demo"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/session"
)

// A program gathers, verifies the routes and traces. On a live cluster, gather.NewCluster, it leaves out DryRun, and the
// paths are probed.
func Example() {
	taken, err := demo.Snapshot()
	if err != nil {
		fmt.Println(err)
		return
	}
	source := gather.Recorded{Taken: taken}
	snap, err := source.Snapshot(context.Background(), gather.Request{Facts: routes.Needs()})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range routes.Analyze(snap, routes.Options{}).Items {
		if r.Status != inspect.StatusOK {
			fmt.Println(r.Node, r.Destination, r.Details())
		}
	}
	request := session.Request{Target: "2001:db8::1", From: plan.SourceOptions{Node: "dual-stack-worker"}, DryRun: true}
	report, err := session.Run(context.Background(), session.On(source, nil), request, session.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range report.Items {
		fmt.Println(p.Name, p.Verdict, "in", len(p.Hops), "hops")
	}
	// Output:
	// external/multitool-d727c/2001:db8::1/IPv6 planned in 11 hops
}
