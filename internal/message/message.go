// Package message writes messages to standard error. Parts of them may be text that somebody else wrote: names, messages
// of an API server, a snapshot's reasons. Each message is one short line, whatever is in it.
package message

import (
	"fmt"
	"io"
	"unicode/utf8"
)

// longest bounds a message, in bytes. Our own sentences are much shorter.
const longest = 2000

// Line writes one message as one line.
func Line(w io.Writer, format string, args ...any) {
	// Standard error is the last resort: there is nowhere else to report an error.
	_, _ = fmt.Fprintln(w, Text(fmt.Sprintf(format, args...)))
}

// Text returns a message as one line: escaped, and cut if it is too long.
func Text(s string) string {
	if len(s) <= longest {
		return Escape(s)
	}
	end := longest
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes in all)", Escape(s[:end]), len(s))
}
