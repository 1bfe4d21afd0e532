package trace

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/cmd/printer"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// printHops writes paths hop by hop: the place, the component, and what happens there.
// Of paths that fail for the same reason it writes only the first in full, unless all are asked for.
func printHops(out io.Writer, paths []trace.Path, all bool) error {
	w := &hopWriter{}
	type reason struct{ node, summary, command string }
	like := map[reason][]string{}
	reasonOf := func(p *trace.Path) reason { return reason{p.Cause.Node, p.Cause.Summary, p.Cause.Command} }
	var written []*trace.Path
	for i := range paths {
		p := &paths[i]
		if p.Cause != nil && !all {
			like[reasonOf(p)] = append(like[reasonOf(p)], p.Name)
			if len(like[reasonOf(p)]) > 1 {
				continue
			}
		}
		written = append(written, p)
	}
	for _, p := range written {
		w.path(p)
		if p.Cause != nil && !all {
			for _, name := range like[reasonOf(p)][1:] {
				w.item("also", name)
			}
		}
	}
	_, err := io.WriteString(out, w.text.String())
	return err
}

// printNotShown counts the paths that passed and whose hops are not shown though others' are, and those that were skipped, each
// reason once.
func printNotShown(out io.Writer, paths, shown []trace.Path) error {
	w := &hopWriter{}
	passed := 0
	for i := range paths {
		if paths[i].Verdict == trace.Pass {
			passed++
		}
	}
	if n := passed - len(shown); n > 0 && len(shown) > 0 {
		w.text.WriteString("\n")
		w.line(0, "", inspect.Quantity(n, "more path")+" passed: -o wide shows the hops")
	}
	count := map[string]int{}
	var reasons []string
	for i := range paths {
		if reason := paths[i].Skip; reason != "" {
			if count[reason]++; count[reason] == 1 {
				reasons = append(reasons, reason)
			}
		}
	}
	if len(reasons) > 0 {
		w.text.WriteString("\nskipped:\n")
	}
	for _, reason := range reasons {
		w.line(2, "", fmt.Sprintf("%s: %s", inspect.Quantity(count[reason], "path"), reason))
	}
	_, err := io.WriteString(out, w.text.String())
	return err
}

// printFirstCause repeats the first cause where paths failed for several: it is what to look at first.
func printFirstCause(out io.Writer, bad []trace.Path) error {
	explained := slices.DeleteFunc(slices.Clone(bad), func(p trace.Path) bool { return p.Cause == nil })
	slices.SortStableFunc(explained, func(a, b trace.Path) int { return cmp.Compare(doubt(a), doubt(b)) })
	if !slices.ContainsFunc(explained, func(p trace.Path) bool {
		return p.Cause.Summary != explained[0].Cause.Summary || p.Cause.Node != explained[0].Cause.Node
	}) {
		return nil
	}
	w := &hopWriter{}
	w.text.WriteString("\n")
	w.line(0, "", "look first at "+explained[0].Name+":")
	w.cause(explained[0].Cause)
	_, err := io.WriteString(out, w.text.String())
	return err
}

// doubt puts paths that could not be proved behind those that failed, and a node that does not answer before all: the rest may follow
// from it.
func doubt(p trace.Path) int {
	switch {
	case p.Cause.Code == trace.NodeSilent:
		return 0
	case p.Verdict == trace.Fail:
		return 1
	}
	return 2
}

type hopWriter struct{ text strings.Builder }

// line writes text that may come from a cluster, and wraps it below the label.
func (w *hopWriter) line(indent int, label, text string) {
	w.text.WriteString(printer.Wrap(strings.Repeat(" ", indent)+label, text))
}

// path writes a path: a heading, the hops under the name of their node, and the outcome.
func (w *hopWriter) path(p *trace.Path) {
	w.text.WriteString("\n")
	w.line(0, "", fmt.Sprintf("%s: %s", p.Name, verdictText(p)))
	node, back := "-", false
	for _, hop := range p.Hops {
		if hop.Return != back || hop.Node != node {
			w.place(hop)
			node, back = hop.Node, hop.Return
		}
		w.hop(hop)
	}
	w.outcome(p)
}

func verdictText(p *trace.Path) string {
	if p.Verdict == trace.Skip {
		return "skip: " + p.Skip
	}
	text := string(p.Verdict)
	if r := rtt(*p); r != "" {
		text += ", " + r
	}
	if p.Evidence.TTL != 0 {
		text += fmt.Sprintf(", TTL %d", p.Evidence.TTL)
	}
	return text
}

func (w *hopWriter) place(hop trace.Hop) {
	place := hop.Node
	if place == "" {
		place = "beyond the nodes"
	}
	arrow := "-> "
	if hop.Return {
		arrow = "<- "
	}
	w.line(2, arrow, place)
}

// labelWidth is the width of a mark and the longest component.
const labelWidth = len("x underlay  ")

func (w *hopWriter) hop(hop trace.Hop) {
	mark := "  "
	if trace.Stops(hop.Problem) {
		mark = "x "
	}
	label := fmt.Sprintf("%-*s", labelWidth, mark+string(hop.Component))
	text := hop.Action
	if hop.Detail != "" {
		text += ": " + hop.Detail
	}
	w.line(5, label, text)
	if hop.Problem != nil {
		w.line(5+labelWidth, "", "! "+hop.Problem.Summary)
	}
}

// outcome writes the evidence of a path, and the cause of one that fails.
func (w *hopWriter) outcome(p *trace.Path) {
	e := p.Evidence
	var answers []string
	for _, a := range e.DNS {
		answers = append(answers, a.String())
	}
	for _, item := range []struct{ label, text string }{
		{"answer", strings.Join(answers, ", ")},
		{"status", statusText(e.Status)},
		{"from", e.Endpoint},
		{"moved", counts(e.Counters, false)},
		{"still", counts(e.Counters, true)},
	} {
		if item.text != "" {
			w.item(item.label, item.text)
		}
	}
	for _, note := range e.Notes {
		w.item("note", note)
	}
	if p.Cause != nil {
		w.cause(p.Cause)
	}
}

func (w *hopWriter) cause(f *inspect.Finding) {
	w.item("cause", f.Summary)
	if f.Command != "" {
		// Users paste the command, so it stays on one line.
		w.text.WriteString("  show     " + printer.Escape(f.Command) + "\n")
	}
}

func (w *hopWriter) item(label, text string) { w.line(2, fmt.Sprintf("%-9s", label), text) }

func statusText(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprintf("HTTP %d", status)
}

// counts lists how much each counter moved.
func counts(all []trace.Count, still bool) string {
	var texts []string
	for _, c := range all {
		if c.Still == still {
			texts = append(texts, fmt.Sprintf("%s %s on %s +%d", c.Device, c.Direction, c.Node, c.Packets))
		}
	}
	return strings.Join(texts, ", ")
}
