package inspect

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// APIVersion is the version of every list that the tool prints.
const APIVersion = "dualstack/v1alpha1"

// Report is the result of an inspector: sorted rows of one kind, and the parts left out. It is a runtime.Object, so that
// kubectl's printers accept it.
type Report[T any] struct {
	metav1.TypeMeta `json:",inline"`
	Items           []T `json:"items"`
	// Omitted lists parts not verified, by necessity or design. Without it, an empty list would read as "all is well".
	Omitted []Omission `json:"omitted,omitempty"`
}

// NewReport returns the report of items of one kind ("Pod" gives "PodList"). No items print as an empty list, never as
// null.
func NewReport[T any](kind string, items []T, omitted ...Omission) *Report[T] {
	if items == nil {
		items = []T{}
	}
	return &Report[T]{TypeMeta: metav1.TypeMeta{APIVersion: APIVersion, Kind: kind + "List"}, Items: items, Omitted: omitted}
}

// DeepCopyObject implements runtime.Object. Reported rows never change, so a new slice is enough.
func (r *Report[T]) DeepCopyObject() runtime.Object {
	return &Report[T]{TypeMeta: r.TypeMeta, Items: append([]T{}, r.Items...), Omitted: append([]Omission(nil), r.Omitted...)}
}
