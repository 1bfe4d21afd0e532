// Package target is what all lab commands share: which lab they use, on which Docker host, and where its context goes.
package target

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// Flags are the flags of all lab commands.
type Flags struct {
	Name    string
	Runtime string                         // container.Auto or the name of a container runtime
	Config  *genericclioptions.ConfigFlags // only its kubeconfig is used
	genericiooptions.IOStreams
}

// NewFlags returns the flags with their defaults.
func NewFlags(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *Flags {
	return &Flags{Name: spec.DefaultName, Runtime: container.Auto, Config: config, IOStreams: streams}
}

// AddFlags binds the flags to a command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Name, "name", f.Name, "Name of the lab")
	command.CompleteFlag(cmd, "name", f.completeNames)
	f.AddRuntimeFlag(cmd)
}

// AddRuntimeFlag binds the flag that chooses the container runtime.
func (f *Flags) AddRuntimeFlag(cmd *cobra.Command) {
	words := append([]string{container.Auto}, container.Names()...)
	cmd.Flags().StringVar(&f.Runtime, "runtime", f.Runtime, "Container runtime: "+OneOf(words)+"; auto: what $"+container.EnvProvider+
		" names, or the first one installed, Docker before others")
	command.CompleteFlag(cmd, "runtime", command.Words(words...))
}

// OneOf lists words for a sentence: "a, b or c".
func OneOf(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// completeNames offers the names of the existing labs, or none when Docker does not answer.
func (f *Flags) completeNames(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	m, err := f.Manager(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	labs, err := m.List(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, l := range labs {
		names = append(names, l.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// Manager returns the manager of the labs of the container runtime. Its progress goes to standard error.
func (f *Flags) Manager(ctx context.Context) (*lab.Manager, error) {
	rt, err := container.Detect(ctx, run.Host{}, f.Runtime, os.Getenv(container.EnvProvider))
	if err != nil {
		return nil, exit.Usage(err)
	}
	return &lab.Manager{Runtime: rt, Progress: status.New(f.ErrOut), HTTP: http.DefaultClient}, nil
}

// ExplicitKubeconfig returns the file that --kubeconfig names, absolute, or the empty string.
func (f *Flags) ExplicitKubeconfig() (string, error) {
	if f.Config.KubeConfig == nil || *f.Config.KubeConfig == "" {
		return "", nil
	}
	path, err := filepath.Abs(*f.Config.KubeConfig)
	if err != nil {
		return "", fmt.Errorf("kubeconfig %s: %w", *f.Config.KubeConfig, err)
	}
	return path, nil
}

// KubeconfigPath returns the file that gets the lab's context: the one that --kubeconfig names, or else where kubectl would write,
// the first file of $KUBECONFIG that exists, its last one, or the one in the home directory.
func (f *Flags) KubeconfigPath() (string, error) {
	path, err := f.ExplicitKubeconfig()
	if err != nil || path != "" {
		return path, err
	}
	files := clientcmd.NewDefaultClientConfigLoadingRules().GetLoadingPrecedence()
	path = files[len(files)-1]
	for _, p := range files {
		if _, err := os.Stat(p); err == nil {
			path = p
			break
		}
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", fmt.Errorf("find the kubeconfig: %w", err)
	}
	return path, nil
}

// Explain adds what to do to an error that says that there is no such lab.
func (f *Flags) Explain(err error) error {
	if errors.Is(err, lab.ErrNoLab) {
		return fmt.Errorf("no lab %q: \"kubectl dualstack lab list\" shows those that there are", f.Name)
	}
	return err
}
