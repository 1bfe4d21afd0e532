// Package routes compares the routes to pods' addresses of each node with the expected ones: one
// for each IPAM block in a VXLAN pool, through the tunnel or directly to the node, a blackhole for the node's own
// blocks, and one for each address that another node has borrowed (felix/calc/l3_route_resolver.go,
// felix/dataplane/linux/route_mgr.go). It does no I/O.
package routes

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/felix/ways"
)

// Kind is the kind of a row.
const Kind = "Route"

// Route is a row: a route that exists, is expected, or both.
type Route struct {
	Node        string         `json:"node,omitempty"`
	Family      inspect.Family `json:"family"`
	Destination netip.Prefix   `json:"destination,omitzero"`
	Via         netip.Addr     `json:"via,omitzero"`
	Device      string         `json:"device,omitempty"`
	Kind        felix.Kind     `json:"kind,omitempty"`
	RemoteNode  string         `json:"remoteNode,omitempty"`
	inspect.Judgement
	Reason string `json:"reason,omitempty"` // why the expected route is of its kind
}

// Options limit the report.
type Options struct{ felix.Filter }

// Needs lists the facts that Analyze uses.
func Needs() []inspect.Fact { return append(felix.Routes.Needs(), inspect.FactVersion) }

// Analyze returns the routes of all nodes, sorted by node, family and destination.
func Analyze(s *inspect.Snapshot, o Options) *inspect.Report[Route] { return In(ways.New(s), o) }

// In is Analyze for callers that run several analyses on one cluster.
func In(c *felix.Cluster, o Options) *inspect.Report[Route] {
	a := analysis{rows: make([]Route, 0, capacity(c.Snapshot()))}
	c.Judge(felix.Routes, o.Filter, a.judge, a.unknown)
	return inspect.NewReport(Kind, a.rows, c.Omissions(felix.Routes, o.Filter)...)
}

func capacity(s *inspect.Snapshot) int {
	n := 0
	for _, t := range s.Tables {
		n += len(t.Routes)
	}
	return n
}

// analysis collects rows. It reuses its buffers for the next node and family.
type analysis struct {
	rows []Route
	// held are the routes of the node's kernel to each destination, by its number in the plan.
	held [][]*inspect.Route
}

func (a *analysis) unknown(n *felix.Node, f inspect.Family, reason string) {
	device, _ := n.Device(f)
	a.rows = append(a.rows, Route{Node: n.Name, Family: f, Device: device.Name,
		Judgement: inspect.Judgement{Status: inspect.StatusUnknown, Problems: []string{reason}}})
}

// judge adds the rows of one node and family.
func (a *analysis) judge(n *felix.Node, f inspect.Family) {
	first := len(a.rows)
	plan := n.RoutePlan(f)
	a.sort(n.Table(), f, plan, n.Name)
	for i, held := range a.held {
		if len(held) == 0 && plan.Optional(i) {
			continue
		}
		want, ok := plan.Route(i)
		if !ok {
			a.strays(n.Name, plan, held)
			continue
		}
		a.compare(n.Name, f, plan, &want, held)
	}
	slices.SortFunc(a.rows[first:], compareRoutes)
}

// sort puts the kernel's routes at their destinations. Those to other destinations are rows at once if they are
// Felix's.
func (a *analysis) sort(t *inspect.NodeTable, f inspect.Family, plan *felix.RoutePlan, node string) {
	a.held = slices.Grow(a.held[:0], plan.Len())[:plan.Len()]
	for i := range a.held {
		a.held[i] = a.held[i][:0]
	}
	for i := range t.Routes {
		r := &t.Routes[i]
		if r.Family() != f || r.Table != "" && r.Table != "main" {
			continue
		}
		if d, ok := plan.Find(r.Dst); ok {
			a.held[d] = append(a.held[d], r)
		} else if plan.Owns(r) {
			a.rows = append(a.rows, row(node, plan, r, inspect.StatusUnexpected))
		}
	}
}

// strays adds the routes to a destination that should have none.
func (a *analysis) strays(node string, plan *felix.RoutePlan, held []*inspect.Route) {
	for _, r := range held {
		if plan.Owns(r) {
			a.rows = append(a.rows, row(node, plan, r, inspect.StatusUnexpected))
		}
	}
}

// compare adds the wanted route and the others to the same destination. If the wanted one is absent, the first other
// route is the wrong one.
func (a *analysis) compare(
	node string, f inspect.Family, plan *felix.RoutePlan, want *felix.Route, held []*inspect.Route,
) {
	right := slices.IndexFunc(held, want.Accepts)
	for i, r := range held {
		switch {
		case i == right, right >= 0 && want.Multipath && r.Metric == held[right].Metric && want.Accepts(r):
			a.rows = append(a.rows, wanted(row(node, plan, r, inspect.StatusOK), want))
		case right < 0 && i == 0:
			wrong := wanted(row(node, plan, r, inspect.StatusWrong), want)
			wrong.Expected, wrong.Problems = want.String(), want.Differences(r)
			a.rows = append(a.rows, wrong)
		case plan.Owns(r) || right >= 0 && r.Metric <= held[right].Metric:
			a.rows = append(a.rows, row(node, plan, r, inspect.StatusUnexpected))
		}
	}
	if len(held) == 0 && !want.Optional {
		missing := Route{Node: node, Family: f, Destination: want.Dst, Via: want.Via, Device: want.Dev,
			Judgement: inspect.Judgement{Status: inspect.StatusMissing}}
		if want.Problem != "" {
			missing.Problems = []string{want.Problem}
		}
		a.rows = append(a.rows, wanted(missing, want))
	}
}

// wanted completes a row from the expected route.
func wanted(r Route, want *felix.Route) Route {
	r.Kind, r.RemoteNode, r.Reason = want.Kind, want.Node, want.Reason
	return r
}

// row shows a route of the kernel alone.
func row(node string, plan *felix.RoutePlan, r *inspect.Route, status inspect.Status) Route {
	return Route{Node: node, Family: r.Family(), Destination: r.Dst, Via: r.Gateway, Device: r.Dev, Kind: kindOf(r),
		RemoteNode: plan.NodeBehind(r.Gateway), Judgement: inspect.Judgement{Status: status}}
}

func kindOf(r *inspect.Route) felix.Kind {
	switch {
	case r.Type == "blackhole":
		return felix.Blackhole
	case r.Dst.IsSingleIP() && r.Gateway.IsValid():
		return felix.Borrowed
	case calico.IsTunnelDevice(r.Dev):
		return felix.Tunnel
	default:
		return felix.Direct
	}
}

func compareRoutes(a, b Route) int {
	return cmp.Or(a.Destination.Compare(b.Destination), a.Via.Compare(b.Via), cmp.Compare(a.Device, b.Device))
}
