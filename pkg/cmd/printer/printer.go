// Package printer writes reports as kubectl writes objects: as a table, plain or wide, as names, or in one of kubectl's
// machine formats. Only this package knows tablewriter. It computes nothing: the columns that the command describes
// decide what a cell says.
package printer

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/util/jsonpath"
	"k8s.io/kubectl/pkg/cmd/get"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Column is a column of a table of rows of type T.
type Column[T any] struct {
	Header string
	Hide   bool // left out: the request leaves it empty
	Wide   bool // only with -o wide
	// Health gives the cell its colour on a terminal; nil: no colour.
	Health func(T) inspect.Health
	// Value returns the cell; the empty string prints as <none>.
	Value func(T) string

	find func(object any) (string, error) // replaces Value in columns that the user described
}

// Text returns an address or a prefix as text, and the empty string for the zero value.
func Text[A interface {
	IsValid() bool
	String() string
}](a A) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// MAC returns an Ethernet address as text, and the empty string for none.
func MAC(m inspect.MAC) string {
	if m.IsZero() {
		return ""
	}
	return m.String()
}

// Table describes how rows of type T are shown.
type Table[T any] struct {
	Kind    string // of one row, as in the list's kind without "List"
	Columns []Column[T]
	// Name returns what -o name prints after "kind/". Rows without a name join what identifies them with slashes.
	Name func(T) string
}

// Printer writes rows of type T in the format that the user chose.
type Printer[T any] struct {
	table     Table[T]
	format    string
	noHeaders bool
	resource  printers.ResourcePrinter // for the formats that kubectl's printers write; else nil
}

// New returns the printer that the flags ask for. An unknown format is a usage error that lists the known ones.
func New[T any](f *Flags, t Table[T]) (*Printer[T], error) {
	p := &Printer[T]{table: t, format: f.format(), noHeaders: f.NoHeaders}
	if f.IsTable() || f.IsJUnit() || p.format == formatName {
		return p, nil
	}
	resource, err := f.toPrinter()
	if err != nil {
		return nil, exit.Usage(err)
	}
	if custom, ok := resource.(*get.CustomColumnsPrinter); ok {
		p.table.Columns, err = customColumns[T](custom.Columns)
		return p, exit.Usage(err)
	}
	p.resource = resource
	return p, nil
}

// Print writes a whole list.
func (p *Printer[T]) Print(out io.Writer, list *inspect.Report[T]) error {
	w := p.Begin(out)
	w.Omit(list.Omitted...)
	if err := w.Add(list.Items); err != nil {
		return err
	}
	return w.End()
}

// Begin returns a Writer for rows that come in batches.
func (p *Printer[T]) Begin(out io.Writer) *Writer[T] {
	w := &Writer[T]{p: p, out: out}
	if p.resource == nil && p.format != formatName {
		w.columns = p.columns()
		w.table, w.colour = p.newTable(out, w.columns), printers.AllowsColorOutput(destination(out))
	}
	return w
}

// columns are those of the chosen format.
func (p *Printer[T]) columns() []Column[T] {
	return slices.DeleteFunc(slices.Clone(p.table.Columns), func(c Column[T]) bool {
		return c.Hide || c.Wide && p.format != formatWide
	})
}

func (p *Printer[T]) newTable(out io.Writer, columns []Column[T]) *table {
	var header []string
	for _, c := range columns {
		if !p.noHeaders {
			header = append(header, c.Header)
		}
	}
	return newTable(out, header)
}

// batch is how many rows of a table are drawn at once. A shorter table is drawn as a whole, so that all its columns line
// up.
const batch = 500

// Writer writes rows as they come: tables in batches, the other formats after the last row.
type Writer[T any] struct {
	p       *Printer[T]
	out     io.Writer
	columns []Column[T]
	table   *table // nil for formats other than tables
	colour  bool
	held    []T // rows not yet written
	count   int
	omitted []inspect.Omission
}

// Count returns how many rows there were.
func (w *Writer[T]) Count() int { return w.count }

