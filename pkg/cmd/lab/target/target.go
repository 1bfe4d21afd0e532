// Package target is what all lab commands share: which lab is meant, on which Docker host, and where its context goes.
package target

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/container"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/run"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/status"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/cluster"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// Flags is what all lab commands take.
type Flags struct {
	Name   string
	Config *genericclioptions.ConfigFlags // only its kubeconfig is used
	genericiooptions.IOStreams
}

// NewFlags returns the flags with their defaults.
func NewFlags(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *Flags {
	return &Flags{Name: spec.DefaultName, Config: config, IOStreams: streams}
}

// AddFlags binds the flags to a command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Name, "name", f.Name, "Name of the lab")
	command.CompleteFlag(cmd, "name", f.completeNames)
}

// completeNames offers the names of the labs that are there. It is silent when Docker does not answer.
func (f *Flags) completeNames(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	labs, err := f.Manager().List(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, l := range labs {
		names = append(names, l.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// Manager returns the manager of the labs of this Docker host. Its progress goes to standard error.
func (f *Flags) Manager() *lab.Manager {
	d := container.Docker{Runner: run.Host{}}
	return &lab.Manager{Docker: d, Kind: cluster.Kind{Docker: d}, Progress: status.New(f.ErrOut), HTTP: http.DefaultClient}
}

// ExplicitKubeconfig returns the file that --kubeconfig names, absolute, or nothing.
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

// Explain says what to do where an error is that there is no such lab.
func (f *Flags) Explain(err error) error {
	if errors.Is(err, lab.ErrNoLab) {
		return fmt.Errorf("no lab %q: \"kubectl dualstack lab list\" shows those that there are", f.Name)
	}
	return err
}
