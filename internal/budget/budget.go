// Package budget bounds the memory that a decoder builds from input that it does not trust. Bounding the input is not
// enough: "[0,0,…]" makes a large struct of every two bytes.
package budget

import (
	"fmt"
	"slices"
	"unsafe"
)

// Budget is how many bytes a decoder may still build. It is not safe for concurrent use. The nil Budget is unlimited.
type Budget struct{ limit, left int64 }

// New returns a budget of limit bytes.
func New(limit int64) *Budget { return &Budget{limit: limit, left: limit} }

// ExceededError is the error of a decoder that would build more than its budget of Limit bytes.
type ExceededError struct{ Limit int64 }

// Error says how much the budget was.
func (e *ExceededError) Error() string {
	return fmt.Sprintf("it takes more than %d MiB of memory", e.Limit>>20)
}

// Spend takes bytes from the budget before they are built. The error is an ExceededError, and stays one.
func (b *Budget) Spend(bytes int) error {
	if b == nil {
		return nil
	}
	if bytes < 0 || int64(bytes) > b.left {
		b.left = 0
		return &ExceededError{b.limit}
	}
	b.left -= int64(bytes)
	return nil
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
