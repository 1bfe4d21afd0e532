package inspector

import (
	"context"
	"io"
	"slices"
	"sync"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/interrupt"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/version"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile/demo"
)

// checkAccess refuses a way into nodes that does not exist.
func checkAccess(way string) error {
	if !slices.Contains(gather.NodeAccesses(), way) {
		return exit.Usagef("--node-access %q: use auto, exec, debug or runtime", way)
	}
	return nil
}

// source returns the source that the flags name.
func (f *Flags) source() (gather.Source, error) {
	if f.Snapshot != "" {
		return &recording{read: f.recorded}, nil
	}
	config, err := f.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config.UserAgent = "kubectl-dualstack/" + version.Get().Version
	config.WarningHandler = &warnings{w: f.ErrOut, said: map[string]bool{}}
	return gather.NewCluster(config, gather.Options{NodeAccess: f.NodeAccess, Image: f.ProbeImage})
}

// warnings writes an API server's warnings, each once, and only a few.
type warnings struct {
	w    io.Writer
	mu   sync.Mutex
	said map[string]bool
}

// mostWarnings bounds how many warnings of a server reach the terminal.
const mostWarnings = 20

// HandleWarningHeader implements rest.WarningHandler. 299 is the code of warnings that are meant for users (RFC 7234).
func (w *warnings) HandleWarningHeader(code int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text = message.Text(text)
	if code != 299 || text == "" || w.said[text] || len(w.said) == mostWarnings {
		return
	}
	w.said[text] = true
	message.Line(w.w, "Warning: %s", text)
}

// The values of --snapshot that are not files.
const (
	Stdin = "-"
	Demo  = "demo"
)

// recorded reads the snapshot that the flags name.
func (f *Flags) recorded(ctx context.Context) (*inspect.Snapshot, error) {
	switch f.Snapshot {
	case Stdin:
		return snapfile.Read(interrupt.Reader(ctx, f.In))
	case Demo:
		return demo.Snapshot()
	default:
		return snapfile.ReadFile(ctx, f.Snapshot)
	}
}

// recording is a snapshot that is read at its first use: only then is there a context, which Ctrl-C ends.
type recording struct {
	gather.Recorded
	read func(context.Context) (*inspect.Snapshot, error)
}

// Snapshot implements gather.Source.
func (r *recording) Snapshot(ctx context.Context, req gather.Request) (*inspect.Snapshot, error) {
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	return r.Recorded.Snapshot(ctx, req)
}

// EachPod implements gather.Source.
func (r *recording) EachPod(ctx context.Context, req gather.Request, use func([]inspect.Pod) error) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	return r.Recorded.EachPod(ctx, req, use)
}

func (r *recording) load(ctx context.Context) (err error) {
	if r.Taken == nil {
		r.Taken, err = r.read(ctx)
	}
	return err
}
