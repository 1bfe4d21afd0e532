package gather

import (
	"context"
	"errors"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// isFatal reports whether an error stands for "there is no talking to the server", as opposed to "the server does not
// give this": an interruption, a broken connection, a refused log-in.
func isFatal(ctx context.Context, err error) bool {
	var connection *url.Error
	return ctx.Err() != nil || errors.As(err, &connection) || apierrors.IsUnauthorized(err)
}

// parts takes apart what errors.Join has joined.
func parts(err error) []error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, parts(e)...)
	}
	return all
}

// reason words an error in one line, for people. What the server says of a refusal repeats the resource and names the
// user at length; that the permission is missing is all there is to it.
func reason(err error) string {
	text := err.Error()
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		said := status.(error).Error()
		switch {
		case apierrors.IsForbidden(err):
			text = strings.TrimSuffix(text, said) + "permission denied"
		case apierrors.IsNotFound(err):
			text = strings.TrimSuffix(text, said) + "the cluster does not have it"
		}
	}
	return strings.Join(strings.Fields(text), " ")
}