// Add takes more rows.
func (w *Writer[T]) Add(rows []T) error {
	w.count += len(rows)
	w.held = append(w.held, rows...)
	if w.table == nil || len(w.held) < batch {
		return nil
	}
	err := w.draw(w.held)
	w.held = w.held[:0]
	return err
}

// Omit notes what the list leaves out. Only formats that print the list as a whole show it.
func (w *Writer[T]) Omit(omitted ...inspect.Omission) { w.omitted = append(w.omitted, omitted...) }

// End writes what Add has held back. A list without rows is a valid empty list.
func (w *Writer[T]) End() error {
	switch {
	case w.table != nil:
		return w.draw(w.held)
	case w.p.resource == nil:
		return w.names(w.held)
	}
	return w.machine(inspect.NewReport(w.p.table.Kind, w.held, w.omitted...))
}

// draw draws rows as lines of the table.
func (w *Writer[T]) draw(rows []T) error {
	cells, colours := make([][]string, len(rows)), [][]inspect.Health(nil)
	flat := make([]string, len(rows)*len(w.columns))
	for i, row := range rows {
		cells[i], flat = flat[:len(w.columns):len(w.columns)], flat[len(w.columns):]
		if err := w.fill(cells[i], row); err != nil {
			return err
		}
	}
	if w.colour {
		colours = make([][]inspect.Health, len(rows))
		for i, row := range rows {
			colours[i] = make([]inspect.Health, len(w.columns))
			for j, c := range w.columns {
				if c.Health != nil {
					colours[i][j] = c.Health(row)
				}
			}
		}
	}
	return w.table.write(cells, colours)
}

// fill sets the cells of a row.
func (w *Writer[T]) fill(cells []string, row T) error {
	var object map[string]any
	if w.columns[0].find != nil {
		u, err := toUnstructured(row)
		if err != nil {
			return err
		}
		object = u.Object
	}
	for i, c := range w.columns {
		if c.find == nil {
			cells[i] = c.Value(row)
		} else {
			var err error
			if cells[i], err = c.find(object); err != nil {
				return err
			}
		}
		if cells[i] = Escape(cells[i]); cells[i] == "" {
			cells[i] = none
		}
	}
	return nil
}

func (w *Writer[T]) names(rows []T) error {
	kind := strings.ToLower(w.p.table.Kind)
	for _, row := range rows {
		if _, err := fmt.Fprintf(w.out, "%s/%s\n", kind, Escape(w.p.table.Name(row))); err != nil {
			return err
		}
	}
	return nil
}

// customColumns are the columns that the user described. Their cells are looked up in the JSON of a row.
func customColumns[T any](described []get.Column) ([]Column[T], error) {
	columns := make([]Column[T], len(described))
	for i, d := range described {
		path := jsonpath.New(d.Header).AllowMissingKeys(true)
		if err := path.Parse(d.FieldSpec); err != nil {
			return nil, err
		}
		columns[i] = Column[T]{Header: d.Header, find: func(object any) (string, error) {
			found, err := path.FindResults(object)
			var texts []string
			for _, value := range slices.Concat(found...) {
				texts = append(texts, fmt.Sprint(value.Interface()))
			}
			return strings.Join(texts, ","), err
		}}
	}
	return columns, nil
}

// toUnstructured converts a value by way of its JSON. It keeps whole numbers whole; kubectl's JSONPath printer alone
// would print 1048576 as 1.048576e+06.
func toUnstructured(v any) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	u := &unstructured.Unstructured{}
	return u, utiljson.Unmarshal(data, &u.Object)
}

// Buffer is a writer that holds text for another one.
type Buffer interface {
	io.Writer
	// Behind returns the writer that gets the text in the end.
	Behind() io.Writer
}

// destination returns the writer that gets the text written to out in the end.
func destination(out io.Writer) io.Writer {
	if b, ok := out.(Buffer); ok {
		return b.Behind()
	}
	return out
}
