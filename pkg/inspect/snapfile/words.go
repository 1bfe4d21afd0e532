package snapfile

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Bounds of the names in rows: of devices, tables, protocols, scopes and states.
const (
	maxName  = 255     // bytes of one
	maxNames = 1 << 15 // that are interned
)

// words reads the words of a row one by one. The first error stays; after it there are no more words.
type words struct {
	rest  []byte
	names map[string]string // interned: a million rows name a handful of devices
	err   error
}

// start begins a row.
func (w *words) start(row []byte) { w.rest, w.err = row, nil }

// next returns the next word, or nil at the end of the row.
func (w *words) next() []byte {
	if w.err != nil || len(w.rest) == 0 {
		return nil
	}
	i := bytes.IndexByte(w.rest, ' ')
	if i < 0 {
		word := w.rest
		w.rest = nil
		return word
	}
	word := w.rest[:i]
	w.rest = w.rest[i+1:]
	return word
}

func (w *words) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

// name returns the next word as an interned string.
func (w *words) name() string {
	word := w.next()
	if known, ok := w.names[string(word)]; ok {
		return known
	}
	plain, err := unescape(word)
	if err != nil || plain == "" || len(plain) > maxName {
		w.fail("bad word %.40q", word)
		return ""
	}
	if len(w.names) < maxNames {
		w.names[plain] = plain
	}
	return plain
}

func unescape(word []byte) (string, error) {
	if bytes.IndexByte(word, '%') < 0 {
		return string(word), nil
	}
	var out []byte
	for i := 0; i < len(word); i++ {
		if word[i] != '%' {
			out = append(out, word[i])
			continue
		}
		if i+2 >= len(word) {
			return "", fmt.Errorf("%q ends within an escape", word)
		}
		var err error
		if out, err = hex.AppendDecode(out, word[i+1:i+3]); err != nil {
			return "", err
		}
		i += 2
	}
	return string(out), nil
}

func (w *words) addr() netip.Addr {
	word := w.next()
	if string(word) == absent {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(string(word))
	if err != nil || a.Zone() != "" {
		w.fail("bad address %.40q", word)
		return netip.Addr{}
	}
	return a
}

func (w *words) prefix() netip.Prefix {
	word := w.next()
	if string(word) == absent {
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(string(word))
	if err != nil {
		w.fail("bad prefix %.40q", word)
		return netip.Prefix{}
	}
	return p
}

func (w *words) int() int {
	word := w.next()
	n, err := strconv.Atoi(string(word))
	if err != nil || n == 0 {
		w.fail("bad number %.40q", word)
	}
	return n
}

func (w *words) mac() inspect.MAC {
	word := w.next()
	var m inspect.MAC
	if len(word) != 3*len(m)-1 {
		w.fail("bad Ethernet address %.40q", word)
		return m
	}
	for i := range m {
		high, low := nibble(word[3*i]), nibble(word[3*i+1])
		if high > 0xf || low > 0xf || i > 0 && word[3*i-1] != ':' {
			w.fail("bad Ethernet address %.40q", word)
			return inspect.MAC{}
		}
		m[i] = high<<4 | low
	}
	return m
}

// nibble returns the value of a lower-case hexadecimal digit, or one out of range.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	default:
		return 0xff
	}
}
