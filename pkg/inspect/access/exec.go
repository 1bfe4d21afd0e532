package access

import (
	"context"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
)

// execTimeout is how long one exec may take. A node with large tables needs a second or two.
const execTimeout = 30 * time.Second

// Exec enters the calico-node container of a node, which shares the node's network. It changes nothing, and needs the
// permissions to list pods and to create pods/exec where calico-node runs.
type Exec struct {
	pods    *calicoPods
	stream  Stream
	silence *Silence
}

var _ Way = (*Exec)(nil)

// NewExec returns the access by exec. The pods are listed with client; the execs go to the server of config. Nodes that do not
// answer are noted in silence, which may be nil.
func NewExec(config *rest.Config, client kubernetes.Interface, silence *Silence) *Exec {
	return &Exec{pods: &calicoPods{client: client}, stream: Remote(config, client), silence: silence}
}

// Name implements Way.
func (*Exec) Name() string { return "exec" }

// Run implements Way.
func (e *Exec) Run(ctx context.Context, node, script string, args ...string) ([]byte, error) {
	pod, err := e.pods.on(ctx, node)
	if err != nil {
		return nil, err
	}
	if err := e.silence.Of(node); err != nil {
		return nil, err
	}
	c := Container{Namespace: pod.namespace, Pod: pod.name, Name: calico.NodeName}
	out, err := Output(ctx, e.stream, c, shell("echo\n"+script, args), Limits{Timeout: execTimeout, Output: MaxOutput, Greets: true})
	return out, e.silence.Note(node, err)
}
