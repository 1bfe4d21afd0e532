package inspector

import (
	"slices"

	"k8s.io/client-go/rest"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/version"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/snapfile/demo"
)

// Recorded answers from a snapshot that was taken earlier.
type Recorded = gather.Recorded

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
		taken, err := f.recorded()
		if err != nil {
			return nil, err
		}
		return gather.Recorded{Taken: taken}, nil
	}
	config, err := f.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	config.UserAgent = "kubectl-dualstack/" + version.Get().Version
	config.WarningHandler = rest.NewWarningWriter(f.ErrOut, rest.WarningWriterOptions{Deduplicate: true})
	return gather.NewCluster(config, gather.Options{NodeAccess: f.NodeAccess, Image: f.ProbeImage})
}

// The values of --snapshot that are no files.
const (
	Stdin = "-"
	Demo  = "demo"
)

// recorded reads the snapshot that the flags name.
func (f *Flags) recorded() (*inspect.Snapshot, error) {
	switch f.Snapshot {
	case Stdin:
		return snapfile.Read(f.In)
	case Demo:
		return demo.Snapshot()
	default:
		return snapfile.ReadFile(f.Snapshot)
	}
}
