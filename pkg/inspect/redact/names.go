package redact

import (
	"fmt"
	"maps"
	"slices"
)

// nameMap replaces the names of one kind by numbers, in the order of the names, so that rows stay in order.
type nameMap struct {
	word  string          // the new names begin with it
	keep  map[string]bool // includes the empty name
	seen  map[string]bool
	names map[string]string // nil until all names were seen
}

func newNameMap(word string, keep ...string) *nameMap {
	m := &nameMap{word: word, keep: map[string]bool{"": true}, seen: map[string]bool{}}
	for _, name := range keep {
		m.keep[name] = true
	}
	return m
}

// number gives each seen name its replacement.
func (m *nameMap) number() {
	m.names = make(map[string]string, len(m.seen))
	width := len(fmt.Sprint(len(m.seen)))
	for i, name := range slices.Sorted(maps.Keys(m.seen)) {
		m.names[name] = fmt.Sprintf("%s-%0*d", m.word, width, i+1)
	}
}

// of returns the replacement of a name. Before the names are numbered it remembers the name and returns it.
func (m *nameMap) of(name string) string {
	if m.keep[name] {
		return name
	}
	if m.names == nil {
		m.seen[name] = true
		return name
	}
	if replaced, ok := m.names[name]; ok {
		return replaced
	}
	return m.word // never seen: our bug must not leak a name
}
