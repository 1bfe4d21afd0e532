package gather

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Progress says how far a Snapshot is.
type Progress struct {
	// Reading lists the facts that are not read yet, in the order of inspect.Facts.
	Reading []inspect.Fact
	// Tables counts the nodes whose tables were read, or could not be, and Nodes all; both are 0 until the nodes are known.
	Tables, Nodes int
}

// String names what is still being read: "pods, ipamblocks, 12 of 200 node tables".
func (p Progress) String() string {
	words := make([]string, len(p.Reading))
	for i, fact := range p.Reading {
		words[i] = string(fact)
		if fact == inspect.FactTables && p.Nodes > 0 {
			words[i] = fmt.Sprintf("%d of %d %s", p.Tables, p.Nodes, fact)
		}
	}
	return strings.Join(words, ", ")
}

// tracker tells the caller of each change, one after the other.
type tracker struct {
	mu     sync.Mutex
	now    Progress
	report func(Progress) // nil: nobody asks
}

func newTracker(req Request) *tracker {
	t := &tracker{report: req.Progress}
	t.change(func(p *Progress) {
		for _, fact := range inspect.Facts() {
			if slices.Contains(req.Facts, fact) {
				p.Reading = append(p.Reading, fact)
			}
		}
	})
	return t
}

// done says that a fact was read, or could not be.
func (t *tracker) done(fact inspect.Fact) {
	t.change(func(p *Progress) {
		p.Reading = slices.DeleteFunc(slices.Clone(p.Reading), func(f inspect.Fact) bool { return f == fact })
	})
}

func (t *tracker) change(edit func(*Progress)) {
	if t.report == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	edit(&t.now)
	t.report(t.now)
}
