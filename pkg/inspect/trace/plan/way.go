package plan

import (
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/walk"
)

// way is the second pass over a walk: each step becomes a hop with words, contradictions to the datastore, and its
// consequences for the probe.
type way struct {
	*planner
	walker *walk.Walker
	family inspect.Family
	hops   []trace.Hop
	still  []trace.Meter
	mtu    int // bytes; the smallest on the way, 0 where none is known
}

func (p *planner) newWay(f inspect.Family) *way {
	return &way{planner: p, walker: walk.New(&p.ground, f), family: f}
}

// take turns steps into hops.
func (w *way) take(steps []walk.Step) {
	for i := range steps {
		s := &steps[i]
		hop := w.word(s)
		hop.Problem = w.blame(s)
		if want, ok := w.wanted(s); ok && hop.Problem == nil {
			hop.Detail += " (" + want.Reason + ")"
		}
		w.hops = append(w.hops, hop)
		w.measure(s)
	}
}

// settle moves the results into the path.
func (w *way) settle(path *trace.Planned) {
	path.Hops, path.Expect.Still, path.Expect.EBPF = w.hops, w.still, bpf(w.felix[path.Source.Node])
	// The distance of outside targets is unknown, and so is the endpoint that answers for a service.
	if !w.walker.Uncertain && path.Target.Kind != trace.Outside && path.Target.Kind != trace.Svc && path.Probe.Check == trace.Ping {
		path.Expect.TTL = firstTTL - w.walker.Routers
	}
}

// measure notes the smallest MTU, and the tunnel devices that a direct path must not move.
func (w *way) measure(s *walk.Step) {
	if s.Link != nil && s.Kind != walk.Outer {
		w.narrow(w.deviceMTU(s.Node, s.Link))
	}
	w.narrow(w.routeMTU(s))
	if pool := w.ground.PoolOf(s.Packet.Dst.IP); pool == nil || pool.VXLANMode != inspect.EncapCrossSubnet {
		return
	}
	switch s.Kind {
	case walk.Sent:
		w.keepStill(s.Node, trace.TX)
	case walk.Received:
		w.keepStill(s.Node, trace.RX)
	}
}

func (w *way) narrow(mtu int) {
	if mtu > 0 && (w.mtu == 0 || mtu < w.mtu) {
		w.mtu = mtu
	}
}

// deviceMTU is the MTU of a device; of a tunnel device the expected one, so that one with too small an MTU shows.
func (w *way) deviceMTU(node string, link *inspect.Link) int {
	if want, ok := w.device(node); ok && want.Name == link.Name && want.MTU != 0 {
		return want.MTU
	}
	return link.MTU
}

// routeMTU is the MTU of a route; of one that is known, the expected one. The kernel lowers the mtu of routes with that of their
// device, so that a tunnel with too small an MTU would not show in Calico v3.31 and later, where its routes have one.
func (w *way) routeMTU(s *walk.Step) int {
	if want, ok := w.wanted(s); ok && want.Dst == s.Decision.Route.Dst {
		return want.Hops[0].MTU.Value
	}
	return s.Decision.Route.MTU
}

// device is the expected tunnel device of a node, if known.
func (w *way) device(node string) (felix.Device, bool) {
	if !w.judges(node, felix.Devices, w.family) {
		return felix.Device{}, false
	}
	return w.felix[node].Device(w.family)
}

// keepStill notes that a packet must not move the tunnel device of a node, if it has one.
func (w *way) keepStill(node string, d trace.Direction) {
	m := trace.Meter{Node: node, Device: calico.VXLANDevice(w.family.Is6()), Direction: d}
	if w.ground.Link(node, m.Device) != nil && !slices.Contains(w.still, m) {
		w.still = append(w.still, m)
	}
}

// wanted is the expected route at a step: to the block of a pod on another node.
func (w *way) wanted(s *walk.Step) (felix.Route, bool) {
	dst := s.Packet.Dst
	if s.Kind != walk.Route || dst.Kind != trace.Pod || dst.Interface == "" || dst.Node == s.Node {
		return felix.Route{}, false
	}
	return w.route(s.Node, dst.IP)
}
