package message

import (
	"strings"
	"testing"
)

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "Warning: \n",
		"pods: refused":             "Warning: pods: refused\n",
		"x\n::error::y\r\n\u2028z":  `Warning: x\n::error::y\r\n\u2028z` + "\n",
		strings.Repeat("é\n", 1000): "Warning: " + strings.Repeat(`é\n`, 663) + "é… (3009 bytes in all)\n",
	} {
		var out strings.Builder
		if Line(&out, "Warning: %s", in); out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"plain-1.2.3.4/32 fd00::1":   "plain-1.2.3.4/32 fd00::1",
		"Grüße 日本":                   "Grüße 日本",
		"\x1b]0;title\x07":           `\x1b]0;title\a`,
		"a\tb\r\nc":                  `a\tb\r\nc`,
		"\u009b31m":                  `\u009b31m`,
		"\u202eabc\u2066":            `\u202eabc\u2066`,
		"\xff":                       `�`,
		`back\slash`:                 `back\slash`,
		"::1":                        "::1",
		"::/0 via fe80::1 dev eth0":  "::/0 via fe80::1 dev eth0",
		"via fd00::a dev x fd00::b":  "via fd00::a dev x fd00::b",
		"::error::x":                 `\x3a:error::x`,
		"x ::set-output name=a::b":   `x \x3a:set-output name=a::b`,
		"a ##vso[task.x]b ##[error]": `a \x23#vso[task.x]b \x23#[error]`,
		"## heading":                 "## heading",
	} {
		if got := Escape(in); got != want {
			t.Errorf("Escape(%q) = %q, want %q", in, got, want)
		}
	}
}
