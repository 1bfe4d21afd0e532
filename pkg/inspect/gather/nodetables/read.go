package nodetables

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// DefaultConcurrency is how many nodes are read at once. Two hundred nodes at 100 ms each take 0.7 s with it, and no
// API server minds that many execs.
const DefaultConcurrency = 32

// attempts is how often a way in is tried where a failure proves nothing.
const attempts = 3

// Options say how nodes are read. The zero value is good.
type Options struct {
	// Concurrency is how many nodes are read at once; 0 is DefaultConcurrency.
	Concurrency int
	// Pause is the time before the second attempt at a node, doubled for each further one; 0 is a fifth of a second.
	Pause time.Duration
}

func (o Options) withDefaults() Options {
	if o.Concurrency <= 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.Pause <= 0 {
		o.Pause = time.Second / 5
	}
	return o
}

// Tables reads the kernel tables of the nodes, all at once as far as Options allow, by the first of the ways in that
// works for each node. The ways that change nothing should come first. A node that is read at the first attempt costs
// one run of Script.
//
// A node that could not be read is in Missing, with the reason that each way gave, in the order of nodes. When ctx
// ends, the nodes that were not read by then are Missing too.
func Tables(
	ctx context.Context, ways []NodeAccess, nodes []string, opts Options,
) (map[string]inspect.NodeTable, []inspect.Missing) {
	opts = opts.withDefaults()
	tables := make([]inspect.NodeTable, len(nodes))
	errs := make([]error, len(nodes))
	var group errgroup.Group
	group.SetLimit(opts.Concurrency)
	for i, node := range nodes {
		group.Go(func() error {
			tables[i], errs[i] = readNode(ctx, ways, node, opts.Pause)
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	return collect(nodes, tables, errs)
}

func collect(
	nodes []string, tables []inspect.NodeTable, errs []error,
) (map[string]inspect.NodeTable, []inspect.Missing) {
	byNode := make(map[string]inspect.NodeTable, len(nodes))
	var missing []inspect.Missing
	for i, node := range nodes {
		if errs[i] != nil {
			missing = append(missing, inspect.Missing{Fact: inspect.FactTables, Node: node, Reason: reason(errs[i])})
			continue
		}
		byNode[node] = tables[i]
	}
	return byNode, missing
}

// readNode reads one node by the first way that works.
func readNode(ctx context.Context, ways []NodeAccess, node string, pause time.Duration) (inspect.NodeTable, error) {
	if len(ways) == 0 {
		return inspect.NodeTable{}, errors.New("no way into the nodes was given")
	}
	var failures []error
	for _, way := range ways {
		table, err := readBy(ctx, way, node, pause)
		if err == nil {
			return table, nil
		}
		if ctx.Err() != nil {
			return inspect.NodeTable{}, fmt.Errorf("interrupted: %w", context.Cause(ctx))
		}
		failures = append(failures, fmt.Errorf("%s: %w", way.Name(), err))
	}
	return inspect.NodeTable{}, errors.Join(failures...)
}

// readBy reads one node by one way. An exec is a flaky transport: a stream that breaks, and output that is empty or cut
// off, prove nothing and are tried again. What the node itself says is taken at its word.
func readBy(ctx context.Context, way NodeAccess, node string, pause time.Duration) (inspect.NodeTable, error) {
	for attempt := 1; ; attempt++ {
		if err := ctx.Err(); err != nil {
			return inspect.NodeTable{}, err
		}
		var table inspect.NodeTable
		out, err := way.Run(ctx, node, Script)
		again := err != nil && !IsPermanent(err)
		if err == nil {
			table, err = Parse(out)
			again = errors.Is(err, ErrInconclusive)
		}
		if err == nil || !again || attempt == attempts {
			return table, err
		}
		select {
		case <-time.After(pause << (attempt - 1)):
		case <-ctx.Done():
		}
	}
}

// maxReason bounds the reason that is kept for a node, in bytes.
const maxReason = 400

// reason words an error in one line.
func reason(err error) string {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		parts = append(parts, strings.Join(strings.Fields(line), " "))
	}
	text := strings.Join(parts, "; ")
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}
