package nodetables

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
)

// execTimeout is how long one exec may take. A node with large tables needs a second or two.
const execTimeout = 30 * time.Second

// Exec enters the calico-node container of a node, which shares the node's network. It changes nothing, and needs the
// permissions to list pods and to create pods/exec where calico-node runs.
type Exec struct {
	pods   *calicoPods
	stream streamFunc
}

// streamFunc runs a command in a container and copies what it prints.
type streamFunc func(ctx context.Context, pod podRef, command []string, stdout, stderr io.Writer) error

var _ NodeAccess = (*Exec)(nil)

// NewExec returns the access by exec. The pods are listed with client; the execs go to the server of config.
func NewExec(config *rest.Config, client kubernetes.Interface) *Exec {
	return &Exec{pods: &calicoPods{client: client}, stream: remoteStream(config, client)}
}

// Name implements NodeAccess.
func (*Exec) Name() string { return "exec" }

// Run implements NodeAccess.
func (e *Exec) Run(ctx context.Context, node, script string) ([]byte, error) {
	pod, err := e.pods.on(ctx, node)
	if err != nil {
		return nil, err
	}
	stdout := &boundedBuffer{limit: maxOutput}
	stderr := &boundedBuffer{limit: maxStderr}
	err = withTimeout(ctx, execTimeout, func(ctx context.Context) error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		command := []string{"sh", "-c", script}
		err := e.stream(ctx, pod, command, cancelOnError{stdout, cancel}, stderr)
		if cause := context.Cause(ctx); errors.Is(cause, errTooLarge) {
			return cause
		}
		return err
	})
	switch {
	case err == nil:
		return stdout.Bytes(), nil
	case isForbidden(err):
		return nil, Permanent(fmt.Errorf("cannot create pods/exec in namespace %s: permission denied", pod.namespace))
	case apierrors.IsNotFound(err):
		return nil, Permanent(fmt.Errorf("pod %s/%s is gone", pod.namespace, pod.name))
	}
	if said := firstLine(stderr.Bytes()); said != "" {
		err = fmt.Errorf("%w (%s)", err, said)
	}
	return nil, fmt.Errorf("exec into pod %s/%s: %w", pod.namespace, pod.name, err)
}

// remoteStream returns a streamFunc that speaks WebSocket, and SPDY with servers and proxies that want that, as
// kubectl does.
func remoteStream(config *rest.Config, client kubernetes.Interface) streamFunc {
	return func(ctx context.Context, pod podRef, command []string, stdout, stderr io.Writer) error {
		req := client.CoreV1().RESTClient().Post().
			Resource("pods").Namespace(pod.namespace).Name(pod.name).SubResource("exec").
			VersionedParams(&corev1.PodExecOptions{
				Container: calicoContainer, Command: command, Stdout: true, Stderr: true,
			}, scheme.ParameterCodec)
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
		err = fallback.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: stdout, Stderr: stderr})
		if err != nil && sameRefusal(refused, err) {
			return refused
		}
		return err
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

func isForbidden(err error) bool { return apierrors.IsForbidden(err) }
