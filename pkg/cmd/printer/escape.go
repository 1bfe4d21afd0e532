package printer

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes text that came from a cluster safe for a terminal: every character that is not printable (control
// characters of both ranges, line separators, bidirectional overrides, broken UTF-8) appears as Go writes it in a
// string ("\x1b", "\u202e"). cli-runtime's EscapeTerminal knows only ESC and CR.
func Escape(s string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r != utf8.RuneError && unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// isPlain reports whether s is printable ASCII, which nearly everything is.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
