package printer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// row has the kinds of values that reports have: names, addresses that may be absent, large numbers, lists, status
// words.
type row struct {
	Node   string       `json:"node"`
	IP     netip.Addr   `json:"ip,omitzero"`
	CIDR   netip.Prefix `json:"cidr,omitzero"`
	Size   int          `json:"size"`
	Labels []string     `json:"labels,omitempty"`
	Status string       `json:"status"`
}

func rows() []row {
	return []row{
		{Node: "kind-worker", IP: netip.MustParseAddr("192.168.0.1"), Size: 1048576, Status: "ok"},
		{
			Node: "kind-worker2", IP: netip.MustParseAddr("fd00:10:244:ffff:ffff:ffff:ffff:fff0"),
			CIDR: netip.MustParsePrefix("fd00:10:244::/48"), Labels: []string{"a", "b"}, Status: "wrong",
		},
		{Node: "évil\x1b[31m\r\n\u202eнод", Size: 7, Status: "other"},
	}
}

func testTable() Table[row] {
	return Table[row]{
		Kind: "Entry",
		Name: func(r row) string { return r.Node + "/" + Text(r.IP) },
		Columns: []Column[row]{
			{Header: "NODE", Value: func(r row) string { return r.Node }},
			{Header: "HIDDEN", Hide: true, Value: func(row) string { return "hidden" }},
			{Header: "IP", Value: func(r row) string { return Text(r.IP) }},
			{Header: "CIDR", Wide: true, Value: func(r row) string { return Text(r.CIDR) }},
			{Header: "SIZE", Wide: true, Value: func(r row) string { return fmt.Sprint(r.Size) }},
			{Header: "STATUS", Value: func(r row) string { return r.Status }},
		},
	}
}

// newPrinter returns the printer that a command line would give.
func newPrinter(t *testing.T, args ...string) (*Printer[row], error) {
	t.Helper()
	flags := NewFlags()
	cmd := &cobra.Command{}
	flags.AddFlags(cmd)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return New(flags, testTable())
}

func TestPrint(t *testing.T) {
	dir := t.TempDir()
	template := filepath.Join(dir, "template")
	if err := os.WriteFile(template, []byte("NODE SIZE\n.node .size\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"table":               nil,
		"table-no-headers":    {"--no-headers"},
		"wide":                {"-o", "wide"},
		"json":                {"-o", "json"},
		"yaml":                {"-o", "yaml"},
		"kyaml":               {"-o", "kyaml"},
		"name":                {"-o", "name"},
		"jsonpath":            {"-o", `jsonpath={range .items[*]}{.ip}{"\t"}{.size}{"\n"}{end}`},
		"go-template":         {"-o", `go-template={{range .items}}{{.node}} {{.size}};{{end}}`},
		"template":            {"--template", `{{.kind}} {{.apiVersion}}`},
		"custom-columns":      {"-o", "custom-columns=N:.node,IP:.ip,SIZE:.size,L:.labels"},
		"custom-columns-bare": {"-o", "custom-columns=N:.node,S:.status", "--no-headers"},
		"custom-columns-file": {"-o", "custom-columns-file=" + template},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			for _, rows := range [][]row{rows(), nil} {
				p, err := newPrinter(t, args...)
				if err != nil {
					t.Fatal(err)
				}
				if err := p.Print(&out, inspect.NewReport("Entry", rows)); err != nil {
					t.Fatal(err)
				}
				if rows != nil {
					out.WriteString("\n--- without rows:\n")
				}
			}
			testutil.Golden(t, name+".txt", out.Bytes())
		})
	}
}

func TestNewErrors(t *testing.T) {
	for _, test := range []struct{ format, want string }{
		{"fancy", `unknown output format "fancy": use one of custom-columns, custom-columns-file, go-template, ` +
			"go-template-file, json, jsonpath, jsonpath-as-json, jsonpath-file, kyaml, name, template, templatefile, wide, yaml"},
		{"WIDE", `unknown output format "WIDE"`},
		{"custom-columns", "custom-columns format specified but no custom columns given"},
		{"jsonpath={.a", "unclosed action"},
		{"go-template={{.a", "unclosed action"},
	} {
		_, err := newPrinter(t, "-o", test.format)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("-o %s: got error %v, want one with %q", test.format, err, test.want)
		}
	}
}

// TestBatches draws more rows than one batch, with a late row that is wider than all before: the header comes once and
// columns never become narrower.
func TestBatches(t *testing.T) {
	p, err := newPrinter(t)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := p.Begin(&out)
	for range batch {
		if err := w.Add([]row{{Node: "a", Status: "ok"}}); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(out.String(), "\n"); got != batch+1 {
		t.Errorf("after a whole batch there are %d lines, want %d", got, batch+1)
	}
	for _, late := range []row{{Node: "much-longer-than-before", Status: "ok"}, {Node: "b", Status: "ok"}} {
		if err := w.Add([]row{late}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	want := []string{
		"NODE   IP       STATUS",
		"a      <none>   ok",
		"much-longer-than-before   <none>   ok",
		"b                         <none>   ok",
	}
	got := []string{lines[0], lines[batch], lines[batch+1], lines[batch+2]}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || len(lines) != batch+3 {
		t.Errorf("got %d lines, of which\n%s\nwant\n%s", len(lines), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if w.Count() != batch+2 {
		t.Errorf("Count() = %d, want %d", w.Count(), batch+2)
	}
}

// TestColour paints after the columns are measured and the text is escaped, by health and not by words.
func TestColour(t *testing.T) {
	var out bytes.Buffer
	drawn := newTable(&out, []string{"STATUS", "NODE"})
	cells := [][]string{{"ok", "missing"}, {"wrong", "x"}, {"stopped", "y"}, {"planned", "z"}}
	colours := [][]inspect.Health{{inspect.Healthy, 0}, {inspect.Broken, 0}, {inspect.Doubtful, 0}, {inspect.Neutral, 0}}
	if err := drawn.write(cells, colours); err != nil {
		t.Fatal(err)
	}
	want := "STATUS    NODE\n" +
		"\x1b[32mok\x1b[0m        missing\n" +
		"\x1b[31mwrong\x1b[0m     x\n" +
		"\x1b[33mstopped\x1b[0m   y\n" +
		"planned   z\n"
	if out.String() != want {
		t.Errorf("got\n%q\nwant\n%q", out.String(), want)
	}
}

type brokenWriter struct{}

var errBroken = errors.New("broken pipe")

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

func TestWriteError(t *testing.T) {
	for _, format := range []string{"", "wide", "json", "yaml", "name", "custom-columns=N:.node"} {
		p, err := newPrinter(t, "-o", format)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Print(brokenWriter{}, inspect.NewReport("Entry", rows())); !errors.Is(err, errBroken) {
			t.Errorf("-o %q to a broken pipe: got error %v", format, err)
		}
	}
}

func BenchmarkTable(b *testing.B) {
	many := make([]row, 50_000)
	for i := range many {
		many[i] = rows()[i%2]
		many[i].Node = fmt.Sprintf("node-%d", i)
	}
	p, err := New(NewFlags(), testTable())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := p.Print(io.Discard, inspect.NewReport("Entry", many)); err != nil {
			b.Fatal(err)
		}
	}
}
