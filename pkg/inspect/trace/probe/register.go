package probe

import (
	"errors"
	"maps"
	"slices"
	"sync"
)

// register holds what a trace has started in the cluster, one for each key, until its end. It is safe for concurrent use.
type register[T any] struct {
	mu     sync.Mutex
	all    map[string]T
	closed bool
}

// of returns the entry of a key, and makes it at the first call. It fails once the register is closed.
func (r *register[T]) of(key string, make func() T) (T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, ok := r.all[key]
	switch {
	case r.closed:
		return one, errors.New("the trace is over")
	case !ok:
		if r.all == nil {
			r.all = map[string]T{}
		}
		one = make()
		r.all[key] = one
	}
	return one, nil
}

// close returns all entries by their keys in order, and forgets them.
func (r *register[T]) close() []T {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]T, 0, len(r.all))
	for _, key := range slices.Sorted(maps.Keys(r.all)) {
		all = append(all, r.all[key])
	}
	r.all, r.closed = nil, true
	return all
}
