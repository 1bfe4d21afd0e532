package gather

import (
	"context"
	"fmt"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather/nodetables"
)

// readTables reads the kernel tables of the nodes, once these are known, and FactNAT in the same run.
func (g *gatherer) readTables(ctx context.Context) error {
	nodes, err := g.nodes(ctx)
	if err != nil && slices.Contains(g.req.Facts, inspect.FactNodes) {
		return nil // readNodes says so
	}
	if err != nil {
		return err
	}
	names, err := g.req.tableNodes(nodes)
	if err != nil {
		return noSuchNodeError{err}
	}
	g.progress.change(func(p *Progress) { p.Nodes = len(names) })
	opts := nodetables.Options{Done: func() { g.progress.change(func(p *Progress) { p.Tables++ }) }}
	var missing []inspect.Missing
	if ways := g.cluster.Ways(nodes); slices.Contains(g.req.Facts, inspect.FactNAT) {
		g.snap.Tables, g.snap.NAT, missing = nodetables.TablesAndNAT(ctx, ways, names, opts)
	} else {
		g.snap.Tables, missing = nodetables.Tables(ctx, ways, names, opts)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.snap.Missing = append(g.snap.Missing, missing...)
	return nil
}

// noSuchNodeError says that the node of a request does not exist. That is the user's mistake, not a gap.
type noSuchNodeError struct{ error }

// tableNodes returns the names of the nodes whose tables the request is about: all, or the one that it names.
func (r Request) tableNodes(nodes []inspect.Node) ([]string, error) {
	var names []string
	for _, n := range nodes {
		if r.Node == "" || r.Node == n.Name {
			names = append(names, n.Name)
		}
	}
	if r.Node != "" && len(names) == 0 {
		return nil, fmt.Errorf("node %q: there is no such node", r.Node)
	}
	return names, nil
}
