package apiserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// execProtocol is the version of the exec protocol in which an API server speaks to a kubelet: the exit code comes as a
// Status on a stream of its own.
const execProtocol = "v4.channel.k8s.io"

// streamTimeout is how long a client may take to open the streams of an exec.
const streamTimeout = 10 * time.Second

// Kubelet is a kubelet for any number of nodes that runs nothing: it answers an exec into a pod, whatever the command, and
// a request for its log, with the output set for that pod. Nodes name its port, and the loopback as their ExternalIP.
type Kubelet struct {
	// Answer returns what a pod prints. An error ends the command with exit code 1.
	Answer func(pod string) ([]byte, error)
	// Delay is how long each command takes.
	Delay time.Duration

	server *httptest.Server
	mu     sync.Mutex
	execs  map[string]int
}

// StartKubelet starts a kubelet on a free port of the loopback.
func StartKubelet(answer func(pod string) ([]byte, error), delay time.Duration) *Kubelet {
	k := &Kubelet{Answer: answer, Delay: delay, execs: map[string]int{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", k.exec)
	mux.HandleFunc("/containerLogs/{namespace}/{pod}/{container}", k.logs)
	k.server = httptest.NewTLSServer(mux)
	return k
}

// Stop ends the kubelet, without waiting for commands.
func (k *Kubelet) Stop() {
	k.server.CloseClientConnections()
	k.server.Close()
}

// Port is the port on which it listens.
func (k *Kubelet) Port() int { return k.server.Listener.Addr().(*net.TCPAddr).Port }

// Execs returns how often each pod was entered since the last call.
func (k *Kubelet) Execs() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	execs := k.execs
	k.execs = map[string]int{}
	return execs
}

func (k *Kubelet) exec(w http.ResponseWriter, r *http.Request) {
	pod := r.PathValue("pod")
	k.mu.Lock()
	k.execs[pod]++
	k.mu.Unlock()
	if _, err := httpstream.Handshake(r, w, []string{execProtocol}); err != nil {
		return // the handshake has answered
	}
	opened := make(chan httpstream.Stream, 4)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, replied <-chan struct{}) error {
		go func() {
			<-replied // before that, nothing may be written to the stream
			opened <- s
		}()
		return nil
	})
	if conn == nil {
		return // so has the upgrade
	}
	defer func() { _ = conn.Close() }()
	streams, err := awaitStreams(opened, corev1.StreamTypeError, corev1.StreamTypeStdout, corev1.StreamTypeStderr)
	if err != nil {
		return // a client that has gone away
	}
	time.Sleep(k.Delay)
	out, err := k.Answer(pod)
	if err == nil {
		_, err = streams[corev1.StreamTypeStdout].Write(out)
	}
	for _, name := range []string{corev1.StreamTypeStdout, corev1.StreamTypeStderr} {
		err = errors.Join(err, streams[name].Close())
	}
	// The connection may be gone, and then nobody reads the error.
	_ = json.NewEncoder(streams[corev1.StreamTypeError]).Encode(exitStatus(err))
	_ = streams[corev1.StreamTypeError].Close()
}

func (k *Kubelet) logs(w http.ResponseWriter, r *http.Request) {
	out, err := k.Answer(r.PathValue("pod"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(out) // a client that has gone away
}

// awaitStreams returns the named streams as soon as the client has opened all of them.
func awaitStreams(opened <-chan httpstream.Stream, names ...string) (map[string]httpstream.Stream, error) {
	streams := map[string]httpstream.Stream{}
	timeout := time.After(streamTimeout)
	for len(streams) < len(names) {
		select {
		case s := <-opened:
			streams[s.Headers().Get(corev1.StreamType)] = s
		case <-timeout:
			return nil, fmt.Errorf("of the streams %s only %d are open", strings.Join(names, ", "), len(streams))
		}
	}
	for _, name := range names {
		if streams[name] == nil {
			return nil, fmt.Errorf("stream %s is not open", name)
		}
	}
	return streams, nil
}

// exitStatus is a kubelet's report of how a command ended.
func exitStatus(err error) metav1.Status {
	if err == nil {
		return metav1.Status{Status: metav1.StatusSuccess}
	}
	return metav1.Status{
		Status: metav1.StatusFailure, Reason: "NonZeroExitCode", Message: err.Error(),
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: "ExitCode", Message: "1"}}},
	}
}
