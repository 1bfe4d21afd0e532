package gather

import (
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Filter narrows a recorded Snapshot as the API server would have narrowed a live one, so that both give the same
// answer. It is an error if a name does not exist or a selector cannot be read.
func (r Request) Filter(s *inspect.Snapshot) (*inspect.Snapshot, error) {
	out := *s
	out.Missing = r.missing(s)
	if reason := out.Lacks(r.Subject, ""); reason != "" {
		return nil, fmt.Errorf("the snapshot lacks %s: %s", r.Subject, reason)
	}
	inScope := func(namespace string) bool { return r.Namespace == "" || r.Namespace == namespace }
	out.Pods = filter(s.Pods, func(p inspect.Pod) bool { return inScope(p.Namespace) })
	out.Services = filter(s.Services, func(s inspect.Service) bool { return inScope(s.Namespace) })
	out.EndpointSlices = filter(s.EndpointSlices, func(s inspect.EndpointSlice) bool { return inScope(s.Namespace) })
	var err error
	switch r.Subject {
	case inspect.FactPods:
		out.Pods, err = narrow(r, out.Pods, func(p inspect.Pod) (string, map[string]string) { return p.Name, p.Labels })
	case inspect.FactServices:
		out.Services, err = narrow(r, out.Services,
			func(s inspect.Service) (string, map[string]string) { return s.Name, s.Labels })
	case inspect.FactNodes:
		out.Nodes, err = narrow(r, out.Nodes, func(n inspect.Node) (string, map[string]string) { return n.Name, n.Labels })
	}
	if err != nil {
		return nil, err
	}
	// A pod requested by name may be on another node: an empty answer, no error.
	out.Pods = filter(out.Pods, func(p inspect.Pod) bool { return r.Node == "" || r.Node == p.Node })
	if err := r.filterTables(&out); err != nil {
		return nil, err
	}
	return &out, nil
}

// missing returns the requested facts that the snapshot lacks. It may be older than one of them.
func (r Request) missing(s *inspect.Snapshot) []inspect.Missing {
	missing := slices.Clone(s.Missing)
	for _, fact := range r.Facts {
		if len(s.Gathered) > 0 && !slices.Contains(s.Gathered, fact) && s.Lacks(fact, "") == "" {
			missing = append(missing, inspect.Missing{
				Fact: fact, Reason: fmt.Sprintf("the snapshot was taken without %s: take it again", fact),
			})
		}
	}
	return missing
}

// filterTables keeps the tables of the nodes that a live cluster would have read.
func (r Request) filterTables(s *inspect.Snapshot) error {
	if !slices.Contains(r.Facts, inspect.FactTables) {
		return nil
	}
	nodes, err := r.tableNodes(s.Nodes) // none, with the error
	if s.Lacks(inspect.FactNodes, "") != "" {
		err = nil
	}
	all, nat, bird := s.Tables, s.NAT, s.BIRD
	s.Tables = make(map[string]inspect.NodeTable, len(nodes))
	s.NAT = make(map[string]inspect.ByFamily[inspect.NAT], len(nodes))
	s.BIRD = make(map[string]inspect.ByFamily[inspect.BIRD], len(nodes))
	for _, node := range nodes {
		if table, ok := all[node]; ok {
			s.Tables[node] = table
		}
		if rules, ok := nat[node]; ok {
			s.NAT[node] = rules
		}
		if said, ok := bird[node]; ok {
			s.BIRD[node] = said
		}
	}
	s.Missing = filter(s.Missing, func(m inspect.Missing) bool {
		return m.Node == "" || slices.Contains(nodes, m.Node)
	})
	return err
}

// filter returns the items that pass and leaves the given list unchanged.
func filter[T any](items []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(items), func(item T) bool { return !keep(item) })
}

// narrow applies the request's names and selector. Items come in the order of the names.
func narrow[T any](r Request, items []T, describe func(T) (string, map[string]string)) ([]T, error) {
	selector, err := labels.Parse(r.Selector)
	if err != nil {
		return nil, fmt.Errorf("label selector %q: %w", r.Selector, err)
	}
	if len(r.Names) == 0 {
		return filter(items, func(item T) bool {
			_, set := describe(item)
			return selector.Matches(labels.Set(set))
		}), nil
	}
	named := make([]T, 0, len(r.Names))
	for _, name := range r.Names {
		i := slices.IndexFunc(items, func(item T) bool { got, _ := describe(item); return got == name })
		if i < 0 {
			return nil, apierrors.NewNotFound(schema.GroupResource{Resource: string(r.Subject)}, name)
		}
		named = append(named, items[i])
	}
	return named, nil
}
