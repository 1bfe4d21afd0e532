// Package message writes to standard error, of which parts may be text that somebody else wrote: names, messages of an API
// server, a snapshot's reasons. One message is one line, whatever is in it, and a short one.
package message

import (
	"fmt"
	"io"
	"unicode/utf8"
)

// longest is how many bytes of a message are written. No sentence of ours comes near it.
const longest = 2000

// Line writes one message as one line.
func Line(w io.Writer, format string, args ...any) {
	// Standard error is the last resort: there is nowhere to report that it is gone.
	_, _ = fmt.Fprintln(w, Text(fmt.Sprintf(format, args...)))
}

// Text returns a message as one line: escaped, and cut where it is too long.
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
