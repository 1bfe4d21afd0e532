package gather

import (
	"context"
	"errors"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// isFatal reports whether an error means "cannot talk to the server", as opposed to "the server does not give this":
// an interruption, a broken connection, a refused log-in.
func isFatal(ctx context.Context, err error) bool {
	var connection *url.Error
	return ctx.Err() != nil || errors.As(err, &connection) || apierrors.IsUnauthorized(err)
}

// parts splits an error of errors.Join.
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

// reason words an error in one line, for people. The server's text of a refusal repeats the resource and names the user
// at length; the missing permission says it all.
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
