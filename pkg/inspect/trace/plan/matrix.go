package plan

import (
	"fmt"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

const (
	// meshNodes is the number of sources up to which all pairs are tried. More sources form a ring: each is a source and a
	// target once.
	meshNodes = 5
	// matrixServices is how many services of a namespace are tried.
	matrixServices = 10
)

// matrix plans the paths of every kind from each source.
func (p *planner) matrix() {
	for i := range p.req.Sources {
		source := &p.req.Sources[i]
		services := p.servicesFor(source.Namespace)
		for _, f := range p.families() {
			end := p.podEnd(source, f)
			p.sameNode(source, end, f)
			for _, other := range p.others(i) {
				p.toPod(&other, end, f, 1)
			}
			p.external(end, f)
			for _, svc := range services {
				p.toService(svc, end, f, 1)
				p.byName(svc, end, f, p.fullName(svc))
			}
		}
	}
	p.withoutSource()
}

// withoutSource names the nodes without a source, unless the sources were narrowed to one.
func (p *planner) withoutSource() {
	if len(p.req.Sources) < 2 {
		return
	}
	for _, n := range p.s.Nodes {
		has := slices.ContainsFunc(p.req.Sources, func(pod inspect.Pod) bool { return pod.Node == n.Name })
		if has || n.OS == "windows" {
			continue
		}
		for _, f := range p.families() {
			end := trace.Endpoint{Kind: trace.Node, Name: n.Name, Node: n.Name}
			p.skip(trace.CrossNode, f, end, trace.Endpoint{}, "any", "no pod to probe from on node "+n.Name)
		}
	}
}

// sameNode plans a path to another pod of the source's node.
func (p *planner) sameNode(source *inspect.Pod, end trace.Endpoint, f inspect.Family) {
	var best *inspect.Pod
	for i := range p.s.Pods {
		pod := &p.s.Pods[i]
		if pod.Node != source.Node || !canProbe(pod) || !pod.Ready || samePod(pod, source) {
			continue
		}
		if best == nil || comparePods(source.Namespace, pod, best) < 0 {
			best = pod
		}
	}
	if best == nil {
		p.skip(trace.SameNode, f, end, trace.Endpoint{Kind: trace.Pod, Node: source.Node}, "any",
			fmt.Sprintf("node %s has no other ready pod with a network of its own", source.Node))
		return
	}
	target := p.podEnd(best, f)
	p.echo(trace.SameNode, f, end, target, p.label(target), false)
}

func samePod(a, b *inspect.Pod) bool { return a.Namespace == b.Namespace && a.Name == b.Name }

// others are the pods of other nodes that source number i must reach: the other sources, or for a single source a pod of
// some of the other nodes.
func (p *planner) others(i int) []inspect.Pod {
	all := p.req.Sources
	source := all[i]
	if len(all) == 1 {
		found, err := Sources(p.s, SourceOptions{Namespace: source.Namespace})
		if err != nil {
			return nil
		}
		all = found
	}
	elsewhere := slices.DeleteFunc(slices.Clone(all), func(pod inspect.Pod) bool { return pod.Node == source.Node })
	switch {
	case p.req.FullMesh, len(all) <= meshNodes:
		return elsewhere
	case len(p.req.Sources) == 1:
		return elsewhere[:min(len(elsewhere), meshNodes)]
	}
	if next := all[(i+1)%len(all)]; next.Node != source.Node {
		return []inspect.Pod{next}
	}
	return elsewhere[:min(len(elsewhere), 1)]
}

// classTo is the class of a path to a pod.
func classTo(source, pod trace.Endpoint) trace.Class {
	if pod.Node == source.Node {
		return trace.SameNode
	}
	return trace.CrossNode
}

// toPod plans the paths to a pod: an echo, and connections to the first ports that it declares.
func (p *planner) toPod(target *inspect.Pod, source trace.Endpoint, f inspect.Family, ports int) {
	end := p.podEnd(target, f)
	class, label := classTo(source, end), p.label(end)
	p.echo(class, f, source, end, label, class == trace.CrossNode)
	if p.lacking(f, source, end) != "" {
		return
	}
	for _, port := range target.Ports {
		if !isTCP(port.Protocol) {
			continue
		}
		if ports--; ports < 0 {
			return
		}
		path := newPath(class, f, source, end)
		path.Target.Port = uint16(port.Port)
		path.Probe = p.connect(end.IP, uint16(port.Port), speaksHTTP(port.Name, "", port.Port))
		if class == trace.CrossNode {
			path.Probe.Check = trace.TCP // a connection already tests the way
		}
		p.follow(&path)
		p.put(path, label, fmt.Sprintf("%s-%d", path.Probe.Check, port.Port))
	}
}

// external plans the path to the known outside address.
func (p *planner) external(source trace.Endpoint, f inspect.Family) {
	ip := p.req.External.Get(f)
	if !ip.IsValid() {
		ip = p.s.Lab.External.Get(f)
	}
	if !ip.IsValid() {
		p.skip(trace.External, f, source, trace.Endpoint{Kind: trace.Outside}, "any",
			fmt.Sprintf("no %s address outside of the cluster is known: give one with --external-ipv%d", f, f))
		return
	}
	p.toAddress(*p.identify(ip), source, f, ip.String())
}
