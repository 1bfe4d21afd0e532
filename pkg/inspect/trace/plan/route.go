package plan

import (
	"fmt"
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// firstTTL is what a packet starts with: of an echo reply, that of Linux and of EOS.
const firstTTL = 64

// newPath begins a path; hops and expectations follow.
func newPath(c trace.Class, f inspect.Family, source, target trace.Endpoint) trace.Path {
	return trace.Path{Class: c, Family: f, Source: source, Target: target}
}

// follow predicts the way from a pod to a target and back. The target is anything but a service.
func (p *planner) follow(path *trace.Path) *walk {
	w := &walk{planner: p, family: path.Family}
	w.leave(path.Source, "sent")
	w.roundTrip(path.Source, path.Target)
	w.settle(path)
	return w
}

// settle moves what was found out into the path.
func (w *walk) settle(path *trace.Path) {
	path.Hops, path.Expect.Still = w.hops, w.still
	// Strangers are unknown distances away; of services it is not known which endpoint answers.
	if !w.uncertain && path.Target.Kind != trace.Outside && path.Target.Kind != trace.Svc && path.Probe.Check == trace.Ping {
		path.Expect.TTL = firstTTL - w.routers
	}
}

// roundTrip goes from the node of a pod to a target, and back into the pod.
func (w *walk) roundTrip(source, target trace.Endpoint) {
	there := packet{src: source.IP, dst: target}
	if target.Node == "" {
		w.leaveCluster(source, there)
		return
	}
	w.carry(source.Node, source.Interface, there)
	w.back = true
	if target.Kind == trace.Pod && target.Interface != "" {
		w.leave(target, "answered")
		w.carry(target.Node, target.Interface, packet{src: target.IP, dst: source})
		return
	}
	if !w.masked.IsValid() {
		w.carry(target.Node, "", packet{src: target.IP, dst: source, own: true})
		return
	}
	node := trace.Endpoint{Kind: trace.Node, Name: source.Node, Node: source.Node, IP: w.masked}
	w.carry(target.Node, "", packet{src: target.IP, dst: node, own: true, masked: true})
	w.unmask(source.Node, source.IP)
	in := ""
	if n := w.nodes[source.Node]; n != nil && n.kernel != nil {
		in = n.kernel.DeviceOf(w.masked)
	}
	w.carry(source.Node, in, packet{src: target.IP, dst: source})
}

// leaveCluster goes to a target outside. Without the node's tables there is only the target to name.
func (w *walk) leaveCluster(source trace.Endpoint, pk packet) {
	w.carry(source.Node, source.Interface, pk)
	if w.back {
		return // the way back was followed along with the way out
	}
	w.add(trace.Hop{Component: trace.ComponentTarget, Action: "reached", Detail: targetText(pk.dst)})
	w.back = true
	w.add(trace.Hop{Component: trace.ComponentTarget, Action: "answered", Detail: targetText(pk.dst)})
	w.cable(source, trace.TX, "delivered")
}

// lacking says why there is no path between two ends in a family, or nothing.
func lacking(f inspect.Family, ends ...trace.Endpoint) string {
	for _, e := range ends {
		if !e.IP.IsValid() {
			return fmt.Sprintf("%s %s has no %s address", e.Kind, e.Name, f)
		}
	}
	return ""
}

// ping is an echo probe.
func (p *planner) ping(f inspect.Family, to netip.Addr) trace.Probe {
	return trace.Probe{Check: trace.Ping, Family: f, Target: to, Count: p.req.Count, Timeout: p.req.Timeout}
}

// echo plans a ping, and with --mtu also one with packets as large as the way must carry, where large allows it.
func (p *planner) echo(c trace.Class, f inspect.Family, source, target trace.Endpoint, label string, large bool) {
	path := newPath(c, f, source, target)
	path.Probe = p.ping(f, target.IP)
	if path.Skip = lacking(f, source, target); path.Skip != "" {
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
