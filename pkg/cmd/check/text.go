package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/check"
)

// Rule is a row of --list.
type Rule struct {
	Code     inspect.Code     `json:"code"`
	Section  check.Section    `json:"section"`
	Severity inspect.Severity `json:"severity"`
	Title    string           `json:"title"`
	Needs    []inspect.Fact   `json:"needs"`
}

func rulesOf(rules []check.Rule) []Rule {
	rows := make([]Rule, len(rules))
	for i, r := range rules {
		rows[i] = Rule{Code: r.Code, Section: r.Section, Severity: r.Severity, Title: r.Title, Needs: r.Needs}
	}
	return rows
}

func rulesTable() printer.Table[Rule] {
	return printer.Table[Rule]{
		Kind: "Rule",
		Name: func(r Rule) string { return string(r.Code) },
		Columns: []printer.Column[Rule]{
			{Header: "CODE", Value: func(r Rule) string { return string(r.Code) }},
			{Header: "SECTION", Value: func(r Rule) string { return string(r.Section) }},
			{Header: "SEVERITY", Value: func(r Rule) string { return string(r.Severity) }},
			{Header: "FINDS", Value: func(r Rule) string { return r.Title }},
			{Header: "NEEDS", Wide: true, Value: func(r Rule) string {
				needs := make([]string, len(r.Needs))
				for i, f := range r.Needs {
					needs[i] = string(f)
				}
				return strings.Join(needs, ",")
			}},
		},
	}
}

// findingsTable names findings for -o name; formats for programs need no columns, and people get printText.
func findingsTable() printer.Table[inspect.Finding] {
	return printer.Table[inspect.Finding]{
		Kind: check.Kind,
		Name: func(f inspect.Finding) string { return string(f.Code) + "/" + strings.ReplaceAll(f.Subject, " ", "/") },
	}
}

// printText writes the verdict, then the causes, each with its evidence and how to mend it.
func (o *Options) printText(s *inspect.Snapshot, report *inspect.Report[inspect.Finding]) error {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("%s", printer.Escape(check.Verdict(s, report, o.Rules)))
	roots, followers := check.Roots(report.Items)
	shown := report.Items
	if !o.wide {
		shown = slices.DeleteFunc(slices.Clone(roots), func(f inspect.Finding) bool { return f.Severity == inspect.SeverityInfo })
	}
	counted := map[inspect.Code]bool{}
	for _, like := range o.group(shown) {
		f := like[0]
		follow := ""
		if n := followers[f.Code]; n > 0 && !counted[f.Code] {
			follow = " (" + inspect.Quantity(n, "finding follows", "findings follow") + ")"
		}
		counted[f.Code] = true
		line("")
		printFinding(line, f, follow, like[1:]...)
	}
	if hidden := hiddenText(report.Items, shown); hidden != "" {
		line("")
		line("%s: -o wide", hidden)
	}
	o.printUnchecked(line, report.Omitted)
	_, err := fmt.Fprint(o.Out, b.String())
	return err
}

// few is how many findings of a kind are shown in full, and how many subjects of others are named.
const few = 3

// many is how many rules and sections are named one by one, at most.
const many = 16

// group puts findings of the same kind together, where there are more than a few: one cause on many nodes is one thing to
// read. -o wide shows each of them.
func (o *Options) group(findings []inspect.Finding) [][]inspect.Finding {
	type kind struct {
		code     inspect.Code
		severity inspect.Severity
		family   inspect.Family
	}
	kindOf := func(f inspect.Finding) kind { return kind{f.Code, f.Severity, f.Family} }
	counts, places := map[kind]int{}, map[kind]int{}
	for _, f := range findings {
		counts[kindOf(f)]++
	}
	var groups [][]inspect.Finding
	for _, f := range findings {
		at, ok := places[kindOf(f)]
		if ok && !o.wide && counts[kindOf(f)] > few {
			groups[at] = append(groups[at], f)
			continue
		}
		places[kindOf(f)] = len(groups)
		groups = append(groups, []inspect.Finding{f})
	}
	return groups
}

