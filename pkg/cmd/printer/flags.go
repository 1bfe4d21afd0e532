package printer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
	"k8s.io/kubectl/pkg/cmd/get"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/command"
)

// The formats that this package draws instead of kubectl's printers.
const (
	formatTable = ""
	formatWide  = "wide"
	formatName  = "name"
)

// Flags are kubectl's printing flags (-o, --template, --no-headers, …), composed of kubectl's own parts.
type Flags struct {
	Output    string
	NoHeaders bool
	// JUnit adds FormatJUnit, which the command writes itself.
	JUnit bool

	jsonYAML  *genericclioptions.JSONYamlPrintFlags
	templates *genericclioptions.KubeTemplatePrintFlags
	columns   *get.CustomColumnsPrintFlags
}

// NewFlags returns the flags with kubectl's defaults.
func NewFlags() *Flags {
	return &Flags{
		jsonYAML:  &genericclioptions.JSONYamlPrintFlags{},
		templates: genericclioptions.NewKubeTemplatePrintFlags(),
		columns:   get.NewCustomColumnsPrintFlags(),
	}
}

// AllowedFormats lists what -o takes, sorted.
func (f *Flags) AllowedFormats() []string {
	formats := slices.Concat(f.jsonYAML.AllowedFormats(), f.templates.AllowedFormats(), f.columns.AllowedFormats(),
		[]string{formatName, formatWide})
	if f.JUnit {
		formats = append(formats, FormatJUnit)
	}
	slices.Sort(formats)
	return slices.Compact(formats)
}

// AddFlags binds the flags to a command, and completes -o.
func (f *Flags) AddFlags(cmd *cobra.Command) {
	f.templates.AddFlags(cmd)
	cmd.Flags().StringVarP(&f.Output, "output", "o", f.Output, fmt.Sprintf("Output format. One of: (%s).",
		strings.Join(f.AllowedFormats(), ", ")))
	cmd.Flags().BoolVar(&f.NoHeaders, "no-headers", f.NoHeaders,
		"When using the default or custom-column output format, don't print headers (default print headers).")
	command.CompleteFlag(cmd, "output", f.complete)
}

// complete completes -o. It completes a format that takes a template up to the "=", where the user types on, and behind
// the "=" files, if the format takes one.
func (f *Flags) complete(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if format, _, found := strings.Cut(typed, "="); found {
		if strings.HasSuffix(format, "file") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	withTemplate := slices.Concat(f.templates.AllowedFormats(), f.columns.AllowedFormats())
	directive := cobra.ShellCompDirectiveNoFileComp
	var formats []cobra.Completion
	for _, format := range f.AllowedFormats() {
		if !strings.HasPrefix(format, typed) {
			continue
		}
		if slices.Contains(withTemplate, format) {
			format += "="
			directive |= cobra.ShellCompDirectiveNoSpace // it matters once only one is left
		}
		formats = append(formats, format)
	}
	return formats, directive
}

// format returns -o, or the format that --template alone stands for.
func (f *Flags) format() string {
	if f.Output == "" && *f.templates.TemplateArgument != "" {
		return "go-template"
	}
	return f.Output
}

// IsTable reports whether the format is one for people: the table, plain or wide.
func (f *Flags) IsTable() bool { return f.format() == formatTable || f.IsWide() }

// IsJUnit reports whether the command itself writes a JUnit report.
func (f *Flags) IsJUnit() bool { return f.JUnit && f.format() == FormatJUnit }

// IsWide reports whether the format is the wide table.
func (f *Flags) IsWide() bool { return f.format() == formatWide }

// IsWhole reports whether the format shows more than the plain table. If not, the facts behind the rest need not be
// gathered.
func (f *Flags) IsWhole() bool { return f.format() != formatTable && f.format() != formatName }

// toPrinter returns kubectl's printer for the formats that are not drawn here.
func (f *Flags) toPrinter() (printers.ResourcePrinter, error) {
	format := f.format()
	f.columns.NoHeaders = f.NoHeaders
	f.columns.TemplateArgument = *f.templates.TemplateArgument
	for _, flags := range []interface {
		ToPrinter(string) (printers.ResourcePrinter, error)
	}{f.templates, f.jsonYAML, f.columns} {
		if p, err := flags.ToPrinter(format); !genericclioptions.IsNoCompatiblePrinterError(err) {
			return p, err
		}
	}
	return nil, fmt.Errorf("unknown output format %q: use one of %s", format, strings.Join(f.AllowedFormats(), ", "))
}
