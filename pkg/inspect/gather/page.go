package gather

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// pageSize is how many objects are asked for at once: kubectl's own default (its --chunk-size).
const pageSize = 500

// page is what a list call returns.
type page interface{ GetContinue() string }

// lister is a list call of a client.
type lister[L page] func(context.Context, metav1.ListOptions) (L, error)

// eachPage lists page by page and hands each page on, in order, while the next one is already on its way. At most two
// pages are held. The resource version stays unset: that is a consistent read, which current servers answer from their
// cache, whereas "0" makes them ignore the limit and send everything at once.
func eachPage[L page](
	ctx context.Context, list lister[L], opts metav1.ListOptions, use func(L) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan L)
	failed := make(chan error, 1)
	go func() {
		defer close(pages)
		failed <- fetchPages(ctx, list, opts, pages)
	}()
	for p := range pages {
		if err := use(p); err != nil {
			return err
		}
	}
	return <-failed
}

func fetchPages[L page](ctx context.Context, list lister[L], opts metav1.ListOptions, pages chan<- L) error {
	opts.Limit = pageSize
	for {
		p, err := list(ctx, opts)
		if token := freshToken(err); token != "" && opts.Continue != "" && token != opts.Continue {
			opts.Continue = token
			continue
		}
		if err != nil {
			return err
		}
		select {
		case pages <- p:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if opts.Continue = p.GetContinue(); opts.Continue == "" {
			return nil
		}
	}
}

// freshToken returns what the server offers when a list took so long that its state is no longer kept (410): a token to
// go on after the last object that was read, with the state as it is now. That beats starting over, as rows are already
// out.
func freshToken(err error) string {
	var status apierrors.APIStatus
	if !apierrors.IsResourceExpired(err) || !errors.As(err, &status) {
		return ""
	}
	return status.Status().Continue
}
