package inspect

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// APIVersion is the version of every list that the tool prints.
const APIVersion = "dualstack/v1alpha1"

// List is what an inspector reports: rows of one kind, already sorted. It is a runtime.Object, so that the printers of
// kubectl take it as it is.
type List[T any] struct {
	metav1.TypeMeta `json:",inline"`
	Items           []T `json:"items"`
}

// NewList returns the list of items of one kind ("Pod" gives "PodList"). No items print as an empty list, never as null.
func NewList[T any](kind string, items []T) *List[T] {
	if items == nil {
		items = []T{}
	}
	return &List[T]{TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: kind + "List"}, Items: items}
}

// DeepCopyObject implements runtime.Object. Rows are values that nobody changes once reported, so a new slice is enough.
func (l *List[T]) DeepCopyObject() runtime.Object {
	return &List[T]{TypeMeta: l.TypeMeta, Items: append([]T{}, l.Items...)}
}

// Status says how an entry that was found, or not found, on a node compares with what must be there.
type Status string

// The statuses of a row.
const (
	StatusOK         Status = "ok"         // there, as it must be
	StatusMissing    Status = "missing"    // must be there, is not
	StatusUnexpected Status = "unexpected" // is there, must not be
	StatusWrong      Status = "wrong"      // there, with another value than it must have
	StatusUnknown    Status = "unknown"    // could not be read
)
