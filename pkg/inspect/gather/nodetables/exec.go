package nodetables

import (
	"context"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather/podexec"
)

// execTimeout is how long one exec may take. A node with large tables needs a second or two.
const execTimeout = 30 * time.Second

// Exec enters the calico-node container of a node, which shares the node's network. It changes nothing, and needs the
// permissions to list pods and to create pods/exec where calico-node runs.
type Exec struct {
	pods   *calicoPods
	stream podexec.Stream
}

var _ NodeAccess = (*Exec)(nil)

// NewExec returns the access by exec. The pods are listed with client; the execs go to the server of config.
func NewExec(config *rest.Config, client kubernetes.Interface) *Exec {
	return &Exec{pods: &calicoPods{client: client}, stream: podexec.Remote(config, client)}
}

// Name implements NodeAccess.
func (*Exec) Name() string { return "exec" }

// Run implements NodeAccess.
func (e *Exec) Run(ctx context.Context, node, script string, args ...string) ([]byte, error) {
	pod, err := e.pods.on(ctx, node)
	if err != nil {
		return nil, err
	}
	c := podexec.Container{Namespace: pod.namespace, Pod: pod.name, Name: calico.NodeName}
	return podexec.Output(ctx, e.stream, c, shell(script, args), podexec.Limits{Timeout: execTimeout, Output: maxOutput})
}
