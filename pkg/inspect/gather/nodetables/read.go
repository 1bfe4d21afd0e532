package nodetables

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// DefaultConcurrency is how many nodes are read at once. Two hundred nodes at 100 ms each take 0.7 s with it, and no
// API server minds that many execs.
const DefaultConcurrency = 32

// Options say how nodes are read. The zero value works.
type Options struct {
	// Concurrency is how many nodes are read at once; 0 is DefaultConcurrency.
	Concurrency int
	// Pause is the time before the second attempt at a node, doubled for each further one; 0 is a fifth of a second.
	Pause time.Duration
	// Done is called after each node, by several goroutines at once; nil: nobody asks.
	Done func()
}

func (o Options) withDefaults() Options {
	if o.Concurrency <= 0 {
		o.Concurrency = DefaultConcurrency
	}
	if o.Pause <= 0 {
		o.Pause = access.DefaultPause
	}
	return o
}

// Tables reads the kernel tables of the nodes, all at once as far as Options allow, by the first of the ways in that
// works for each node. The ways that change nothing should come first. A node that is read at the first attempt costs
// one run of Script.
//
// A node that could not be read is in Missing, once for each way with its reason, in the order of nodes. When ctx
// ends, the nodes that were not read by then are Missing too.
func Tables(
	ctx context.Context, ways []access.Way, nodes []string, opts Options,
) (map[string]inspect.NodeTable, []inspect.Missing) {
	return read(ctx, ways, nodes, opts, command[inspect.NodeTable]{script: Script, parse: parseTables})
}

// command is a script to run on nodes, with the parser of its output, which pays from a budget for what it builds. An error
// of parse that wraps access.ErrInconclusive says that running it again may help.
type command[T any] struct {
	script string
	args   []string
	parse  func([]byte, *budget.Budget) (T, error)
}

// memory is what all nodes of one call share.
type memory struct {
	output  *budget.Shared // of commands, until it is parsed
	built   *budget.Shared // tables
	parsers chan struct{}  // bounds how many outputs are parsed at once, since decoding takes several times their size
	large   sync.Mutex     // held while a large output is parsed
}

// Nodes share maxOutputs bytes of output that is not parsed yet: 32 nodes of a cluster of a thousand take a quarter of it. They
// share maxTables bytes of tables, plus tablesPerPair for each pair of nodes, since each node has rows for each other one.
const (
	maxOutputs    = 128 << 20
	maxTables     = 192 << 20
	tablesPerPair = 1 << 10
	largeOutput   = 2 << 20
	maxParsers    = 8
)

func newMemory(nodes int) *memory {
	n := int64(nodes)
	return &memory{
		output:  budget.NewShared(maxOutputs),
		built:   budget.NewShared(maxTables + tablesPerPair*n*n),
		parsers: make(chan struct{}, min(runtime.GOMAXPROCS(0), maxParsers)),
	}
}

// read runs a command on each of the nodes, as Tables describes.
func read[T any](
	ctx context.Context, ways []access.Way, nodes []string, opts Options, c command[T],
) (map[string]T, []inspect.Missing) {
	opts = opts.withDefaults()
	shared := newMemory(len(nodes))
	values := make([]T, len(nodes))
	errs := make([][]error, len(nodes))
	var group errgroup.Group
	group.SetLimit(opts.Concurrency)
	for i, node := range nodes {
		group.Go(func() error {
			values[i], errs[i] = readNode(ctx, ways, node, opts.Pause, c, shared)
			if opts.Done != nil {
				opts.Done()
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	return collect(nodes, values, errs)
}

func collect[T any](nodes []string, values []T, errs [][]error) (map[string]T, []inspect.Missing) {
	byNode := make(map[string]T, len(nodes))
	var missing []inspect.Missing
	for i, node := range nodes {
		for _, err := range errs[i] {
			missing = append(missing, inspect.Missing{Fact: inspect.FactTables, Node: node, Reason: reason(err)})
		}
		if len(errs[i]) == 0 {
			byNode[node] = values[i]
		}
	}
	return byNode, missing
}

// readNode reads one node by the first way that works, or returns why none did.
func readNode[T any](
	ctx context.Context, ways []access.Way, node string, pause time.Duration, c command[T], shared *memory,
) (T, []error) {
	var none T
	if len(ways) == 0 {
		return none, []error{errors.New("no way into the nodes was given")}
	}
	var failures []error
	for _, way := range ways {
		value, err := readBy(ctx, way, node, pause, c, shared)
		if err == nil {
			return value, nil
		}
		if ctx.Err() != nil {
			return none, []error{fmt.Errorf("interrupted: %w", context.Cause(ctx))}
		}
		failures = append(failures, fmt.Errorf("%s: %w", way.Name(), err))
	}
	return none, failures
}

// readBy reads one node by one way. An exec is a flaky transport: broken streams and empty or truncated output prove
// nothing, and readBy tries again. It accepts the node's own errors at once.
func readBy[T any](
	ctx context.Context, way access.Way, node string, pause time.Duration, c command[T], shared *memory,
) (value T, err error) {
	err = access.Retry(ctx, pause, func() error {
		paid := shared.output.New(math.MaxInt64)
		defer paid.Refund()
		out, err := way.Run(access.WithOutputBudget(ctx, paid), node, c.script, c.args...)
		if err != nil {
			return err
		}
		value, err = parseWithin(out, c, shared)
		if err != nil && !errors.Is(err, access.ErrInconclusive) {
			return access.Permanent(err)
		}
		return err
	})
	return value, err
}

// parseWithin parses the output of a node within the memory that it shares with others.
func parseWithin[T any](out []byte, c command[T], shared *memory) (T, error) {
	shared.parsers <- struct{}{}
	defer func() { <-shared.parsers }()
	if len(out) > largeOutput {
		shared.large.Lock()
		defer shared.large.Unlock()
	}
	left := shared.built.New(maxBuilt)
	value, err := c.parse(out, left)
	if err != nil {
		left.Refund()
	}
	return value, err
}

// maxReason bounds the reason that is kept for a node, in bytes.
const maxReason = 400

// reason words an error in one line.
func reason(err error) string {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		parts = append(parts, strings.Join(strings.Fields(line), " "))
	}
	text := access.WithoutQueries(strings.Join(parts, "; "))
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}
