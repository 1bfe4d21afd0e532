// Package version implements "dualstack version".
package version

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/kubectl/pkg/util/templates"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/version"
)

const (
	short = "Print the version of this plugin"
)

// NewCmdVersion returns "dualstack version".
func NewCmdVersion(streams genericiooptions.IOStreams) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "version",
		Short: short,
		Long:  templates.LongDesc(short + `: what it was built from, with what, and for what. It asks no cluster.`),
		Example: templates.Examples(`
			# Print the version
			kubectl dualstack version

			# Print everything that is known of the build
			kubectl dualstack version -o yaml`),
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			return write(streams.Out, output, version.Get())
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", output, "Output format. One of: (json, yaml).")
	// An error here means that the flag does not exist, which the line above rules out.
	_ = cmd.RegisterFlagCompletionFunc("output",
		cobra.FixedCompletions([]cobra.Completion{"json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func write(out io.Writer, format string, info version.Info) error {
	var text []byte
	var err error
	switch format {
	case "":
		text = fmt.Appendf(nil, "kubectl-dualstack %s (%s, %s)\n", info.Version, info.GoVersion, info.Platform)
	case "json":
		text, err = json.MarshalIndent(info, "", "    ")
		text = append(text, '\n')
	case "yaml":
		text, err = yaml.Marshal(info)
	default:
		return exit.Usagef("unknown output format %q: use one of json, yaml", format)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}
