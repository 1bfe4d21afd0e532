package exit

import (
	"errors"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
)

// Message words an error as kubectl does. What an API server or the network said is found within what we wrapped around
// it: kubectl's sentence says more than the wrapping.
func Message(err error) string {
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
