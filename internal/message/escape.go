package message

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes text that came from a cluster safe for a terminal and for the log of a CI system. Every character that is
// not printable (control characters of both ranges, line separators, bidirectional overrides, broken UTF-8) appears as Go
// writes it in a string ("\x1b", "\u202e"): cli-runtime's EscapeTerminal knows only ESC and CR. Text that a CI system would
// take for a command has its first character escaped in the same way.
func Escape(s string) string {
	if !IsPlain(s) {
		var b strings.Builder
		for _, r := range s {
			if r != utf8.RuneError && unicode.IsPrint(r) {
				b.WriteRune(r)
				continue
			}
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = b.String()
	}
	if strings.HasPrefix(s, "::") || strings.Contains(s, " ::") {
		s = colons.ReplaceAllString(s, `$1\x3a:$2`)
	}
	if strings.Contains(s, "##") {
		s = hashes.ReplaceAllString(s, `\x23#$1`)
	}
	return s
}

// The commands of CI systems: "::error::text" of GitHub at the start of a line, where wrapping can put any word, and
// "##vso[…]", "##[…]" and "##teamcity[…]" of others anywhere. An address has "::" only once.
var (
	colons = regexp.MustCompile(`(^| )::([A-Za-z][^:]*::)`)
	hashes = regexp.MustCompile(`##(\w*\[)`)
)

// IsPlain reports whether s is printable ASCII, as nearly all text is.
func IsPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
