package nodetables

import (
	"context"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/budget"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// Extra says what to read beside the tables, in the same run.
type Extra struct {
	NAT  bool // what the rules of the node translate
	BIRD bool // the sessions of BGP
}

// Readings are what was read, by node. An extra that could not be read makes no table unknown.
type Readings struct {
	Tables map[string]inspect.NodeTable
	NAT    map[string]inspect.ByFamily[inspect.NAT]
	BIRD   map[string]inspect.ByFamily[inspect.BIRD]
}

// reading is what one run finds on a node.
type reading struct {
	table           inspect.NodeTable
	nat             inspect.ByFamily[inspect.NAT]
	bird            inspect.ByFamily[inspect.BIRD]
	natErr, birdErr error
}

// script returns the script that reads the tables with the extras.
func (e Extra) script() string {
	script := strings.TrimSuffix(Script, access.Ending)
	if e.NAT {
		script += natScript
	}
	if e.BIRD {
		script += birdScript
	}
	return script + access.Ending
}

// facts names the extras.
func (e Extra) facts() []inspect.Fact {
	var facts []inspect.Fact
	if e.NAT {
		facts = append(facts, inspect.FactNAT)
	}
	if e.BIRD {
		facts = append(facts, inspect.FactBIRD)
	}
	return facts
}

// Read reads the kernel tables as Tables does, and the extras in the same run.
func Read(ctx context.Context, ways []access.Way, nodes []string, extra Extra, opts Options) (Readings, []inspect.Missing) {
	read, unread := read(ctx, ways, nodes, opts, command[reading]{script: extra.script(), parse: extra.parse})
	missing := unread
	for _, m := range unread {
		for _, fact := range extra.facts() {
			missing = append(missing, inspect.Missing{Fact: fact, Node: m.Node, Reason: m.Reason})
		}
	}
	all := Readings{Tables: map[string]inspect.NodeTable{}, NAT: map[string]inspect.ByFamily[inspect.NAT]{},
		BIRD: map[string]inspect.ByFamily[inspect.BIRD]{}}
	miss := func(fact inspect.Fact, node string, err error) {
		missing = append(missing, inspect.Missing{Fact: fact, Node: node, Reason: reason(err)})
	}
	for _, node := range nodes {
		r, ok := read[node]
		if !ok {
			continue
		}
		all.Tables[node] = r.table
		switch {
		case !extra.NAT:
		case r.natErr != nil:
			miss(inspect.FactNAT, node, r.natErr)
		default:
			all.NAT[node] = r.nat
		}
		switch {
		case !extra.BIRD:
		case r.birdErr != nil:
			miss(inspect.FactBIRD, node, r.birdErr)
		default:
			all.BIRD[node] = r.bird
		}
	}
	return all, missing
}

// parse reads the output of the script.
func (e Extra) parse(out []byte, left *budget.Budget) (reading, error) {
	table, err := parseTables(out, left)
	if err != nil {
		return reading{}, err
	}
	sections, err := access.Sections(out)
	if err != nil {
		return reading{}, err
	}
	for name, s := range sections {
		cost := 0
		switch {
		case strings.HasPrefix(name, "nat"):
			cost = natCost
		case strings.HasPrefix(name, "bird"):
			cost = birdCost
		}
		if err := left.Spend(cost * len(s.Out)); err != nil {
			return reading{}, err
		}
	}
	r := reading{table: table}
	if e.NAT {
		r.nat, r.natErr = parseNAT(sections)
	}
	if e.BIRD {
		r.bird, r.birdErr = parseBIRD(sections)
	}
	return r, nil
}
