// Package plan predicts, from a Snapshot alone, the paths of a trace: the way of their packets, there and back, the counters
// that they move, and what an answer must show. If the tables of a node contradict a path, the hop says so
// (trace.Hop.Problem). It does no I/O.
//
// Package walk follows the packets in a first pass. The second pass (way.go) words each step as a hop (words.go), and compares
// it with what Felix should have programmed (blame.go).
//
// A problem stops the packets, as far as the tables tell, or is a warning: the path works despite the deviation. If the
// probe fails, the first problem that stops packets is the cause. Unread tables are not judged: the action of the hop is
// "unknown", with the reason.
package plan

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// DefaultDomain is the DNS domain of a cluster unless configured otherwise.
const DefaultDomain = "cluster.local"

// Request says what to trace.
type Request struct {
	Sources []inspect.Pod // see Sources
	Target  *Target       // nil: the matrix
	Family  inspect.Family
	Count   int           // echo requests of a ping
	Timeout time.Duration // for each probe

	Reverse  bool                         // also from the target to the source, where the target is a pod
	MTU      bool                         // also with packets as large as the path must carry
	FullMesh bool                         // all pairs of sources instead of a sample
	External inspect.ByFamily[netip.Addr] // outside of the cluster; where not set, that of the lab
	Run      *regexp.Regexp               // only paths with such names; nil: all
	Skip     *regexp.Regexp               // no paths with such names; nil: none
	Domain   string                       // DNS domain of the cluster; empty: DefaultDomain
}

// Needs lists the facts that a plan uses. It works without any of them.
func Needs() []inspect.Fact {
	return []inspect.Fact{inspect.FactNodes, inspect.FactPods, inspect.FactServices, inspect.FactEndpointSlices,
		inspect.FactPools, inspect.FactBlocks, inspect.FactFelix, inspect.FactVersion, inspect.FactTables, inspect.FactLab, inspect.FactKubeProxy}
}

// New plans the paths of a request, in the order of the matrix. A path that cannot exist says why in Skip.
func New(s *inspect.Snapshot, req Request) ([]trace.Planned, error) {
	if len(req.Sources) == 0 {
		return nil, errors.New("there is no pod to probe from: name one with --from")
	}
	if req.Domain == "" {
		req.Domain = DefaultDomain
	}
	p := newPlanner(s, req)
	if req.Target == nil {
		p.matrix()
	} else if err := p.aimed(*req.Target); err != nil {
		return nil, err
	}
	paths := slices.DeleteFunc(p.paths, func(path trace.Planned) bool {
		return req.Run != nil && !req.Run.MatchString(path.Name) || req.Skip != nil && req.Skip.MatchString(path.Name)
	})
	if len(paths) == 0 {
		return nil, errors.New("no path is left to trace: see --run, --skip and --family")
	}
	slices.SortStableFunc(paths, func(a, b trace.Planned) int { return order(a.Class) - order(b.Class) })
	return paths, nil
}

func order(c trace.Class) int {
	return slices.Index([]trace.Class{trace.SameNode, trace.CrossNode, trace.External, trace.ToNode, trace.Service, trace.NodePort,
		trace.Balancer, trace.HostPort, trace.Name, trace.Web}, c)
}

// families are those that the request asks for.
func (p *planner) families() []inspect.Family {
	all := inspect.Families()
	return slices.DeleteFunc(all[:], func(f inspect.Family) bool { return !p.req.Family.Matches(f) })
}

// put names a path and adds it. Label is the target in its name.
func (p *planner) put(path trace.Planned, label, check string) {
	path.Name = fmt.Sprintf("%s/%s/%s/%s", path.Class, p.label(path.Source), label, path.Family)
	if check != "" {
		path.Name += "/" + check
	}
	if p.names[path.Name] {
		return // the same target by another way
	}
	p.names[path.Name] = true
	if p.page != nil && path.Probe.Check == trace.Get {
		path.Probe.Path = p.page.path
	}
	p.paths = append(p.paths, path)
}

// label is an end in the name of a path, with its namespace if that is not the first source's.
func (p *planner) label(e trace.Endpoint) string {
	switch {
	case e.Name == "":
		return e.IP.String()
	case e.Namespace == "" || e.Namespace == p.req.Sources[0].Namespace:
		return e.Name
	default:
		return e.Name + "." + e.Namespace
	}
}
