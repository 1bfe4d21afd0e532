// Package create implements "dualstack lab create".
package create

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/internal/message"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/target"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/fabric"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

const (
	short = "Create a dual-stack lab"
	long  = short + `: a switch, a kind cluster wired to it, and Calico.

		The nodes have an interface eth1 on the switch, with an address in each family that Kubernetes and Calico use. The
		switch routes to the pods, and its loopback addresses stand for the world outside. When the command ends, every node
		and pod is ready, a multitool pod runs on each node, and the kubeconfig's current context is the lab's.

		The command repairs a lab that exists already: it starts stopped containers and makes lost cables and addresses again. Its
		name is enough for that: flags that are not given take what the lab was created with.
		When a step fails, or on Ctrl-C, it removes what it made, unless --retain is given. While it runs, another command that
		would change the same lab is refused.

		The switch is Arista cEOS if its image is on the Docker host, and a Linux bridge and router otherwise.`
	example = `
		# The lab with its defaults
		kubectl dualstack lab create

		# Print the plan, its images and its files, and make nothing
		kubectl dualstack lab create --dry-run

		# A second lab beside it, with one worker, in a kubeconfig of its own
		kubectl dualstack lab create --name small --workers 1 --kubeconfig small.kubeconfig

		# A lab without tunnels: the nodes tell each other their pods' addresses by BGP, in both families
		kubectl dualstack lab create --routing bgp

		# Without a registry: the node image is on the Docker host, everything else comes in files
		kubectl dualstack lab create --node-image kindest/node:v1.36.4 --calico-install manifest \
		  --calico-manifests ./calico/manifests --image-archive calico.tar --image-archive multitool.tar`
)

// defaultToolsImage runs on every node of the lab: ping, dig and curl in both families, and a web server to reach.
const defaultToolsImage = "docker.io/wbitt/network-multitool:alpine-extra"

// Flags is what the user typed; ToOptions turns it into what Run needs.
type Flags struct {
	*target.Flags
	ConfigFile      string
	Workers         int
	Routing         string
	Switch          string
	SwitchImage     string
	NodeImage       string
	ToolsImage      string
	CalicoInstall   string
	CalicoVersion   string
	CalicoManifests string
	ImageArchives   []string
	Wait            time.Duration
	Retain          bool
	DryRun          bool
}

// NewFlags returns the flags with their defaults.
func NewFlags(shared *target.Flags) *Flags {
	return &Flags{
		Flags: shared, Workers: spec.Default().Workers, Routing: spec.RoutingVXLAN, Switch: lab.SwitchAuto, NodeImage: lab.NodeImage(""),
		ToolsImage: defaultToolsImage, CalicoInstall: lab.InstallOperator, Wait: 10 * time.Minute,
	}
}

// NewCmdCreate returns "dualstack lab create". runF replaces Run in tests; it is nil in production.
func NewCmdCreate(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "create", Short: short, Long: long, Example: example,
		AddFlags: f.AddFlags, ToOptions: f.ToOptions,
	}, runF)
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.AddLabFlags(cmd)
	fs := cmd.Flags()
	fs.StringArrayVar(&f.ImageArchives, "image-archive", f.ImageArchives, "File of docker save to load into every node; can be given more than once")
	fs.DurationVar(&f.Wait, "wait", f.Wait, "How long to wait for the lab to become ready; 0: not at all")
	fs.BoolVar(&f.Retain, "retain", f.Retain, "Keep what was made when a step fails")
	fs.BoolVar(&f.DryRun, "dry-run", f.DryRun, "Print the plan, the images and the files, and make nothing")
}

// AddLabFlags binds the flags that describe the lab.
func (f *Flags) AddLabFlags(cmd *cobra.Command) {
	f.Flags.AddFlags(cmd)
	fs := cmd.Flags()
	fs.StringVar(&f.ConfigFile, "config", f.ConfigFile, "File with the lab's addresses and ranges; --dry-run prints one")
	fs.IntVar(&f.Workers, "workers", f.Workers, "Number of worker nodes besides the control plane")
	fs.StringVar(&f.Routing, "routing", f.Routing, "How pods' packets cross between nodes, in both families: vxlan (tunnels) or bgp (routes, by a mesh of the nodes)")
	fs.StringVar(&f.Switch, "switch", f.Switch, "Switch: "+target.OneOf(switches()))
	fs.StringVar(&f.SwitchImage, "switch-image", f.SwitchImage, "Image of the cEOS switch; empty: the newest one named ceos on the Docker host")
	fs.StringVar(&f.NodeImage, "node-image", f.NodeImage, "Image of the nodes, as for kind; not given: one with a Kubernetes that the version of Calico is tested with")
	fs.StringVar(&f.ToolsImage, "tools-image", f.ToolsImage, "Image of the multitool pods")
	fs.StringVar(&f.CalicoInstall, "calico-install", f.CalicoInstall, "How Calico is installed: operator or manifest")
	fs.StringVar(&f.CalicoVersion, "calico-version", f.CalicoVersion, "Version of Calico; empty: "+lab.DefaultCalicoVersion+", or what --calico-manifests holds")
	fs.StringVar(&f.CalicoManifests, "calico-manifests", f.CalicoManifests, "Folder or URL with Calico's manifests; empty: where Calico publishes them")
	for flag, words := range map[string][]string{
		"switch":         switches(),
		"routing":        spec.Routings(),
		"calico-install": {lab.InstallOperator, lab.InstallManifest},
	} {
		command.CompleteFlag(cmd, flag, command.Words(words...))
	}
}

