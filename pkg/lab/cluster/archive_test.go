package cluster

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kind/pkg/cluster/nodes"
	kindexec "sigs.k8s.io/kind/pkg/exec"
)

// hangingNode is a node of kind's on which an import never ends by itself.
type hangingNode struct {
	nodes.Node
	importing chan struct{} // closed: the import has begun
}

func (hangingNode) String() string { return "node" }

func (n hangingNode) Command(command string, args ...string) kindexec.Cmd {
	return n.CommandContext(context.Background(), command, args...)
}

func (n hangingNode) CommandContext(ctx context.Context, command string, _ ...string) kindexec.Cmd {
	return &hangingCmd{node: n, ctx: ctx, command: command}
}

type hangingCmd struct {
	kindexec.Cmd
	node    hangingNode
	ctx     context.Context
	command string
	stdout  io.Writer
}

func (c *hangingCmd) SetStdin(io.Reader) kindexec.Cmd    { return c }
func (c *hangingCmd) SetStdout(w io.Writer) kindexec.Cmd { c.stdout = w; return c }

func (c *hangingCmd) Run() error {
	if c.command != "ctr" { // kind asks for the snapshotter first
		_, err := io.WriteString(c.stdout, "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\nsnapshotter = \"overlayfs\"\n")
		return err
	}
	close(c.node.importing)
	<-c.ctx.Done()
	return c.ctx.Err()
}

// TestInterruptEndsAnImageArchive: Ctrl-C does not wait until an archive is in the node.
func TestInterruptEndsAnImageArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images.tar")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pressed := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	n := hangingNode{importing: make(chan struct{})}
	go func() { <-n.importing; cancel(pressed) }()
	if err := loadArchive(ctx, n, path); !errors.Is(err, pressed) {
		t.Errorf("error %v", err)
	}
	if err := loadArchive(t.Context(), n, path+".none"); err == nil || !strings.Contains(err.Error(), "open the image archive") {
		t.Errorf("no archive: %v", err)
	}
}
