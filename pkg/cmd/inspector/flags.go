// Package inspector holds what the commands of all inspectors share: their flags, the sources of their facts, and their
// last sentences.
package inspector

import (
	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/gather"
)

// Flags are the flags that inspectors share, as the user typed them. ToOptions turns them into what a run needs.
type Flags struct {
	Config *genericclioptions.ConfigFlags
	Print  *printer.Flags

	Family        string
	Selector      string
	AllNamespaces bool
	Node          string
	Snapshot      string
	NodeAccess    string
	ProbeImage    string
	Watch         bool
	FailOn        string // empty: the rules of check are not run

	genericiooptions.IOStreams
}

// NewFlags returns the flags with their defaults. The flags of kubectl itself are bound once, at the root.
func NewFlags(config *genericclioptions.ConfigFlags, streams genericiooptions.IOStreams) *Flags {
	return &Flags{Config: config, Print: printer.NewFlags(), NodeAccess: gather.AccessAuto, IOStreams: streams}
}

// AddFlags binds the flags that every inspector has.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.Print.AddFlags(cmd)
	f.AddSourceFlags(cmd)
}

// AddSourceFlags binds the flags that say what to look at, for commands that print no table.
func (f *Flags) AddSourceFlags(cmd *cobra.Command) {
	f.AddSnapshotFlag(cmd)
	cmd.Flags().StringVar(&f.Family, "family", f.Family, "Show only this IP family. One of: (ipv4, ipv6).")
	command.CompleteFlag(cmd, "family",
		command.Words("ipv4", "ipv6"))
}

// AddSnapshotFlag binds the flag of every command that reads a cluster.
func (f *Flags) AddSnapshotFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Snapshot, "snapshot", f.Snapshot, "File of \"kubectl dualstack snapshot\" to read "+
		"instead of a cluster; - is standard input, and \"demo\" the recording of a lab within the program.")
	command.CompleteFlag(cmd, "snapshot", completeSnapshot)
}

// AddNamespaceFlags binds the flags of inspectors whose subject lives in namespaces.
func (f *Flags) AddNamespaceFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.AllNamespaces, "all-namespaces", "A", f.AllNamespaces,
		"If present, list the requested object(s) across all namespaces.")
}

// AddSelectorFlags binds the flags of inspectors whose subject has labels.
func (f *Flags) AddSelectorFlags(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.Selector, "selector", "l", f.Selector,
		"Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.")
}

// AddNodeFlags binds the flags of inspectors whose subject is on a node.
func (f *Flags) AddNodeFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Node, "node", f.Node, "Show only what is on this node.")
	command.CompleteFlag(cmd, "node", f.CompleteNames("nodes"))
}

// AddTableFlags binds the flags of inspectors that read the kernel tables of nodes.
func (f *Flags) AddTableFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.NodeAccess, "node-access", f.NodeAccess, "How to read the tables of nodes: by exec into calico-node, "+
		"by the container runtime (kind nodes of this machine), or by a short-lived debug pod. One of: (auto, exec, debug, runtime).")
	cmd.Flags().StringVar(&f.ProbeImage, "probe-image", f.ProbeImage, "Image of debug pods, with sh and iproute2; empty: the image of calico-node.")
	command.CompleteFlag(cmd, "node-access", command.Words(gather.NodeAccesses()...))
}

// ToOptions resolves the flags and the arguments, which are names of the subject.
func (f *Flags) ToOptions(subject inspect.Fact, names []string) (*Options, error) {
	family, err := inspect.ParseFamily(f.Family)
	if err != nil {
		return nil, exit.Usage(err)
	}
	if _, err := labels.Parse(f.Selector); err != nil {
		return nil, exit.Usagef("--selector %q: %w", f.Selector, err)
	}
	if f.Watch && f.Snapshot != "" {
		return nil, exit.Usagef("a snapshot does not change: use --watch without --snapshot")
	}
	if err := checkAccess(f.NodeAccess); err != nil {
		return nil, err
	}
	if f.FailOn != "" {
		if err := CheckFailOn(inspect.Severity(f.FailOn)); err != nil {
			return nil, err
		}
	}
	source, err := f.source()
	if err != nil {
		return nil, err
	}
	o := &Options{
		Source: source, Family: family, AllNamespaces: f.AllNamespaces, Watch: f.Watch, FailOn: inspect.Severity(f.FailOn), IOStreams: f.IOStreams,
		Request: gather.Request{Node: f.Node, Subject: subject, Names: names, Selector: f.Selector},
	}
	if !f.AllNamespaces {
		if o.Request.Namespace, _, err = f.Config.ToRawKubeConfigLoader().Namespace(); err != nil {
			return nil, err
		}
	}
	return o, nil
}
