package selector

import (
	"strings"
	"testing"
)

func TestSelects(t *testing.T) {
	labels := map[string]string{"zone": "east", "kubernetes.io/os": "linux", "empty": ""}
	tests := []struct {
		selector string
		want     bool
		err      string
	}{
		{selector: "", want: true},
		{selector: "all()", want: true},
		{selector: "!all()", want: false},
		{selector: "global()", want: false},
		{selector: "has(zone)", want: true},
		{selector: "has(rack)", want: false},
		{selector: "zone == 'east'", want: true},
		{selector: `zone=="west"`, want: false},
		{selector: "zone != 'west'", want: true},
		{selector: "rack != 'r1'", want: true},
		{selector: "rack == ''", want: false},
		{selector: "empty == ''", want: true},
		{selector: "kubernetes.io/os == 'linux' && zone == 'east'", want: true},
		{selector: "zone == 'west' || has(empty)", want: true},
		{selector: "zone == 'west' || zone == 'north' && has(empty)", want: false},
		{selector: "!(zone == 'west') && !has(rack)", want: true},
		{selector: "zone in {'west', 'east'}", want: true},
		{selector: "zone in {}", want: false},
		{selector: "zone not in {'west','north'}", want: true},
		{selector: "rack not in {'r1'}", want: true},
		{selector: "rack contains ''", want: false},
		{selector: "zone contains 'as'", want: true},
		{selector: "zone starts with 'ea'", want: true},
		{selector: "zone ends with 'x'", want: false},
		{selector: "zone", err: "operator expected"},
		{selector: "zone ==", err: "value expected"},
		{selector: "zone == 'east", err: "not closed"},
		{selector: "zone == 'east')", err: `unexpected ")"`},
		{selector: "(zone == 'east'", err: `")" expected`},
		{selector: "any()", err: "unknown function"},
		{selector: "zone ~ 'x'", err: "unexpected character"},
		{selector: strings.Repeat("!", 1000) + "all()", err: "too deeply"},
	}
	for _, tt := range tests {
		t.Run(tt.selector, func(t *testing.T) {
			got, err := Selects(tt.selector, labels)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("Selects() error = %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want {
				t.Fatalf("Selects() = %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

func FuzzSelects(f *testing.F) {
	for _, s := range []string{"all()", "has(a) && !b in {'x'}", "((", "a not in {'x',}", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) { _, _ = Selects(s, map[string]string{"a": "x"}) })
}

// TestTokens: the tokens are the whole selector, and labels are told from the words of the language.
func TestTokens(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "",
		"all()":                                "",
		"!has( acme.com/rack )":                "acme.com/rack",
		"has == 'x' && in in {\"in\"}":         "has in",
		"(a starts with \"x\") || b not in {}": "a b",
		"a contains 'b' && !(c != 'd')":        "a c",
		"all":                                  "all",
	} {
		tokens, err := Tokens(text)
		if err != nil {
			t.Fatal(err)
		}
		var again, labels []string
		for _, token := range tokens {
			again = append(again, token.String())
			if token.IsLabel {
				labels = append(labels, token.Text)
			}
			if token.IsLabel && token.IsFixed() {
				t.Errorf("%s: %s is both a label and a word of the language", text, token.Text)
			}
		}
		if got := strings.Join(again, ""); got != text {
			t.Errorf("%s becomes %s", text, got)
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("%s: labels %q, want %q", text, got, want)
		}
	}
	if _, err := Tokens("rack == 'never closed"); err == nil {
		t.Error("a string that is not closed is no error")
	}
}
