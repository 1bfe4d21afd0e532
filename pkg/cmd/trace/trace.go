// Package trace implements "dualstack trace".
package trace

import (
	"context"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/session"
)

const (
	short = "Prove traffic paths in both families, and explain those that fail"
	long  = short + `.

		The command predicts each path from the objects of the cluster and the kernels of its nodes. It then sends a probe
		from a pod, and compares the answer, its TTL and the counters of the devices on the way with the prediction.
		A path passes only with evidence of its own. If a path fails, the command probes it again alone, and names the cause
		and a command that shows it.

		TARGET is an IP address, a host name, a URL, pod/NAME, svc/NAME or node/NAME. Each is tried in the families that it has; a service in all the ways
		in which it can be reached: cluster addresses, node ports on each kind of node, addresses of load balancers, the endpoints of a headless
		one; a pod also by its host ports. A URL is asked for, with its port and path, of whoever has its host; by HTTPS, it is a connection. Without a target
		the command tries all kinds of paths from one pod of each node: to pods of the same and of another node, to services,
		by DNS and HTTP, and to the external addresses of the lab or of the flags. It skips a family that a target cannot have.

		Below the table are the hops of what did not pass, and for a TARGET those of one path of each kind and family that did;
		-o wide shows all. The exit code is 2 when a path fails, or could not be proved.`
	example = `
		# All kinds of paths, from every node, in both families
		kubectl dualstack trace

		# One external address, hop by hop
		kubectl dualstack trace 2001:db8::1

		# A service, each of its families and ports, from the pods of one node
		kubectl dualstack trace svc/multitool-dual-stack --from-node dual-stack-worker

		# One page of it, by name and by address
		kubectl dualstack trace http://multitool-dual-stack.default.svc/

		# The service from the node itself, as its kubelet and its host-network pods see it
		kubectl dualstack trace svc/multitool-dual-stack --from node/dual-stack-worker

		# The IPv6 paths between pods, with all of their hops
		kubectl dualstack trace --family ipv6 --run '^(same|cross)-node/' -o wide

		# Show which paths a trace would probe, without sending anything
		kubectl dualstack trace --dry-run

		# A report for a CI system, beside the table
		kubectl dualstack trace --junit-file trace.xml`
)

// Flags is what the user typed; ToOptions turns it into what Run needs.
type Flags struct {
	*inspector.Flags

	From         string
	FromNode     string
	Count        int
	Timeout      time.Duration
	Deadline     time.Duration
	DryRun       bool
	Reverse      bool
	MTU          bool
	FullMesh     bool
	ExternalIPv4 string
	ExternalIPv6 string
	RunOnly      string
	Skip         string
	JUnitFile    string
	Verbose      bool
}

// The defaults of a probe.
const (
	usualCount   = 3
	usualTimeout = 2 * time.Second
)

// NewFlags returns the flags with their defaults.
func NewFlags(shared *inspector.Flags) *Flags {
	shared.Print.JUnit = true
	return &Flags{Flags: shared, Count: usualCount, Timeout: usualTimeout, Deadline: 20 * time.Second}
}

