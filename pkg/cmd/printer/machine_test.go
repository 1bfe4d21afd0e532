package printer

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// TestMachineFormatsQuote holds that JSON and YAML are valid, give back what went in, and hold nothing that a terminal obeys,
// for each kind of character that one might.
func TestMachineFormatsQuote(t *testing.T) {
	var all []row
	for _, evil := range []string{"\x07", "\x1b[31m", "\x7f", "\u0085", "\u009b2J", "\u00ad", "\u200b", "\u2028", "\u202e", "\u2066", "\ufeff", "\ufff9", "\U000e0041",
		"\n", "\t", "\r\n", "'", `"`, `\`, `\u202e`, ": #", "- x", "日本", "é\u202e: '\"\\ \u009b\n", strings.Repeat("long ", 40) + "\u202e"} {
		all = append(all, row{Node: evil, Labels: []string{"a" + evil, evil + "b"}, Status: "ok"})
	}
	for _, format := range []string{"json", "yaml", "kyaml", "jsonpath-as-json={.items}"} {
		p, err := newPrinter(t, "-o", format)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := p.Print(&out, inspect.NewReport("Entry", all)); err != nil {
			t.Errorf("-o %s: %v", format, err)
			continue
		}
		if i := strings.IndexFunc(out.String(), obeyed); i >= 0 {
			t.Errorf("-o %s: a terminal obeys %q", format, out.String()[max(i-20, 0):i+4])
		}
		var back struct{ Items []row }
		switch {
		case format == "json":
			err = json.Unmarshal([]byte(out.String()), &back)
		case strings.HasPrefix(format, "jsonpath"):
			var nested [][]row
			err = json.Unmarshal([]byte(out.String()), &nested)
			back.Items = nested[0]
		default:
			err = yaml.Unmarshal([]byte(out.String()), &back)
		}
		if err != nil {
			t.Errorf("-o %s: %v", format, err)
		}
		for i := range all {
			if i < len(back.Items) && (format != "kyaml" || all[i].Node != "\r\n") { // which kubectl's KYAML doubles by itself
				if d := cmp.Diff(all[i].Labels, back.Items[i].Labels); d != "" || all[i].Node != back.Items[i].Node {
					t.Errorf("-o %s: %q comes back as %q %s", format, all[i].Node, back.Items[i].Node, d)
				}
			}
		}
		if len(back.Items) != len(all) {
			t.Errorf("-o %s: %d rows, want %d", format, len(back.Items), len(all))
		}
	}
}
