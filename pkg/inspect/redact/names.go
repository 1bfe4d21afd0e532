package redact

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// nameMap replaces the names of one kind by numbers. They are given in the order of the names, so that rows stay in
// order.
type nameMap struct {
	word  string // what the new names begin with
	keep  func(string) bool
	seen  map[string]bool
	names map[string]string
}

func newNameMap(word string, keep ...string) *nameMap {
	return &nameMap{
		word: word, keep: func(s string) bool { return s == "" || slices.Contains(keep, s) }, seen: map[string]bool{},
	}
}

// see takes notice of a name that is to be replaced.
func (m *nameMap) see(name string) {
	if !m.keep(name) {
		m.seen[name] = true
	}
}

// number gives each name that was seen its replacement.
func (m *nameMap) number() {
	m.names = make(map[string]string, len(m.seen))
	width := len(fmt.Sprint(len(m.seen)))
	for i, name := range slices.Sorted(maps.Keys(m.seen)) {
		m.names[name] = fmt.Sprintf("%s-%0*d", m.word, width, i+1)
	}
}

// of returns the replacement of a name. One that was not seen is a mistake of ours, and must not slip through.
func (m *nameMap) of(name string) string {
	if m.keep(name) {
		return name
	}
	if replaced, ok := m.names[name]; ok {
		return replaced
	}
	return m.word
}

// selectorWords are the words of Calico's selector language (libcalico-go/lib/selector).
func selectorWords() []string {
	return []string{"all", "global", "has", "in", "not", "contains", "starts", "ends", "with"}
}

// mapSelector replaces the keys and the quoted values of a selector.
func mapSelector(selector string, key, value func(string) string) string {
	var out strings.Builder
	for selector != "" {
		c := selector[0]
		switch end := strings.IndexFunc(selector, func(r rune) bool { return !isKeyRune(r) }); {
		case c == '"' || c == '\'':
			text, rest, closed := strings.Cut(selector[1:], string(c))
			if !closed {
				return out.String() // a selector that Calico would not take either
			}
			fmt.Fprintf(&out, "%c%s%c", c, value(text), c)
			selector = rest
		case end == 0:
			out.WriteByte(c)
			selector = selector[1:]
		default:
			word, rest := selector, ""
			if end > 0 {
				word, rest = selector[:end], selector[end:]
			}
			if !slices.Contains(selectorWords(), word) {
				word = key(word)
			}
			out.WriteString(word)
			selector = rest
		}
	}
	return out.String()
}

func isKeyRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_./-", r)
}