// NewCmdTrace returns "dualstack trace". runF replaces Run in tests; it is nil in production.
func NewCmdTrace(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "trace [TARGET]", Short: short, Long: long, Example: example,
		Args: cobra.MaximumNArgs(1), Complete: f.completeTarget, AddFlags: f.AddFlags, ToOptions: f.ToOptions,
	}, runF)
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.Flags.AddFlags(cmd)
	f.AddTableFlags(cmd)
	flags := cmd.Flags()
	flags.Lookup("family").Usage = "Try only this IP family. One of: (ipv4, ipv6)."
	flags.Lookup("probe-image").Usage = "Image with ping and the like, for pods that have no tools: it runs as an ephemeral " +
		"container. With sh and iproute2 it also serves the debug pods of --node-access."
	flags.StringVar(&f.From, "from", f.From, "Probe from this pod, or with node/NAME from a node itself: by a pod on its network, of the image of --probe-image, "+
		"which is removed at the end.")
	flags.StringVar(&f.FromNode, "from-node", f.FromNode, "Probe from a pod on this node.")
	flags.StringVarP(&f.Selector, "selector", "l", f.Selector, "Probe from the pods with these labels, one on each node.")
	flags.IntVar(&f.Count, "count", f.Count, "Number of echo requests of a ping.")
	flags.DurationVar(&f.Timeout, "timeout", f.Timeout, "How long a probe may take.")
	flags.DurationVar(&f.Deadline, "deadline", f.Deadline, "How long the whole trace may take: what is not known by then is inconclusive. More by default with a larger --timeout or --count. "+
		"A minute more where an ephemeral container has to be started; 0: no limit.")
	flags.BoolVar(&f.DryRun, "dry-run", f.DryRun, "Print the predicted paths, and what network policies say of them, and send nothing.")
	flags.BoolVar(&f.Reverse, "reverse", f.Reverse, "Also probe from the target, where it is a pod.")
	flags.BoolVar(&f.MTU, "mtu", f.MTU, "Also send packets as large as the path must carry.")
	flags.BoolVar(&f.FullMesh, "full-mesh", f.FullMesh, "Probe between all pairs of nodes instead of a sample.")
	flags.StringVar(&f.ExternalIPv4, "external-ipv4", f.ExternalIPv4, "IPv4 address outside of the cluster to try; default is the lab's.")
	flags.StringVar(&f.ExternalIPv6, "external-ipv6", f.ExternalIPv6, "IPv6 address outside of the cluster to try; default is the lab's.")
	flags.StringVar(&f.RunOnly, "run", f.RunOnly, "Try only the paths whose name matches this regular expression.")
	flags.StringVar(&f.Skip, "skip", f.Skip, "Leave out the paths whose name matches this regular expression.")
	flags.StringVar(&f.JUnitFile, "junit-file", f.JUnitFile, "Also write a JUnit report to this file.")
	flags.BoolVarP(&f.Verbose, "verbose", "v", f.Verbose, "Print each command that ran in a pod, and its output, on standard error.")
	f.completeFlags(cmd)
	// The only possible error is an unknown flag, and both exist.
	_ = cmd.MarkFlagFilename("junit-file", "xml")
	cmd.MarkFlagsMutuallyExclusive("from", "from-node", "selector")
}

// ToOptions resolves the source of the facts, the request and the format.
func (f *Flags) ToOptions(cmd *cobra.Command, args []string) (*Options, error) {
	if !cmd.Flags().Changed("deadline") { // the default is for the default probe: one that takes longer has more time
		f.Deadline += max(0, f.Timeout-usualTimeout) + time.Duration(max(0, min(f.Count, maxCount)-usualCount))*time.Second
	}
	shared, err := f.Flags.ToOptions(inspect.FactPods, nil)
	if err != nil {
		return nil, err
	}
	o := &Options{Options: shared, JUnitFile: f.JUnitFile, Verbose: f.Verbose, Deadline: f.Deadline,
		recorded: f.Snapshot != "", junit: f.Print.IsJUnit(), table: f.Print.IsTable(), wide: f.Print.IsWide()}
	if o.request, err = f.toRequest(shared.Family, shared.Request.Namespace); err != nil {
		return nil, err
	}
	if len(args) > 0 {
		if o.request.Target = args[0]; o.request.Target == "" {
			return nil, exit.Usagef("the target is empty")
		}
	}
	o.Cluster = session.On(shared.Source, o.note)
	needs := plan.Needs()
	if f.DryRun { // a live trace reads policies where a path fails
		needs = append(needs, inspect.FactPolicies)
	}
	o.Cluster.Facts = func(ctx context.Context) (*inspect.Snapshot, error) { return o.Gather(ctx, needs...) }
	// The pods and services on the way may be in any namespace, and have any labels: these choose sources only.
	shared.Request.Namespace, shared.Request.Selector = "", ""
	if o.plain, err = printer.New(f.Print, table(false)); err != nil {
		return nil, err
	}
	if o.explained, err = printer.New(f.Print, table(true)); err != nil {
		return nil, err
	}
	return o, nil
}

// pattern compiles the regular expression of a flag; the empty text gives nil.
func pattern(flag, text string) (*regexp.Regexp, error) {
	if text == "" {
		return nil, nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, exit.Usagef("--%s: %w", flag, err)
	}
	return re, nil
}

// Options is what Run needs.
type Options struct {
	*inspector.Options
	JUnitFile string
	Verbose   bool
	Deadline  time.Duration
	// Cluster is where the paths are traced.
	Cluster session.Cluster

	request          session.Request
	recorded         bool // the facts are from a file
	junit            bool // the format is JUnit's
	table            bool // the format is one for people
	wide             bool
	plain, explained *printer.Printer[trace.Path]
}
