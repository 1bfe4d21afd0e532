// Package budget bounds the memory that a decoder builds from input that it does not trust. Bounding the input is not
// enough: "[0,0,…]" makes a large struct of every two bytes.
package budget

import (
	"fmt"
	"slices"
	"sync/atomic"
	"unsafe"
)

// Budget is how many bytes a decoder may still build. It is not safe for concurrent use. The nil Budget is unlimited.
type Budget struct {
	limit, left int64
	shared      *Shared // may be nil
	drawn       int64   // from shared
}

// New returns a budget of limit bytes.
func New(limit int64) *Budget { return &Budget{limit: limit, left: limit} }

// Shared bounds what the budgets of several decoders, which may run at once, spend together. It is safe for concurrent use.
type Shared struct {
	limit int64
	left  atomic.Int64
}

// NewShared returns a bound of limit bytes.
func NewShared(limit int64) *Shared {
	s := &Shared{limit: limit}
	s.left.Store(limit)
	return s
}

// New returns a budget of limit bytes within the bound.
func (s *Shared) New(limit int64) *Budget { return &Budget{limit: limit, left: limit, shared: s} }

// ExceededError is the error of a decoder that would build more than its budget of Limit bytes.
type ExceededError struct {
	Limit  int64
	Shared bool // with others
}

// Error says how much the budget was.
func (e *ExceededError) Error() string {
	if e.Shared {
		return fmt.Sprintf("it and others together take more than %d MiB of memory", e.Limit>>20)
	}
	return fmt.Sprintf("it takes more than %d MiB of memory", e.Limit>>20)
}

// Spend takes bytes from the budget before they are built. The error is an ExceededError, and stays one.
func (b *Budget) Spend(bytes int) error {
	if b == nil {
		return nil
	}
	if bytes < 0 || int64(bytes) > b.left {
		b.left = 0
		return &ExceededError{Limit: b.limit}
	}
	if b.shared != nil {
		if b.shared.left.Add(-int64(bytes)) < 0 {
			b.shared.left.Add(int64(bytes))
			return &ExceededError{Limit: b.shared.limit, Shared: true}
		}
		b.drawn += int64(bytes)
	}
	b.left -= int64(bytes)
	return nil
}

// Refund gives back what a Budget has drawn from the Shared one. Call it when what was built is no longer used.
func (b *Budget) Refund() {
	if b == nil || b.shared == nil {
		return
	}
	b.shared.left.Add(b.drawn)
	b.drawn = 0
}

// Earn adds bytes to the budget: a larger input may build more.
func (b *Budget) Earn(bytes int) {
	b.limit += int64(bytes)
	b.left += int64(bytes)
}

// Append is append within a budget, which pays for the list's growth: most items cost nothing, and now and then one costs
// as much as the whole list. What an item refers to is for the caller to pay.
func Append[T any](b *Budget, list []T, item T) ([]T, error) {
	if len(list) == cap(list) {
		more := max(8, len(list)/2)
		if err := b.Spend(more * int(unsafe.Sizeof(item))); err != nil {
			return nil, err
		}
		list = slices.Grow(list, more)
	}
	return append(list, item), nil
}
