package access

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
)

// Container names a container of a pod.
type Container struct{ Namespace, Pod, Name string }

// String names it as people do.
func (c Container) String() string { return c.Namespace + "/" + c.Pod }

// Streams are the input and outputs of a command; Stdin may be nil.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Stream runs a command in a container and copies its input and output. It returns when the command has ended.
type Stream func(ctx context.Context, c Container, command []string, s Streams) error

// Remote returns a Stream that speaks WebSocket, and SPDY with servers and proxies that require it, as kubectl does. The
// commands go to the server of config. It needs the permission to create pods/exec.
func Remote(config *rest.Config, client kubernetes.Interface) Stream {
	return func(ctx context.Context, c Container, command []string, s Streams) error {
		req := client.CoreV1().RESTClient().Post().
			Resource("pods").Namespace(c.Namespace).Name(c.Pod).SubResource("exec").
			VersionedParams(&corev1.PodExecOptions{
				Container: c.Name, Command: command, Stdin: s.Stdin != nil, Stdout: true, Stderr: true,
			}, scheme.ParameterCodec)
		if err := req.Error(); err != nil { // such as a slash in a name, which would lead to another address
			return Permanent(err)
		}
		websocket, err := remotecommand.NewWebSocketExecutor(config, http.MethodGet, req.URL().String())
		if err != nil {
			return err
		}
		spdy, err := remotecommand.NewSPDYExecutor(config, http.MethodPost, req.URL())
		if err != nil {
			return err
		}
		var refused error
		// Older servers ask for the permission to get pods/exec on a WebSocket and to create it on SPDY, so a refusal
		// of the first says nothing about the second.
		fallback, err := remotecommand.NewFallbackExecutor(websocket, spdy, func(err error) bool {
			refused = upgradeCause(err)
			return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
		})
		if err != nil {
			return err
		}
		err = abandon(ctx, func() error {
			return fallback.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr})
		})
		if err != nil && sameRefusal(refused, err) {
			return refused
		}
		return err
	}
}

// abandon returns when f does, or when ctx ends. While it waits for the server's first answer, a WebSocket heeds the deadline of its
// context, and not that it is cancelled (gorilla/websocket, Dialer.DialContext): f would wait for a silent kubelet until then.
func abandon(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// upgradeCause returns the API error that a server gave instead of a WebSocket.
func upgradeCause(err error) error {
	var failure *httpstream.UpgradeFailureError
	if errors.As(err, &failure) {
		return failure.Cause
	}
	return nil
}

// sameRefusal reports whether both protocols were refused for the same reason. The error of SPDY has the message only.
func sameRefusal(websocket, spdy error) bool {
	var status apierrors.APIStatus
	if !errors.As(websocket, &status) {
		return false
	}
	switch status.Status().Code {
	case http.StatusForbidden:
		return strings.Contains(spdy.Error(), "forbidden")
	case http.StatusNotFound:
		return strings.Contains(spdy.Error(), "not found")
	default:
		return false
	}
}
