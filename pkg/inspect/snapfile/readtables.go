package snapfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// node is a node whose tables are being read.
type node struct {
	head  nodeLine
	rows  []byte
	table inspect.NodeTable
}

// maxReaders bounds how many goroutines read rows, and so the memory that they keep.
const maxReaders = 8

// tables reads the nodes' tables. One goroutine splits the file, others read the rows, a node each. The first error ends
// all.
func (d *decoder) tables() (map[string]inspect.NodeTable, error) {
	group, ctx := errgroup.WithContext(context.Background())
	readers := min(runtime.GOMAXPROCS(0), maxReaders)
	work := make(chan *node)
	free := make(chan []byte, readers+1) // buffers of rows
	for range cap(free) {
		free <- nil
	}
	for range readers {
		group.Go(func() error { return readTables(work, free) })
	}
	var nodes []*node
	group.Go(func() error {
		defer close(work)
		return d.eachNode(ctx, free, func(n *node) {
			nodes = append(nodes, n)
			select {
			case work <- n:
			case <-ctx.Done():
			}
		})
	})
	if err := group.Wait(); err != nil || len(nodes) == 0 {
		return nil, err
	}
	byNode := make(map[string]inspect.NodeTable, len(nodes))
	for _, n := range nodes {
		byNode[n.head.Node] = n.table
	}
	return byNode, nil
}

// readTables reads the tables of the nodes that it receives, and frees the buffers of their rows.
func readTables(work <-chan *node, free chan<- []byte) error {
	rows := newRowReader()
	for n := range work {
		h := n.head
		n.table = inspect.NodeTable{Links: h.Links, Addresses: h.Addresses, Rules: h.Rules, Sysctls: h.Sysctls}
		if err := rows.read(n); err != nil {
			return fmt.Errorf("tables of node %.80q: %w", h.Node, err)
		}
		free <- n.rows[:0]
		n.rows = nil
	}
	return nil
}

// eachNode passes on the first line and the rows of each node. Nodes are in order of name, each only once.
func (d *decoder) eachNode(ctx context.Context, free <-chan []byte, use func(*node)) error {
	sizes := rowSizes()
	last := ""
	for ctx.Err() == nil {
		first, err := d.lines.Peek(1)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case first[0] != '{':
			return errors.New("a row without a node")
		}
		n := &node{}
		if err := d.memory.Spend(nodeSize); err != nil {
			return err
		}
		if err := d.object(&n.head); err != nil {
			return err
		}
		if n.head.Node <= last {
			return fmt.Errorf("node %.80q is out of order", n.head.Node)
		}
		last = n.head.Node
		select {
		case n.rows = <-free:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := d.rows(n, &sizes); err != nil {
			return err
		}
		use(n)
	}
	return ctx.Err()
}

// nodeSize is the memory of a node beside its tables, in bytes: node, its place in lists and maps, leftovers of decoding.
const nodeSize = 2 << 10

// usualRow is the greatest length of a row that has no names of its own, in bytes.
const usualRow = 160

// rows reads the rows of a node unparsed, up to the line that begins the next node, and counts the memory that they need.
func (d *decoder) rows(n *node, sizes *[256]int) error {
	for {
		first, err := d.lines.Peek(1)
		if errors.Is(err, io.EOF) || err == nil && first[0] == '{' {
			return nil
		}
		if err != nil {
			return err
		}
		row, err := d.lines.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull) || len(n.rows)+len(row) > d.max.Node:
			return errors.New("a row, or the tables of a node, are too long")
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case err != nil:
			return err
		}
		if err := d.memory.Spend(sizes[row[0]] + max(0, len(row)-usualRow)); err != nil {
			return err
		}
		if need := len(n.rows) + len(row); need > cap(n.rows) {
			if err := d.memory.Spend(need); err != nil { // growing doubles the buffer
				return err
			}
		}
		n.rows = append(n.rows, row...)
	}
}

// rowSizes returns the memory of a row, in bytes, by its first letter.
func rowSizes() (sizes [256]int) {
	for _, table := range tables() {
		sizes[table.word()[0]] = table.size()
	}
	return sizes
}

// rowReader reads the long tables of nodes.
type rowReader struct {
	words
	tables map[string]tableReader // by the first word of their rows
}

func newRowReader() *rowReader {
	r := &rowReader{words: words{names: map[string]string{}}, tables: map[string]tableReader{}}
	for _, table := range tables() {
		r.tables[table.word()] = table.reader()
	}
	return r
}

// read reads the rows of a node, each of which ends in a line break.
func (r *rowReader) read(n *node) error {
	for word, table := range r.tables {
		table.grow(&n.table, countRows(n.rows, word))
	}
	for i, rows := 1, n.rows; len(rows) > 0; i++ {
		end := bytes.IndexByte(rows, '\n')
		var row []byte
		row, rows = rows[:end], rows[end+1:]
		r.start(row)
		word := r.next()
		if table, ok := r.tables[string(word)]; ok {
			table.read(row, &r.words, &n.table)
		} else {
			r.fail("unknown table %.40q", word)
		}
		if r.err != nil {
			return fmt.Errorf("row %d: %w", i, r.err)
		}
	}
	return nil
}

// countRows returns how many rows begin with a word.
func countRows(rows []byte, word string) int {
	word += " "
	n := bytes.Count(rows, []byte("\n"+word))
	if bytes.HasPrefix(rows, []byte(word)) {
		n++
	}
	return n
}
