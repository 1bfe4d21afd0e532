package snapfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// node is a node whose tables are being read.
type node struct {
	head  nodeLine
	rows  []byte
	table inspect.NodeTable
}

// tables reads the nodes' tables. One goroutine takes the file apart, others read the rows, a node each.
func (d *decoder) tables() (map[string]inspect.NodeTable, error) {
	var group errgroup.Group
	work := make(chan *node)
	buffers := &sync.Pool{New: func() any { return new([]byte) }}
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error { return readTables(work, buffers) })
	}
	var nodes []*node
	err := d.eachNode(buffers, func(n *node) {
		nodes = append(nodes, n)
		work <- n
	})
	close(work)
	if err := errors.Join(err, group.Wait()); err != nil || len(nodes) == 0 {
		return nil, err
	}
	byNode := make(map[string]inspect.NodeTable, len(nodes))
	for _, n := range nodes {
		byNode[n.head.Node] = n.table
	}
	return byNode, nil
}

// readTables reads the tables of the nodes that come, and puts the buffers of their rows back.
func readTables(work <-chan *node, buffers *sync.Pool) error {
	var first error
	rows := newRowReader()
	for n := range work {
		h := n.head
		n.table = inspect.NodeTable{Links: h.Links, Addresses: h.Addresses, Rules: h.Rules, Sysctls: h.Sysctls}
		if err := rows.read(n.rows, &n.table); err != nil && first == nil {
			first = fmt.Errorf("tables of node %.80q: %w", h.Node, err)
		}
		buffer := n.rows[:0]
		n.rows = nil
		buffers.Put(&buffer)
	}
	return first
}

// eachNode hands on the first line and the rows of each node. Nodes stand in order of name, and none stands twice.
func (d *decoder) eachNode(buffers *sync.Pool, use func(*node)) error {
	line, err := d.line(nil)
	last := ""
	for !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		n := &node{}
		if err := d.unmarshal(line, &n.head); err != nil {
			return err
		}
		if n.head.Node <= last {
			return fmt.Errorf("node %.80q is out of order", n.head.Node)
		}
		last = n.head.Node
		n.rows, line, err = d.block(*buffers.Get().(*[]byte))
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		use(n)
	}
	return nil
}

// block appends the rows of a node to rows, and returns the line that begins the next one; io.EOF: there is none.
func (d *decoder) block(rows []byte) (_, next []byte, err error) {
	for {
		start := len(rows)
		rows, err = d.line(rows)
		if err != nil {
			return rows, nil, err
		}
		if rows[start] == '{' {
			return rows[:start], bytes.Clone(rows[start:]), nil
		}
		if d.rows++; d.rows > d.max.Rows {
			return nil, nil, errors.New("it has more rows than any cluster")
		}
	}
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
func (r *rowReader) read(rows []byte, t *inspect.NodeTable) error {
	for word, table := range r.tables {
		table.grow(t, countRows(rows, word))
	}
	for n := 1; len(rows) > 0; n++ {
		end := bytes.IndexByte(rows, '\n')
		var row []byte
		row, rows = rows[:end], rows[end+1:]
		r.start(row)
		word := r.next()
		if table, ok := r.tables[string(word)]; ok {
			table.read(row, &r.words, t)
		} else {
			r.fail("unknown table %.40q", word)
		}
		if r.err != nil {
			return fmt.Errorf("row %d: %w", n, r.err)
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