// switches are the values of --switch.
func switches() []string { return append([]string{lab.SwitchAuto}, fabric.Names()...) }

// ToOptions reads the lab's file and lays the flags over it: only flags that were given replace the file's values.
func (f *Flags) ToOptions(cmd *cobra.Command, _ []string) (*Options, error) {
	l := spec.Default()
	if f.ConfigFile != "" {
		var err error
		if l, err = spec.Load(f.ConfigFile, l); err != nil {
			return nil, err
		}
	}
	if f.ConfigFile == "" || cmd.Flags().Changed("name") {
		l.Name = f.Name
	}
	if f.ConfigFile == "" || cmd.Flags().Changed("workers") {
		l.Workers = f.Workers
	}
	if cmd.Flags().Changed("routing") {
		if !slices.Contains(spec.Routings(), f.Routing) {
			return nil, exit.Usagef("--routing %q: use %s", f.Routing, target.OneOf(spec.Routings()))
		}
		if f.ConfigFile != "" {
			return nil, exit.Usagef("--routing and --config: give the encapsulation of each family in the file, and no --routing")
		}
		l.SetRouting(f.Routing)
	}
	kubeconfig, err := f.KubeconfigPath()
	if err != nil {
		return nil, err
	}
	nodeImage := f.NodeImage
	if !cmd.Flags().Changed("node-image") {
		nodeImage = lab.NodeImage(f.CalicoVersion)
	}
	return &Options{
		CreateOptions: lab.CreateOptions{
			Lab: l, Switch: f.Switch, SwitchImage: f.SwitchImage, NodeImage: nodeImage, ToolsImage: f.ToolsImage,
			CalicoInstall: f.CalicoInstall, CalicoVersion: f.CalicoVersion, CalicoManifests: f.CalicoManifests,
			ImageArchives: f.ImageArchives, Kubeconfig: kubeconfig, Wait: f.Wait, Retain: f.Retain,
			Assumed: func(flag string) bool { return !cmd.Flags().Changed(flag) },
		},
		DryRun: f.DryRun, Flags: f.Flags,
	}, nil
}

// Options is what Run needs.
type Options struct {
	lab.CreateOptions
	DryRun bool
	*target.Flags
}

// Validate checks everything that does not depend on the machine.
func (o *Options) Validate() error {
	switch {
	case !slices.Contains(switches(), o.Switch):
		return exit.Usagef("--switch %q: use %s", o.Switch, target.OneOf(switches()))
	case o.CalicoInstall != lab.InstallOperator && o.CalicoInstall != lab.InstallManifest:
		return exit.Usagef("--calico-install %q: use %s or %s", o.CalicoInstall, lab.InstallOperator, lab.InstallManifest)
	case o.Wait < 0:
		return exit.Usagef("--wait %s: must not be negative", o.Wait)
	}
	return o.Lab.Validate()
}

// Run creates the lab, or prints the plan.
func (o *Options) Run(ctx context.Context) error {
	if o.DryRun {
		plan, err := lab.DryRun(ctx, http.DefaultClient, o.CreateOptions)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(o.Out, plan)
		return err
	}
	m, err := o.Manager(ctx)
	if err != nil {
		return err
	}
	start := time.Now()
	created, err := m.Create(ctx, o.CreateOptions)
	if err != nil {
		return err
	}
	message.Line(o.ErrOut, "")
	message.Line(o.ErrOut, "Lab %q is ready after %s: %d nodes, and the context %q in %s.", created.Name,
		time.Since(start).Round(time.Second), 1+created.Workers, "kind-"+created.Name, o.Kubeconfig)
	message.Line(o.ErrOut, "Try next:")
	message.Line(o.ErrOut, "  kubectl dualstack lab status --name %s", created.Name)
	message.Line(o.ErrOut, "  kubectl dualstack pods -A -o wide")
	message.Line(o.ErrOut, "  kubectl dualstack services")
	return nil
}
