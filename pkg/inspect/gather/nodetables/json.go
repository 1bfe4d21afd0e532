package nodetables

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// eachRow calls f for each element of the arrays that b holds: usually one array, none where ip printed nothing.
// Elements are decoded one by one, so that a huge array of nothing takes no memory.
func eachRow[T any](b []byte, f func(T) error) error {
	d := json.NewDecoder(bytes.NewReader(dropTrailingCommas(b)))
	var row T // one for all: it escapes
	for {
		open, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read JSON: %w", err)
		case open == nil: // null
			continue
		case open != json.Delim('['):
			return fmt.Errorf("read JSON: %v where a list must begin", open)
		}
		for d.More() {
			row = *new(T)
			if err := d.Decode(&row); err != nil {
				return fmt.Errorf("read JSON: %w", err)
			}
			if err := f(row); err != nil {
				return err
			}
		}
		if _, err := d.Token(); err != nil {
			return fmt.Errorf("read JSON: %w", err)
		}
	}
}

// dropTrailingCommas removes commas before a closing bracket, which some versions of iproute2 leave. Correct JSON,
// which ip prints without spaces, is returned as it is.
func dropTrailingCommas(b []byte) []byte {
	if !bytes.Contains(b, []byte(",]")) && !bytes.Contains(b, []byte(",}")) {
		return b
	}
	out := make([]byte, 0, len(b))
	quoted := false
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case quoted && c == '\\' && i+1 < len(b):
			out = append(out, c)
			i++
			c = b[i]
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ']' || c == '}') && len(out) > 0 && out[len(out)-1] == ',':
			out = out[:len(out)-1]
		}
		out = append(out, c)
	}
	return out
}

// list is a list within a row, to be read element by element with eachRow. A slice would let a row of fifty megabytes of
// "null" become as many structs.
type list = json.RawMessage

// flags are the flags of a device or next hop that we know. Unknown flags take no memory.
type flags uint8

const (
	flagUp flags = 1 << iota
	flagLowerUp
	flagOnLink
	flagDown // linkdown or dead: the kernel may not use it
)

// has reports whether a flag is set.
func (f flags) has(one flags) bool { return f&one != 0 }

func (f *flags) UnmarshalJSON(b []byte) error {
	known := map[text]flags{"UP": flagUp, "LOWER_UP": flagLowerUp, "onlink": flagOnLink, "linkdown": flagDown, "dead": flagDown}
	return eachRow(b, func(name text) error {
		*f |= known[name]
		return nil
	})
}

// text is a string that some versions print as a number, such as a table or protocol without a name.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return unquote(b, (*string)(t))
	}
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*t = text(n)
	return nil
}

// firstText is a string whose first value counts if an object has a key twice.
type firstText string

func (t *firstText) UnmarshalJSON(b []byte) error {
	if *t != "" {
		return nil
	}
	return unquote(b, (*string)(t))
}

// unquote reads a JSON string. Nearly all are plain ASCII, for which a second pass through the decoder is wasted.
func unquote(b []byte, s *string) error {
	special := func(r rune) bool { return r == '\\' || r >= 0x80 }
	if len(b) < 2 || b[0] != '"' || bytes.ContainsFunc(b, special) {
		return json.Unmarshal(b, s)
	}
	*s = string(b[1 : len(b)-1])
	return nil
}
