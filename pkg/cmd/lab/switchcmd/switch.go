// Package switchcmd implements "dualstack lab switch".
package switchcmd

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/lab/target"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab"
)

const (
	short = "Display the interfaces and routes of a lab's switch, as it sees them itself"
	long  = short + `.

		The command asks a cEOS switch by its command line and a Linux switch by iproute2, and shows both in the same columns.
		It leaves out link-local addresses and the kernel's own routes.

		Without an argument there are two tables, as "kubectl get" prints two kinds of objects. The other formats have one list;
		the "kind" of each item says what it is.`
	example = `
		# Interfaces and routes of the lab with the default name
		kubectl dualstack lab switch

		# The routes of another lab's switch
		kubectl dualstack lab switch routes --name small

		# The next hop of each static route
		kubectl dualstack lab switch -o jsonpath='{range .items[?(@.type=="static")]}{.destination} {.via}{"\n"}{end}'`
)

// The arguments: things that a user can ask for.
const (
	interfaces = "interfaces"
	routes     = "routes"
)

func things() []string { return []string{interfaces, routes} }

// Entry is an interface or a route. The fields of the other kind are absent.
type Entry struct {
	Kind string `json:"kind"` // Interface or Route
	Name string `json:"name,omitempty"`

	State string         `json:"state,omitempty"` // up or down
	IPv4  []netip.Prefix `json:"ipv4,omitempty"`
	IPv6  []netip.Prefix `json:"ipv6,omitempty"`
	MAC   string         `json:"mac,omitempty"`
	MTU   int            `json:"mtu,omitempty"`

	Family      inspect.Family `json:"family,omitzero"`
	Destination netip.Prefix   `json:"destination,omitzero"`
	Via         netip.Addr     `json:"via,omitzero"`
	Interface   string         `json:"interface,omitempty"`
	Type        string         `json:"type,omitempty"` // static, connected, …
}

// The kinds of entries.
const (
	kindInterface = "Interface"
	kindRoute     = "Route"
)

// Flags is what the user typed.
type Flags struct {
	*target.Flags
	Print *printer.Flags
}

// NewFlags returns the flags with their defaults.
func NewFlags(shared *target.Flags) *Flags { return &Flags{Flags: shared, Print: printer.NewFlags()} }

// NewCmdSwitch returns "dualstack lab switch". runF replaces Run in tests; it is nil in production.
func NewCmdSwitch(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "switch [interfaces|routes]", Short: short, Long: long, Example: example,
		Args: cobra.MaximumNArgs(1), Complete: command.Words(things()...),
		AddFlags: f.AddFlags, ToOptions: f.ToOptions,
	}, runF)
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.Flags.AddFlags(cmd)
	f.Print.AddFlags(cmd)
}

// ToOptions resolves what to print, and how.
func (f *Flags) ToOptions(_ *cobra.Command, args []string) (*Options, error) {
	o := &Options{Things: things(), Flags: f.Flags}
	if len(args) > 0 {
		if !slices.Contains(things(), args[0]) {
			return nil, exit.Usagef("%q: ask for %s or %s; --name chooses another lab", args[0], interfaces, routes)
		}
		o.Things = args
	}
	var err error
	if o.interfaces, err = printer.New(f.Print, interfaceTable()); err != nil {
		return nil, err
	}
	if o.routes, err = printer.New(f.Print, routeTable()); err != nil {
		return nil, err
	}
	o.tables = f.Print.IsTable()
	return o, nil
}

// Options is what Run needs.
type Options struct {
	Things []string
	*target.Flags
	command.Valid

	interfaces, routes *printer.Printer[Entry]
	tables             bool // one for each of the things
}

// Run prints the switch's interfaces, routes or both.
func (o *Options) Run(ctx context.Context) error {
	m, err := o.Manager(ctx)
	if err != nil {
		return err
	}
	v, err := m.Switch(ctx, o.Name)
	if err != nil {
		return o.Explain(err)
	}
	return o.print(v)
}

func (o *Options) print(v *lab.SwitchView) error {
	var all []Entry
	if slices.Contains(o.Things, interfaces) {
		all = append(all, interfaceEntries(v)...)
	}
	split := len(all)
	if slices.Contains(o.Things, routes) {
		all = append(all, routeEntries(v)...)
	}
	if !o.tables {
		return o.interfaces.Print(o.Out, inspect.NewReport(kind, all))
	}
	if err := o.interfaces.Print(o.Out, inspect.NewReport(kind, all[:split])); err != nil {
		return err
	}
	if split > 0 && split < len(all) {
		if _, err := fmt.Fprintln(o.Out); err != nil {
			return err
		}
	}
	return o.routes.Print(o.Out, inspect.NewReport(kind, all[split:]))
}

func interfaceEntries(v *lab.SwitchView) []Entry {
	var all []Entry
	for _, i := range v.Interfaces {
		e := Entry{Kind: kindInterface, Name: i.Name, State: "down", MTU: i.MTU, MAC: i.MAC}
		if i.Up {
			e.State = "up"
		}
		for _, a := range i.Addresses {
			if inspect.FamilyOf(a.Addr()) == inspect.IPv4 {
				e.IPv4 = append(e.IPv4, a)
			} else {
				e.IPv6 = append(e.IPv6, a)
			}
		}
		all = append(all, e)
	}
	return all
}

func routeEntries(v *lab.SwitchView) []Entry {
	var all []Entry
	for _, r := range v.Routes {
		all = append(all, Entry{Kind: kindRoute, Family: inspect.FamilyOf(r.Destination.Addr()), Destination: r.Destination,
			Via: r.Via, Interface: r.Interface, Type: r.Kind})
	}
	return all
}
