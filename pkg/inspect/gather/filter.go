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
// answer. The error is that of a name that does not exist, or of a selector that cannot be read.
func (r Request) Filter(s *inspect.Snapshot) (*inspect.Snapshot, error) {
	out := *s
	inScope := func(namespace string) bool { return r.Namespace == "" || r.Namespace == namespace }
	out.Pods = filter(s.Pods, func(p inspect.Pod) bool {
		return inScope(p.Namespace) && (r.Node == "" || r.Node == p.Node)
	})
	out.Services = filter(s.Services, func(s inspect.Service) bool { return inScope(s.Namespace) })
	out.EndpointSlices = filter(s.EndpointSlices, func(s inspect.EndpointSlice) bool { return inScope(s.Namespace) })
	if reason := s.Lacks(r.Subject, ""); reason != "" {
		return nil, fmt.Errorf("the snapshot lacks %s: %s", r.Subject, reason)
	}
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
	return &out, err
}

// filter returns the items that pass, without touching the list it was given.
func filter[T any](items []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(items), func(item T) bool { return !keep(item) })
}

// narrow applies the request's names and selector.
func narrow[T any](r Request, items []T, describe func(T) (string, map[string]string)) ([]T, error) {
	selector, err := labels.Parse(r.Selector)
	if err != nil {
		return nil, fmt.Errorf("label selector %q: %w", r.Selector, err)
	}
	items = filter(items, func(item T) bool {
		name, set := describe(item)
		return selector.Matches(labels.Set(set)) && (len(r.Names) == 0 || slices.Contains(r.Names, name))
	})
	for _, name := range r.Names {
		found := slices.ContainsFunc(items, func(item T) bool { got, _ := describe(item); return got == name })
		if !found {
			return nil, apierrors.NewNotFound(schema.GroupResource{Resource: string(r.Subject)}, name)
		}
	}
	return items, nil
}
