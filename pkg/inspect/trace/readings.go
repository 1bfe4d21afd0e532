package trace

import "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"

// CountersOf returns the packet counters of tables read for another purpose, which saves the first reading.
func CountersOf(tables map[string]inspect.NodeTable) Readings {
	r := Readings{}
	for node, table := range tables {
		r.Add(node, table.Links)
	}
	return r
}

// Add adds the counters of a node's devices.
func (r Readings) Add(node string, links []inspect.Link) {
	for _, l := range links {
		r[Meter{Node: node, Device: l.Name, Direction: RX}] = l.RXPackets
		r[Meter{Node: node, Device: l.Name, Direction: TX}] = l.TXPackets
	}
}
