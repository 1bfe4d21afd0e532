// Package check implements "dualstack check".
package check

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/exit"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/inspector"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
)

const (
	short = "Find out why a cluster is not dual-stack: the causes, and how to mend them"
	long  = short + `.

		Every rule looks for one kind of fault: in the nodes' addresses, the hosts' settings, Calico's settings and pools, pods,
		the tables of the nodes' kernels, and services. Findings that follow from another one are folded under it, so that the
		causes come first. Each has a stable code; --explain CODE says what it means, its causes and how to mend it.

		For a cluster that is meant to have one family, the command says so, and no more. A rule whose facts could not be read
		is "not checked". -o wide also shows findings that follow from others, and those that are only worth knowing.

		-o junit is a report for CI systems: a test for each rule, which fails if there is a finding of the severity of --fail-on
		or worse, and is skipped if the rule is not checked. The exit code is 2 when there is such a finding.`
	example = `
		# All rules, on the whole cluster
		kubectl dualstack check

		# What a rule means, and how to mend it
		kubectl dualstack check --explain DS405

		# The rules
		kubectl dualstack check --list

		# Pools and services only, on a recording
		kubectl dualstack check --only pools,services --snapshot demo

		# A report for a CI system that fails on warnings too, beside the text
		kubectl dualstack check --fail-on warning --junit-file check.xml

		# For scripts: the codes and what they are about
		kubectl dualstack check -o json | jq -r '.items[] | "\(.code) \(.subject)"'`
)

// Flags is what the user typed; ToOptions turns it into what Run needs.
type Flags struct {
	*inspector.Flags
	Only    []string
	Skip    []string
	List    bool
	Explain string

	JUnitFile string
}

// NewFlags returns the flags with their defaults.
func NewFlags(shared *inspector.Flags) *Flags {
	shared.Print.JUnit = true
	shared.FailOn = string(inspect.SeverityError)
	return &Flags{Flags: shared}
}

// NewCmdCheck returns "dualstack check". runF replaces Run in tests; it is nil in production.
func NewCmdCheck(f *Flags, runF func(context.Context, *Options) error) *cobra.Command {
	return command.New(command.Spec[*Options]{
		Use: "check", Short: short, Long: long, Example: example, AddFlags: f.AddFlags, ToOptions: f.ToOptions,
	}, runF)
}

// AddFlags binds the flags to the command.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.Flags.AddFlags(cmd)
	f.AddNodeFlags(cmd)
	f.AddTableFlags(cmd)
	cmd.Flags().StringSliceVar(&f.Only, "only", f.Only, "Run only these rules: codes or sections, separated by commas.")
	cmd.Flags().StringSliceVar(&f.Skip, "skip", f.Skip, "Leave out these rules: codes or sections, separated by commas.")
	cmd.Flags().StringVar(&f.FailOn, "fail-on", f.FailOn, "Least severity that makes the exit code 2. One of: (error, warning, never).")
	cmd.Flags().BoolVar(&f.List, "list", f.List, "List the rules, and run none.")
	cmd.Flags().StringVar(&f.Explain, "explain", f.Explain, "Print the page of this rule, and run none.")
	cmd.Flags().StringVar(&f.JUnitFile, "junit-file", f.JUnitFile, "Also write a JUnit report to this file.")
	_ = cmd.MarkFlagFilename("junit-file", "xml") // the only possible error is an unknown flag
	command.CompleteFlag(cmd, "only", command.List(words()...))
	command.CompleteFlag(cmd, "skip", command.List(words()...))
	command.CompleteFlag(cmd, "explain", command.Words(codes()...))
	inspector.CompleteFailOn(cmd)
	cmd.MarkFlagsMutuallyExclusive("list", "explain", "junit-file")
}

func codes() []string {
	var all []string
	for _, r := range check.Rules() {
		all = append(all, string(r.Code))
	}
	return all
}

// words are the values of --only and --skip.
func words() []string {
	var all []string
	for _, s := range check.Sections() {
		all = append(all, string(s))
	}
	return append(all, codes()...)
}

