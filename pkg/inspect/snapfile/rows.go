package snapfile

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// The first word of a row says which table it belongs to.
const (
	rowRoute    = "route"
	rowNeighbor = "neigh"
	rowFDB      = "fdb"
)

// absent stands for an address without which a row cannot be, and which is absent all the same.
const absent = "-"

func appendRoute(b []byte, r inspect.Route) []byte {
	b = append(b, rowRoute...)
	b = append(b, ' ')
	if r.Dst.IsValid() {
		b = r.Dst.AppendTo(b)
	} else {
		b = append(b, absent...)
	}
	b = appendWord(b, "type", r.Type)
	b = appendAddr(b, "via", r.Gateway)
	b = appendWord(b, "dev", r.Dev)
	b = appendWord(b, "table", r.Table)
	b = appendWord(b, "proto", r.Protocol)
	b = appendWord(b, "scope", r.Scope)
	b = appendAddr(b, "src", r.Source)
	b = appendInt(b, "metric", r.Metric)
	b = appendInt(b, "mtu", r.MTU)
	b = appendFlag(b, "onlink", r.OnLink)
	b = appendFlag(b, "down", r.Down)
	return append(b, '\n')
}

func appendNeighbor(b []byte, n inspect.Neighbor) []byte {
	b = append(b, rowNeighbor...)
	b = append(b, ' ')
	if n.IP.IsValid() {
		b = n.IP.WithZone("").AppendTo(b)
	} else {
		b = append(b, absent...)
	}
	b = appendWord(b, "dev", n.Dev)
	if !n.MAC.IsZero() {
		b = appendMAC(append(b, " lladdr "...), n.MAC)
	}
	b = appendWord(b, "nud", n.State)
	return append(b, '\n')
}

func appendFDB(b []byte, e inspect.FDBEntry) []byte {
	b = append(b, rowFDB...)
	b = appendMAC(append(b, ' '), e.MAC)
	b = appendWord(b, "dev", e.Dev)
	b = appendAddr(b, "dst", e.VTEP)
	b = appendFlag(b, "permanent", e.Permanent)
	return append(b, '\n')
}

func appendWord(b []byte, key, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ' ')
	b = append(b, key...)
	b = append(b, ' ')
	for i := range len(value) {
		if c := value[i]; c <= ' ' || c == '%' || c == 0x7f {
			b = append(b, '%', upperHex[c>>4], upperHex[c&0xf])
		} else {
			b = append(b, c)
		}
	}
	return b
}

const upperHex = "0123456789ABCDEF"

func appendAddr(b []byte, key string, a netip.Addr) []byte {
	if !a.IsValid() {
		return b
	}
	b = append(b, ' ')
	b = append(b, key...)
	return a.WithZone("").AppendTo(append(b, ' '))
}

func appendInt(b []byte, key string, n int) []byte {
	if n == 0 {
		return b
	}
	b = append(b, ' ')
	b = append(b, key...)
	return strconv.AppendInt(append(b, ' '), int64(n), 10)
}

func appendFlag(b []byte, key string, set bool) []byte {
	if !set {
		return b
	}
	b = append(b, ' ')
	return append(b, key...)
}

func appendMAC(b []byte, m inspect.MAC) []byte {
	for i, c := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, []byte{c})
	}
	return b
}

// words takes the words of a row one after the other. The first error stays; after it there are no more words.
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
	if err != nil || plain == "" {
		w.fail("bad word %.40q", word)
		return ""
	}
	if len(w.names) < maxKept {
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

func (w *words) route() inspect.Route {
	r := inspect.Route{Dst: w.prefix()}
	for word := w.next(); word != nil; word = w.next() {
		switch string(word) {
		case "type":
			r.Type = w.name()
		case "via":
			r.Gateway = w.addr()
		case "dev":
			r.Dev = w.name()
		case "table":
			r.Table = w.name()
		case "proto":
			r.Protocol = w.name()
		case "scope":
			r.Scope = w.name()
		case "src":
			r.Source = w.addr()
		case "metric":
			r.Metric = w.int()
		case "mtu":
			r.MTU = w.int()
		case "onlink":
			r.OnLink = true
		case "down":
			r.Down = true
		default:
			w.fail("unknown word %.40q", word)
		}
	}
	return r
}

func (w *words) neighbor() inspect.Neighbor {
	n := inspect.Neighbor{IP: w.addr()}
	for word := w.next(); word != nil; word = w.next() {
		switch string(word) {
		case "dev":
			n.Dev = w.name()
		case "lladdr":
			n.MAC = w.mac()
		case "nud":
			n.State = w.name()
		default:
			w.fail("unknown word %.40q", word)
		}
	}
	return n
}

func (w *words) fdb() inspect.FDBEntry {
	e := inspect.FDBEntry{MAC: w.mac()}
	for word := w.next(); word != nil; word = w.next() {
		switch string(word) {
		case "dev":
			e.Dev = w.name()
		case "dst":
			e.VTEP = w.addr()
		case "permanent":
			e.Permanent = true
		default:
			w.fail("unknown word %.40q", word)
		}
	}
	return e
}