// printFinding writes a finding, its evidence and how to mend it, and what else there are such findings about; follow is
// what to add to its first line.
func printFinding(line func(string, ...any), f inspect.Finding, follow string, others ...inspect.Finding) {
	times := ""
	if len(others) > 0 {
		times = fmt.Sprintf(", %d times", len(others)+1)
	}
	line("%s %s%s: %s%s", f.Code, f.Severity, times, printer.Escape(f.Summary), follow)
	for _, e := range f.Evidence {
		line("  - %s", printer.Escape(e))
	}
	if len(others) > 0 {
		line("  also: %s", printer.Escape(subjects(f, others)))
	}
	if len(f.CausedBy) > 0 {
		line("  follows from %s", join(f.CausedBy))
	}
	if f.Command != "" {
		line("  see:  %s", printer.Escape(f.Command))
	}
	if mend := f.Mend; mend != "" {
		line("  mend: %s", printer.Escape(mend))
	} else {
		line("  mend: kubectl dualstack check --explain %s", f.Code)
	}
}

// subjects names a few of what findings are about, besides the first finding, and counts the rest.
func subjects(first inspect.Finding, others []inspect.Finding) string {
	var names []string
	for _, f := range others {
		if f.Subject != first.Subject && !slices.Contains(names, f.Subject) {
			names = append(names, f.Subject)
		}
	}
	switch rest := len(names) - few; {
	case len(names) == 0:
		return first.Subject + ": -o wide"
	case rest > 0:
		return fmt.Sprintf("%s and %d more: -o wide", strings.Join(names[:few], ", "), rest)
	}
	return strings.Join(names, ", ") + ": -o wide"
}

// hiddenText counts the findings that are not shown: those that follow from others, and those that are only worth knowing.
func hiddenText(all, shown []inspect.Finding) string {
	notes := 0
	for _, f := range all {
		if f.Severity == inspect.SeverityInfo {
			notes++
		}
	}
	var parts []string
	if n := len(all) - len(shown) - notes; n > 0 {
		parts = append(parts, inspect.Quantity(n, "more finding follows", "more findings follow")+" from these")
	}
	if len(shown) < len(all) && notes > 0 {
		parts = append(parts, inspect.Quantity(notes, "finding is", "findings are")+" only worth knowing")
	}
	return strings.Join(parts, ", ")
}

// printUnchecked says why rules could not run, or not on every node, and names them where they are few. -o wide names all.
func (o *Options) printUnchecked(line func(string, ...any), omitted []inspect.Omission) {
	type why struct{ what, reason string }
	codes := map[why][]string{}
	var order []why
	for _, omission := range omitted {
		w := why{omission.Reason, omission.Explanation}
		if codes[w] == nil {
			order = append(order, w)
		}
		codes[w] = append(codes[w], omission.Part)
	}
	if len(order) > 0 {
		line("")
	}
	for _, w := range order {
		short := o.shorten(codes[w])
		rules := strings.Join(short, " ")
		if len(short) > many && !o.wide {
			rules = fmt.Sprintf("%d rules (-o wide)", len(codes[w]))
		}
		line("%s: %s: %s", w.what, rules, printer.Escape(w.reason))
	}
}

// shorten names a section instead of listing the codes of its rules, if all of them are meant.
func (o *Options) shorten(codes []string) []string {
	var short []string
	for _, section := range check.Sections() {
		var here []string
		all := true
		for _, r := range o.Rules {
			if r.Section != section {
				continue
			}
			if slices.Contains(codes, string(r.Code)) {
				here = append(here, string(r.Code))
			} else {
				all = false
			}
		}
		if all && len(here) > 1 {
			here = []string{string(section)}
		}
		short = append(short, here...)
	}
	return short
}

func join(codes []inspect.Code) string {
	texts := make([]string, len(codes))
	for i, c := range codes {
		texts[i] = string(c)
	}
	return strings.Join(texts, ", ")
}
