package gather_test

import (
	"context"
	"fmt"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/routes"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile/demo"
)

// A cluster is a Source. So is a recording of one, such as the lab within the program.
func Example() {
	taken, err := demo.Snapshot()
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := countRoutes(gather.Recorded{Taken: taken}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 3 nodes, 18 routes: 18 ok
}

// countRoutes gathers what the analysis needs, the tables of the nodes included, and verifies the routes.
func countRoutes(source gather.Source) error {
	snap, err := source.Snapshot(context.Background(), gather.Request{Facts: routes.Needs()})
	if err != nil {
		return err
	}
	for _, m := range snap.Missing {
		fmt.Printf("%s %s: %s\n", m.Fact, m.Node, m.Reason)
	}
	report := routes.Analyze(snap, routes.Options{})
	ok := 0
	for _, r := range report.Items {
		if r.Status == "ok" {
			ok++
		}
	}
	fmt.Printf("%d nodes, %d routes: %d ok\n", len(snap.Nodes), len(report.Items), ok)
	return nil
}

func ExampleNewCluster() {
	config, err := clientcmd.BuildConfigFromFlags("", "kubeconfig")
	if err != nil {
		fmt.Println(err)
		return
	}
	cluster, err := gather.NewCluster(config, gather.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := countRoutes(cluster); err != nil {
		fmt.Println(err)
	}
}
