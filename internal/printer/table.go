package printer

import (
	"io"

	"github.com/olekukonko/ll"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/tw"
)

// gap is the space between two columns, as kubectl leaves it.
const gap = 3

// none stands for an absent value, as in kubectl.
const none = "<none>"

// table draws rows in batches, one tablewriter table for each, all with the same lines renderer, which remembers how
// wide the columns have become.
type table struct {
	out    io.Writer
	lines  *lines
	header []string // nil once it has been drawn, and with --no-headers
}

func newTable(out io.Writer, header []string, status []bool, colour bool) *table {
	if !colour {
		status = nil
	}
	return &table{out: out, lines: &lines{status: status}, header: header}
}

// write draws a batch of rows; the first one brings the header.
func (t *table) write(rows [][]string) error {
	if len(rows) == 0 {
		return nil
	}
	cells := tw.CellConfig{
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft},
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Padding:    tw.CellPadding{Global: tw.PaddingNone},
	}
	batch := tablewriter.NewTable(t.out, tablewriter.WithRenderer(t.lines), tablewriter.WithConfig(tablewriter.Config{
		Header: cells, Row: cells, Behavior: tw.Behavior{TrimSpace: tw.Off},
	}))
	if t.header != nil {
		batch.Header(t.header)
		t.header = nil
	}
	if err := batch.Bulk(rows); err != nil {
		return err
	}
	if err := batch.Render(); err != nil {
		return err
	}
	return t.lines.err
}

// lines is a renderer for tablewriter that draws nothing but the cells: no borders, no trailing spaces, nothing cut off.
// It costs half of tablewriter's own renderer, and paints status words after the widths are known, so that escape
// sequences neither count as width nor come from anywhere else.
type lines struct {
	status []bool // the columns with words to paint; nil paints none
	widths []int  // they only grow, so that later batches stay under the header
	out    io.Writer
	buf    []byte
	err    error // the first error of out: the interface leaves no other way to report it
}

var _ tw.Renderer = (*lines)(nil)

// Start implements tw.Renderer.
func (l *lines) Start(w io.Writer) error { l.out = w; return nil }

// Header implements tw.Renderer.
func (l *lines) Header(rows [][]string, ctx tw.Formatting) {
	for _, row := range rows {
		l.draw(row, ctx, nil)
	}
}

// Row implements tw.Renderer.
func (l *lines) Row(row []string, ctx tw.Formatting) { l.draw(row, ctx, l.status) }

// Footer implements tw.Renderer; there are none.
func (l *lines) Footer([][]string, tw.Formatting) {}

// Line implements tw.Renderer; there are no rules between rows.
func (l *lines) Line(tw.Formatting) {}

// Config implements tw.Renderer.
func (l *lines) Config() tw.Rendition {
	return tw.Rendition{
		Borders:  tw.BorderNone,
		Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
	}
}

// Close implements tw.Renderer.
func (l *lines) Close() error { return nil }

// Logger implements tw.Renderer.
func (l *lines) Logger(*ll.Logger) {}

func (l *lines) draw(row []string, ctx tw.Formatting, status []bool) {
	if len(l.widths) < len(row) {
		l.widths = append(l.widths, make([]int, len(row)-len(l.widths))...)
	}
	l.buf = l.buf[:0]
	for i, cell := range row {
		l.widths[i] = max(l.widths[i], ctx.Row.Widths.Get(i))
		if status != nil && status[i] {
			l.buf = append(l.buf, paint(cell)...)
		} else {
			l.buf = append(l.buf, cell...)
		}
		if i == len(row)-1 {
			break
		}
		for n := twwidth.Width(cell); n < l.widths[i]+gap; n++ {
			l.buf = append(l.buf, ' ')
		}
	}
	l.buf = append(l.buf, '\n')
	if _, err := l.out.Write(l.buf); err != nil && l.err == nil {
		l.err = err
	}
}