// ToOptions resolves where the facts come from, which rules run and how findings are printed.
func (f *Flags) ToOptions(*cobra.Command, []string) (*Options, error) {
	shared, err := f.Flags.ToOptions(inspect.FactNodes, nil)
	if err != nil {
		return nil, err
	}
	shared.Progress = true
	shared.Request.Namespace = "" // the rules are about the whole cluster
	node := shared.Request.Node
	shared.Request.Node = "" // it narrows pods, and a rule sees all of them
	o := &Options{Options: shared, Explain: f.Explain, node: node,
		text: f.Print.IsTable(), wide: f.Print.IsWide(), asJUnit: f.Print.IsJUnit(), JUnitFile: f.JUnitFile}
	for _, word := range slices.Concat(f.Only, f.Skip) {
		if !slices.Contains(words(), word) {
			return nil, exit.Usagef("unknown rule or section %q: see --list", word)
		}
	}
	for _, r := range check.Rules() {
		named := func(list []string) bool {
			return slices.Contains(list, string(r.Code)) || slices.Contains(list, string(r.Section))
		}
		if (len(f.Only) == 0 || named(f.Only)) && !named(f.Skip) {
			o.Rules = append(o.Rules, r)
		}
	}
	if f.List {
		o.list, err = printer.New(f.Print, rulesTable())
		return o, err
	}
	o.findings, err = printer.New(f.Print, findingsTable())
	return o, err
}

// Options is what Run needs.
type Options struct {
	*inspector.Options
	Rules   []check.Rule
	Explain string
	// JUnitFile also gets a JUnit report; empty: none.
	JUnitFile string

	node       string
	text, wide bool
	asJUnit    bool
	list       *printer.Printer[Rule] // nil: the rules are run
	findings   *printer.Printer[inspect.Finding]
}

// Validate reports flags that are invalid.
func (o *Options) Validate() error {
	switch {
	case o.asJUnit && o.list != nil:
		return exit.Usagef("--list is no report of tests: use another format than junit")
	case o.Explain != "" && !slices.Contains(codes(), o.Explain):
		return exit.Usagef("unknown rule %q: see --list", o.Explain)
	case len(o.Rules) == 0:
		return exit.Usagef("no rule is left: see --only and --skip")
	}
	return o.Options.Validate()
}

// Run lists or explains rules, or runs them.
func (o *Options) Run(ctx context.Context) error {
	switch {
	case o.list != nil:
		return o.list.Print(o.Out, inspect.NewReport("Rule", rulesOf(o.Rules)))
	case o.Explain != "":
		for _, r := range check.Rules() {
			if string(r.Code) == o.Explain {
				_, err := fmt.Fprint(o.Out, page(r))
				return err
			}
		}
	}
	// The whole cluster is held at once: collecting garbage earlier takes a twentieth more time and a fifth less memory.
	defer debug.SetGCPercent(debug.SetGCPercent(60))
	snap, err := o.Gather(ctx, check.Needs(o.Rules)...)
	if err != nil {
		return err
	}
	report := check.Analyze(snap, o.Rules, check.Filter{Family: o.Family, Node: o.node})
	switch {
	case o.text:
		err = o.printText(snap, report)
	case o.asJUnit:
		err = o.junit(report).Write(o.Out)
	default:
		err = o.findings.Print(o.Out, report)
	}
	if err != nil {
		return err
	}
	if o.JUnitFile != "" {
		if err := o.junit(report).WriteFile(ctx, o.JUnitFile); err != nil {
			return err
		}
	}
	if check.Checked(report, o.Rules) == 0 {
		return fmt.Errorf("no rule could be checked: %s", report.Omitted[0].Explanation)
	}
	return o.failed(report.Items)
}

// failed returns an error if there are findings of --fail-on or worse.
func (o *Options) failed(findings []inspect.Finding) error {
	bad := 0
	for _, f := range findings {
		if o.isBad(f.Severity) {
			bad++
		}
	}
	noun := "findings"
	if bad == 1 {
		noun = "finding"
	}
	return exit.FindingsIf(bad, "%d %s of severity %s or worse", bad, noun, o.FailOn)
}

// isBad reports whether a finding of this severity makes the exit code 2. What could not be verified does.
func (o *Options) isBad(s inspect.Severity) bool {
	return check.Fails(s, o.FailOn)
}

// page is what --explain prints about a rule.
func page(r check.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s, %s): %s\n\n", r.Code, r.Section, r.Severity, r.Title)
	fmt.Fprintf(&b, "Why: %s\n\nMend: %s\n", r.Why, r.Mend)
	if len(r.Reports) > 0 {
		fmt.Fprintf(&b, "\nReports: %s\n", strings.Join(r.Reports, ", "))
	}
	return b.String()
}
