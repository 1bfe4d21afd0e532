package inspecttest

import (
	"net/netip"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// NotOK returns the rows of a report that are not ok.
func NotOK[T interface{ Judged() inspect.Judgement }](list *inspect.Report[T]) []T {
	return slices.DeleteFunc(slices.Clone(list.Items), func(row T) bool { return row.Judged().Status == inspect.StatusOK })
}

// Diff compares rows; it is empty when they are the same.
func Diff[T any](want, got []T) string {
	return cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty())
}
