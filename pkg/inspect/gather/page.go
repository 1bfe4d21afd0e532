package gather

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/pager"
)

// pageSize is how many objects are asked for at once: kubectl's own default (its --chunk-size).
const pageSize = 500

// eachItem lists page by page and passes on the items in order while it fetches the next page. The resource
// version stays unset: that is a consistent read, which current servers answer from their cache, whereas "0" makes them
// ignore the limit and send everything at once.
func eachItem[L runtime.Object, T any](
	ctx context.Context, list func(context.Context, metav1.ListOptions) (L, error), opts metav1.ListOptions, use func(*T) error,
) error {
	pages := pager.New(func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
		page, err := list(ctx, opts)
		if token := freshToken(err); token != "" && opts.Continue != "" && token != opts.Continue {
			opts.Continue = token
			page, err = list(ctx, opts)
		}
		return page, err
	})
	pages.PageBufferSize = 1
	err := pages.EachListItem(ctx, opts, func(o runtime.Object) error {
		item, ok := any(o).(*T)
		if !ok {
			return fmt.Errorf("the server sent %T for %T", o, item)
		}
		return use(item)
	})
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// freshToken returns the token that the server offers (410) when a list took so long that its state is gone. It
// continues after the last object read, with the current state. Starting over is no option: rows are already out.
func freshToken(err error) string {
	var status apierrors.APIStatus
	if !apierrors.IsResourceExpired(err) || !errors.As(err, &status) {
		return ""
	}
	return status.Status().Continue
}
