package plan

import (
	"cmp"
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// firstTTL is the initial TTL of an echo reply, on Linux and EOS.
const firstTTL = 64

// newPath begins a path; hops and expectations follow.
func newPath(c trace.Class, f inspect.Family, source, target trace.Endpoint) trace.Planned {
	return trace.Planned{Class: c, Family: f, Source: source, Target: target}
}

// skip adds a path without a probe.
func (p *planner) skip(c trace.Class, f inspect.Family, source, target trace.Endpoint, label, reason string) {
	path := newPath(c, f, source, target)
	path.Skip = reason
	p.put(path, label, "")
}

// follow predicts the way from a source to a target and back. The target is anything but a service.
func (p *planner) follow(path *trace.Planned) *way {
	w := p.newWay(path.Family)
	path.Source = p.sender(path.Source, path.Target.IP)
	w.take(w.walker.Leave(path.Source))
	w.take(w.walker.RoundTrip(path.Source, path.Target))
	w.settle(path)
	return w
}

// sender is a source with the address that its packets to an address have: that of a node depends on the way.
func (p *planner) sender(source trace.Endpoint, to netip.Addr) trace.Endpoint {
	if source.Kind == trace.Node {
		source.IP = cmp.Or(p.ground.SourceOn(source.Node, to), source.IP)
	}
	return source
}

// ping is an echo probe.
func (p *planner) ping(f inspect.Family, to netip.Addr) trace.Probe {
	return trace.Probe{Check: trace.Ping, Family: f, Target: to, Count: p.req.Count, Timeout: p.req.Timeout}
}

// echo plans a ping, and with --mtu also one with packets as large as the way must carry, where large allows it.
func (p *planner) echo(c trace.Class, f inspect.Family, source, target trace.Endpoint, label string, large bool) {
	path := newPath(c, f, source, target)
	path.Probe = p.ping(f, target.IP)
	if path.Skip = p.lacking(f, source, target); path.Skip != "" {
		p.put(path, label, "")
		return
	}
	w := p.follow(&path)
	p.put(path, label, "")
	if p.req.MTU && large && w.mtu > 0 {
		path.Probe.Size = w.mtu
		p.put(path, label, "mtu")
	}
}
