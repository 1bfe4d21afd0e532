// Package version implements "dualstack version".
package version

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/version"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
)

const (
	short   = "Print the version of this plugin"
	long    = short + `: what it was built from, with what, and for what. It asks no cluster.`
	example = `
		# Print the version
		kubectl dualstack version

		# Print everything known about the build
		kubectl dualstack version -o yaml`
)

// formats lists what -o takes.
func formats() []string { return []string{"json", "yaml"} }

// NewCmdVersion returns "dualstack version". runF replaces Run in tests; it is nil in production.
func NewCmdVersion(streams genericiooptions.IOStreams, runF func(context.Context, *Options) error) *cobra.Command {
	o := &Options{IOStreams: streams}
	return command.New(command.Spec[*Options]{
		Use: "version", Short: short, Long: long, Example: example,
		AddFlags: o.AddFlags, ToOptions: func(*cobra.Command, []string) (*Options, error) { return o, nil },
	}, runF)
}

// Options is what Run needs.
type Options struct {
	Output string // empty is one line for people
	genericiooptions.IOStreams
}

// AddFlags binds the flags to the command.
func (o *Options) AddFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&o.Output, "output", "o", o.Output, "Output format. One of: (json, yaml).")
	command.CompleteFlag(cmd, "output", command.Words(formats()...))
}

// Validate reports a format that does not exist.
func (o *Options) Validate() error {
	if o.Output != "" && !slices.Contains(formats(), o.Output) {
		return exit.Usagef("unknown output format %q: use one of json, yaml", o.Output)
	}
	return nil
}

// Run prints the version.
func (o *Options) Run(context.Context) error {
	info := version.Get()
	text := fmt.Appendf(nil, "kubectl-dualstack %s (%s, %s)\n", info.Version, info.GoVersion, info.Platform)
	var err error
	switch o.Output {
	case "json":
		text, err = json.MarshalIndent(info, "", "    ")
		text = append(text, '\n')
	case "yaml":
		text, err = yaml.Marshal(info)
	}
	if err != nil {
		return err
	}
	_, err = o.Out.Write(text)
	return err
}
