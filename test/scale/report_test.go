//go:build bench

package scale

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// report is what a benchmark prints: a line for each program, and one for each target.
type report struct {
	title string
	lines []string
	goals []string
	bad   int
}

// add adds a line about runs of a program: the median of each figure.
func (r *report) add(program string, runs []run) {
	first := median(runs, func(r run) time.Duration { return r.First })
	r.lines = append(r.lines, fmt.Sprintf("%s\t%s\t%s\t%s\t%.0f MB\t%d", program, seconds(wall(runs)), seconds(first),
		seconds(median(runs, func(r run) time.Duration { return r.CPU })), float64(memory(runs))/mega, runs[0].Lines))
}

// goal adds a target: what was measured must not be above the limit.
func (r *report) goal(what string, measured, limit float64, unit string) {
	verdict := "met"
	if measured > limit {
		verdict = "MISSED"
		r.bad++
	}
	r.goals = append(r.goals, fmt.Sprintf("%s\t%.2f%s\tat most %.2f%s\t%s", what, measured, unit, limit, unit, verdict))
}

// print prints the report as part of the benchmark's log, and fails the benchmark where a target is missed.
func (r *report) print(b *testing.B) {
	b.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\n", r.title)
	if len(r.lines) > 0 {
		writeTable(&text, "PROGRAM\tTIME\tFIRST ROW\tCPU\tMEMORY\tLINES", r.lines)
		text.WriteByte('\n')
	}
	writeTable(&text, "TARGET\tMEASURED\tLIMIT\tVERDICT", r.goals)
	fmt.Println("\n" + text.String())
	if r.bad > 0 {
		b.Errorf("%d of %d targets are missed", r.bad, len(r.goals))
	}
}

func writeTable(out io.Writer, header string, lines []string) {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, line := range append([]string{header}, lines...) {
		_, _ = fmt.Fprintln(w, line) // to memory
	}
	_ = w.Flush()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func median[T time.Duration | int64](runs []run, figure func(run) T) T {
	figures := make([]T, len(runs))
	for i, r := range runs {
		figures[i] = figure(r)
	}
	slices.Sort(figures)
	return figures[len(figures)/2]
}

func wall(runs []run) time.Duration {
	return median(runs, func(r run) time.Duration { return r.Wall })
}

// memory is the largest of the peaks: a limit of memory is to hold in every run.
func memory(runs []run) int64 {
	var most int64
	for _, r := range runs {
		most = max(most, r.Memory)
	}
	return most
}
