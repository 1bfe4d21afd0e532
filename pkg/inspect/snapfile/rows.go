package snapfile

import (
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"unsafe"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// tables lists the long tables of a node in the order in which a file has them. The columns of a row follow its first value
// in the order in which iproute2 prints them.
func tables() []table {
	type (
		route    = inspect.Route
		neighbor = inspect.Neighbor
		entry    = inspect.FDBEntry
	)
	return []table{
		rows[route]{"route", func(t *inspect.NodeTable) *[]route { return &t.Routes },
			leading(func(r *route) *netip.Prefix { return &r.Dst }, prefix()),
			[]column[route]{
				field("type", func(r *route) *string { return &r.Type }, word()),
				field("via", func(r *route) *netip.Addr { return &r.Gateway }, address()),
				field("dev", func(r *route) *string { return &r.Dev }, word()),
				field("table", func(r *route) *string { return &r.Table }, word()),
				field("proto", func(r *route) *string { return &r.Protocol }, word()),
				field("scope", func(r *route) *string { return &r.Scope }, word()),
				field("src", func(r *route) *netip.Addr { return &r.Source }, address()),
				field("metric", func(r *route) *int { return &r.Metric }, number()),
				field("mtu", func(r *route) *int { return &r.MTU }, number()),
				field("onlink", func(r *route) *bool { return &r.OnLink }, flag()),
				field("down", func(r *route) *bool { return &r.Down }, flag()),
			}},
		rows[neighbor]{"neigh", func(t *inspect.NodeTable) *[]neighbor { return &t.Neighbors },
			leading(func(n *neighbor) *netip.Addr { return &n.IP }, address()),
			[]column[neighbor]{
				field("dev", func(n *neighbor) *string { return &n.Dev }, word()),
				field("lladdr", func(n *neighbor) *inspect.MAC { return &n.MAC }, mac()),
				field("nud", func(n *neighbor) *string { return &n.State }, word()),
			}},
		rows[entry]{"fdb", func(t *inspect.NodeTable) *[]entry { return &t.FDB },
			leading(func(e *entry) *inspect.MAC { return &e.MAC }, mac()),
			[]column[entry]{
				field("dev", func(e *entry) *string { return &e.Dev }, word()),
				field("dst", func(e *entry) *netip.Addr { return &e.VTEP }, address()),
				field("permanent", func(e *entry) *bool { return &e.Permanent }, flag()),
			}},
	}
}

// table is one of the long tables of a node: how its rows are written and read.
type table interface {
	// word begins each row. No two tables have the same first letter.
	word() string
	// size is the memory of a row, in bytes.
	size() int
	// append appends the rows of a node to b.
	append(b []byte, t *inspect.NodeTable) []byte
	// reader returns a reader of the rows. Each goroutine has its own.
	reader() tableReader
}

// tableReader reads the rows of one table into the tables of a node.
type tableReader interface {
	grow(t *inspect.NodeTable, n int)
	// read reads a row, whose first word was taken from w.
	read(row []byte, w *words, t *inspect.NodeTable)
}

// rows is a table of T.
type rows[T any] struct {
	name    string
	of      func(*inspect.NodeTable) *[]T
	first   column[T]
	columns []column[T]
}

func (r rows[T]) word() string { return r.name }

func (r rows[T]) size() int { return int(unsafe.Sizeof(*new(T))) }

func (r rows[T]) append(b []byte, t *inspect.NodeTable) []byte {
	list := *r.of(t)
	for i := range list {
		b = r.first.append(append(b, r.name...), &list[i])
		for _, c := range r.columns {
			b = c.append(b, &list[i])
		}
		b = append(b, '\n')
	}
	return b
}

func (r rows[T]) reader() tableReader { return &rowsReader[T]{r, map[string]T{}} }

// rowsReader keeps the rows that it has read. Nearly all nodes share nearly all rows: this reads a cluster of a thousand
// nodes in one second instead of two.
type rowsReader[T any] struct {
	rows[T]
	known map[string]T
}

// maxKept bounds how many rows a rowsReader keeps.
const maxKept = 1 << 13

func (r *rowsReader[T]) grow(t *inspect.NodeTable, n int) {
	list := r.of(t)
	*list = slices.Grow(*list, n)
}

func (r *rowsReader[T]) read(row []byte, w *words, t *inspect.NodeTable) {
	value, ok := r.known[string(row)]
	if !ok {
		value = r.parse(w)
		if w.err == nil && len(r.known) < maxKept {
			r.known[string(row)] = value
		}
	}
	list := r.of(t)
	*list = append(*list, value)
}

func (r rows[T]) parse(w *words) (value T) {
	r.first.read(w, &value)
	for key := w.next(); key != nil; key = w.next() {
		i := slices.IndexFunc(r.columns, func(c column[T]) bool { return c.key == string(key) })
		if i < 0 {
			w.fail("unknown word %.40q", key)
			break
		}
		r.columns[i].read(w, &value)
	}
	return value
}

// column is a value of a row of T.
type column[T any] struct {
	key    string
	append func([]byte, *T) []byte
	read   func(*words, *T)
}

// field is a value that follows its key; an absent one is left out.
func field[T any, V comparable](key string, at func(*T) *V, c codec[V]) column[T] {
	write := func(b []byte, row *T) []byte {
		value := *at(row)
		if value == *new(V) {
			return b
		}
		return c.append(append(append(b, ' '), key...), value)
	}
	return column[T]{key, write, func(w *words, row *T) { *at(row) = c.read(w) }}
}

// leading is the value that a row begins with. It has no key and is always there.
func leading[T, V any](at func(*T) *V, c codec[V]) column[T] {
	return column[T]{"", func(b []byte, row *T) []byte { return c.append(b, *at(row)) }, func(w *words, row *T) { *at(row) = c.read(w) }}
}

// codec writes a value, with a space before it, and reads it.
type codec[V any] struct {
	append func([]byte, V) []byte
	read   func(*words) V
}

// absent marks a leading address that is missing.
const absent = "-"

func address() codec[netip.Addr] {
	return codec[netip.Addr]{func(b []byte, a netip.Addr) []byte {
		if !a.IsValid() {
			return append(b, " "+absent...)
		}
		return a.WithZone("").AppendTo(append(b, ' '))
	}, (*words).addr}
}

func prefix() codec[netip.Prefix] {
	return codec[netip.Prefix]{func(b []byte, p netip.Prefix) []byte {
		if !p.IsValid() {
			return append(b, " "+absent...)
		}
		return p.AppendTo(append(b, ' '))
	}, (*words).prefix}
}

func number() codec[int] {
	return codec[int]{func(b []byte, n int) []byte { return strconv.AppendInt(append(b, ' '), int64(n), 10) }, (*words).int}
}

func flag() codec[bool] {
	return codec[bool]{func(b []byte, _ bool) []byte { return b }, func(*words) bool { return true }}
}

func mac() codec[inspect.MAC] {
	return codec[inspect.MAC]{func(b []byte, m inspect.MAC) []byte {
		for i, c := range m {
			b = hex.AppendEncode(append(b, " :"[min(i, 1)]), []byte{c})
		}
		return b
	}, (*words).mac}
}

func word() codec[string] {
	return codec[string]{func(b []byte, s string) []byte {
		const upperHex = "0123456789ABCDEF"
		b = append(b, ' ')
		for i := range len(s) {
			if c := s[i]; c <= ' ' || c == '%' || c == 0x7f {
				b = append(b, '%', upperHex[c>>4], upperHex[c&0xf])
			} else {
				b = append(b, c)
			}
		}
		return b
	}, (*words).name}
}
