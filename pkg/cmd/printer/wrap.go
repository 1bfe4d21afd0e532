package printer

import (
	"strings"
	"unicode/utf8"

	"github.com/mitchellh/go-wordwrap"
)

// PageWidth is the width of long explanations in columns. It fits on any terminal.
const PageWidth = 80

// Wrap returns a head and, behind it, text that may come from a cluster: escaped, and continued under itself if the
// line is too long.
func Wrap(head, text string) string {
	indent := utf8.RuneCountInString(head)
	var b strings.Builder
	for line := range strings.SplitSeq(wordwrap.WrapString(Escape(text), uint(max(PageWidth-indent, PageWidth/3))), "\n") {
		b.WriteString(strings.TrimRight(head+line, " ") + "\n")
		head = strings.Repeat(" ", indent)
	}
	return b.String()
}
