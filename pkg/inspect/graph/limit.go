package graph

import (
	"cmp"
	"slices"
)

// limit cuts the graph down to the size of a picture. It keeps marked parts first, then nodes with pods; the order
// stays.
func (b *builder) limit() {
	g, limit := b.graph, b.options.Limit
	if limit <= 0 {
		return
	}
	concerned := map[string]bool{}
	for _, p := range g.Paths {
		concerned[p.From], concerned[p.To] = true, true
	}
	for _, t := range g.Tunnels {
		for _, e := range t.Ends {
			concerned[e.Node] = concerned[e.Node] || e.Marked()
		}
	}
	g.Nodes, g.Left.Nodes = first(g.Nodes, limit, func(n Node) int {
		return rank(n.Marked() || concerned[n.Name], len(n.Pods) > 0)
	})
	for i := range g.Nodes {
		n := &g.Nodes[i]
		n.Pods, n.More = first(n.Pods, limit, func(p Pod) int { return rank(p.Marked()) })
	}
	for i := range g.Tunnels {
		t := &g.Tunnels[i]
		t.Ends = slices.DeleteFunc(t.Ends, func(e End) bool { return b.node(e.Node) == nil })
	}
	g.Paths, g.Left.Paths = first(g.Paths, limit, func(Path) int { return 0 })
	b.limitServices(limit)
}

// limitServices cuts the services down, and renumbers them in the pods.
func (b *builder) limitServices(limit int) {
	g := b.graph
	kept := map[int]int{}
	type numbered struct {
		Service
		number int
	}
	all := make([]numbered, len(g.Services))
	for i, s := range g.Services {
		all[i] = numbered{s, i}
	}
	all, g.Left.Services = first(all, limit, func(s numbered) int { return rank(s.Marked()) })
	g.Services = g.Services[:0]
	for i, s := range all {
		kept[s.number] = i
		g.Services = append(g.Services, s.Service)
	}
	for i := range g.Nodes {
		for j := range g.Nodes[i].Pods {
			p := &g.Nodes[i].Pods[j]
			var services []int
			for _, number := range p.Services {
				if i, ok := kept[number]; ok {
					services = append(services, i)
				}
			}
			p.Services = services
		}
	}
}

// rank is the place of the first condition that holds. Lower ranks are kept first.
func rank(conditions ...bool) int {
	if i := slices.Index(conditions, true); i >= 0 {
		return i
	}
	return len(conditions)
}

// first returns at most limit items of the lowest ranks, in their order, and the number left out.
func first[T any](items []T, limit int, rank func(T) int) ([]T, int) {
	if len(items) <= limit {
		return items, 0
	}
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rank(items[a]), rank(items[b])) })
	take := make([]bool, len(items))
	for _, i := range order[:limit] {
		take[i] = true
	}
	kept := make([]T, 0, limit)
	for i, item := range items {
		if take[i] {
			kept = append(kept, item)
		}
	}
	return kept, len(items) - limit
}

// number gives each mark its number in pictures, and its findings their subject.
func (b *builder) number() {
	n := 0
	b.graph.visit(func(where string, m *Mark) {
		if m.Marked() {
			n++
			m.Number = n
			for i := range m.Findings {
				m.Findings[i].Subject = where
			}
		}
	})
}
