package exit

import (
	"errors"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
)

// Messages words an error as lines, one for each error that errors.Join has joined. It keeps no other line breaks, since
// they may come from somebody else.
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

// message words an error as kubectl does. It finds the error of an API server or the network within our wrapping:
// kubectl's sentence says more than the wrapping.
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
