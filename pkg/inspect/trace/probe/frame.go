package probe

import (
	"strconv"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
)

// The kinds of lines that the script prints: MARK INDEX KIND TEXT.
const (
	lineTool    = "tool"   // the tool that is used
	lineRun     = "run"    // its command line
	lineOut     = "o"      // a line of its standard output
	lineOutMore = "O"      // a part of one; more follows
	lineErr     = "e"      // the same of its standard error
	lineErrMore = "E"      //
	lineCut     = "cut"    // output was dropped
	lineExit    = "exit"   // its exit code, when all output has been printed
	lineNone    = "none"   // there is no tool
	lineCannot  = "cannot" // there is one, but it cannot do the check
	lineAgain   = "again"  // all lines of the probe follow once more: there is no tool to seal them with
	lineSeal    = "seal"   // all lines of the probe have been printed, and this is their seal (see access.Seal)
	lineEnd     = "end"    // MARK end: all is done
)

// maxKept bounds the kept output of a probe, in case the script in the pod exceeds its own bound.
const maxKept = 32 << 10

// outcome is the output of the script about one job.
type outcome struct {
	tool, command string
	out, err      string
	both          string // out and err as they came
	report        string // curl's report at the end
	code          int
	ended         bool // there is an exit code
	none          bool
	cannot        string
	cut           bool
}

// settled reports whether running the job again is pointless. A command that succeeded without output proves nothing.
func (o *outcome) settled() bool {
	return o.none || o.cannot != "" || o.ended && (o.code != 0 || strings.TrimSpace(o.both)+o.report != "")
}

// lines are those of one job, as they come.
type lines struct {
	now, before []string // of this pass, and of the first one if they are repeated
	sealed      bool
}

// parseFrames splits the output of the script. Lines without the mark are not the script's. A job has no outcome if some
// of its lines were lost, reordered or cut off; complete reports whether the end was there.
func parseFrames(out []byte, mark string, jobs int) (outcomes []outcome, complete bool) {
	outcomes = make([]outcome, jobs)
	all := make([]lines, jobs)
	for line := range strings.Lines(string(out)) {
		line, whole := strings.CutSuffix(line, "\n")
		rest, marked := strings.CutPrefix(line, mark+" ")
		if !marked || !whole {
			continue
		}
		if rest == lineEnd {
			complete = true
			continue
		}
		number, rest, _ := strings.Cut(rest, " ")
		kind, text, _ := strings.Cut(rest, " ")
		index, err := strconv.Atoi(number)
		if err != nil || index < 0 || index >= jobs || all[index].sealed {
			continue
		}
		job := &all[index]
		switch kind {
		case lineAgain:
			job.before, job.now = job.now, nil
		case lineSeal:
			job.sealed = true
			if access.Sealed(strings.Join(job.now, "\n"), text, strings.Join(job.before, "\n")) {
				outcomes[index].addAll(job.now, mark)
			}
		default:
			job.now = append(job.now, line)
		}
	}
	return outcomes, complete
}

// addAll takes the lines of a job up to its exit code.
func (o *outcome) addAll(lines []string, mark string) {
	for _, line := range lines {
		_, rest, _ := strings.Cut(strings.TrimPrefix(line, mark+" "), " ")
		kind, text, _ := strings.Cut(rest, " ")
		if !o.ended {
			o.add(kind, text, mark)
		}
	}
}

func (o *outcome) add(kind, text, mark string) {
	switch kind {
	case lineTool:
		o.tool = bounded(text)
	case lineRun:
		o.command = bounded(strings.ReplaceAll(text, mark+" ", ""))
	case lineOut, lineErr:
		if report, ok := strings.CutPrefix(text, mark+" "); ok {
			o.report = bounded(report)
			return
		}
		o.keep(kind == lineOut, text+"\n")
	case lineOutMore, lineErrMore:
		o.keep(kind == lineOutMore, text)
	case lineCut:
		o.cut = true
	case lineExit:
		code, err := strconv.Atoi(text)
		o.code, o.ended = code, err == nil
	case lineNone:
		o.none = true
	case lineCannot:
		o.cannot = bounded(text)
	}
}

func (o *outcome) keep(stdout bool, text string) {
	if len(o.both)+len(text) > maxKept {
		o.cut = true
		return
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	o.both += text
	if stdout {
		o.out += text
	} else {
		o.err += text
	}
}

// bounded keeps the beginning of a line.
func bounded(text string) string {
	const most = 1024
	if len(text) > most {
		text = text[:most]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
