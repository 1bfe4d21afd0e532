package gather

import (
	"context"
	"fmt"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather/nodetables"
)

// readTables reads the kernel tables of the nodes, once these are known, and FactNAT and FactBIRD in the same run.
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
	wants := func(f inspect.Fact) bool { return slices.Contains(g.req.Facts, f) }
	extra := nodetables.Extra{NAT: wants(inspect.FactNAT), BIRD: wants(inspect.FactBIRD)}
	read, missing := nodetables.Read(ctx, g.cluster.Ways(nodes), names, extra, opts)
	g.snap.Tables, g.snap.NAT, g.snap.BIRD = read.Tables, read.NAT, read.BIRD
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
