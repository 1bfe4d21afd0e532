package exit

import (
	"errors"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
)

// Messages words an error as lines: each of the errors that errors.Join has joined has its own. No other line break stays
// one, since it may be somebody else's.
func Messages(err error) []string {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return []string{message(err)}
	}
	var parts, lines []string
	for _, part := range joined.Unwrap() {
		parts, lines = append(parts, part.Error()), append(lines, Messages(part)...)
	}
	if whole := strings.Join(parts, "\n"); whole != err.Error() {
		return []string{strings.ReplaceAll(message(err), whole, strings.Join(parts, "; "))}
	}
	return lines
}

// message words an error as kubectl does. What an API server or the network said is found within what we wrapped around
// it: kubectl's sentence says more than the wrapping.
func message(err error) string {
	var status apierrors.APIStatus
	var connection *url.Error
	inner := err
	switch {
	case errors.As(err, &status):
		inner, _ = status.(error)
	case errors.As(err, &connection):
		inner = connection
	}
	if text, ok := cmdutil.StandardErrorMessage(inner); ok {
		return text
	}
	return "error: " + strings.TrimPrefix(err.Error(), "error: ")
}
