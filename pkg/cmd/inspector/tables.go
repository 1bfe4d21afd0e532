package inspector

import (
	"context"
	"slices"

	"k8s.io/client-go/rest"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather/nodetables"
)

// accessAuto tries every way into a node until one works: first those that change nothing.
const accessAuto = "auto"

// debugNamespace is where a debug pod runs. It shares its node's network, which other namespaces may not admit.
const debugNamespace = "kube-system"

func nodeAccesses() []string { return []string{accessAuto, "exec", "debug", "runtime"} }

// checkAccess refuses a way into nodes that there is not.
func checkAccess(way string) error {
	if !slices.Contains(nodeAccesses(), way) {
		return exit.Usagef("--node-access %q: use auto, exec, debug or runtime", way)
	}
	return nil
}

// Tables reads the kernel tables of nodes.
type Tables struct {
	Config *rest.Config
	Access string // auto, exec, debug or runtime
	Image  string // of debug pods; empty is that of calico-node
}

// Ways returns the ways into the nodes in the order in which they are tried.
func (t Tables) Ways(clients gather.Clients, nodes []inspect.Node) []access.Way {
	all := []access.Way{
		access.NewExec(t.Config, clients.Kubernetes),
		access.NewRuntime(run.Host{}, nodes),
		access.NewDebug(clients.Kubernetes, debugNamespace, t.Image),
	}
	if t.Access == accessAuto {
		return all
	}
	return slices.DeleteFunc(all, func(w access.Way) bool { return w.Name() != t.Access })
}

// add reads the tables of the snapshot's nodes, or of the one that the request names, into the snapshot.
func (t Tables) add(ctx context.Context, clients gather.Clients, req gather.Request, snap *inspect.Snapshot) error {
	names, err := req.TableNodes(snap)
	if err != nil {
		return err
	}
	tables, missing := nodetables.Tables(ctx, t.Ways(clients, snap.Nodes), names, nodetables.Options{})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	snap.Tables = tables
	snap.Missing = append(snap.Missing, missing...)
	return nil
}
