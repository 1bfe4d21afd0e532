package probe

import (
	"cmp"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// The exit codes of curl that say something about the network (curl's man page).
const (
	curlNoHost    = 6
	curlNoConnect = 7
	curlTimedOut  = 28
	curlNoAnswer  = 52
	curlSendFails = 55
	curlRecvFails = 56
	curlPartial   = 18
	curlStopped   = 23 // its output is no longer read
)

// maxBody bounds the kept part of an answer's body, in bytes.
const maxBody = 2048

const toolCurl = "curl"

// parseTCP reads the outcome of a connection.
func parseTCP(r *trace.Result, p trace.Probe, o *outcome) {
	switch {
	case o.tool == toolCurl:
		// If a peer is silent, curl waits until its timeout: its report has the connection.
		if parseCurl(r, p, o); r.Answered {
			r.TimedOut, r.Said, r.Failed = false, "", ""
		}
	case o.code == 0:
		r.Answered, r.Resolved = true, true
	case newPhrases().connect(r, o.both):
	case o.code == exitKilled || o.code == exitTimeout:
		r.TimedOut = true
	case strings.HasSuffix(o.tool, " nc") && strings.TrimSpace(o.both) == "":
		r.TimedOut = true // some flavours are silent about it
	default:
		r.Failed = failed(o)
	}
	r.Resolved = r.Resolved && p.Host != ""
}

// parseGet reads the outcome of an HTTP request.
func parseGet(r *trace.Result, p trace.Probe, o *outcome) {
	if o.tool == toolCurl {
		parseCurl(r, p, o)
	} else {
		parseWget(r, p, o)
	}
	if r.Status != 0 {
		r.Body = strings.TrimSuffix(o.out, "\n")
		if len(r.Body) > maxBody {
			r.Body = strings.ToValidUTF8(r.Body[:maxBody], "")
		}
	}
	r.Resolved = r.Resolved && p.Host != ""
}

// parseCurl reads curl's report and exit code, and its messages for the rest.
func parseCurl(r *trace.Result, p trace.Probe, o *outcome) {
	report := map[string]string{}
	for field := range strings.FieldsSeq(o.report) {
		key, value, _ := strings.Cut(field, "=")
		report[key] = value
	}
	r.Status, _ = strconv.Atoi(report["code"])
	connect, resolve := duration(report["connect"]), duration(report["dns"])
	r.Answered = connect > 0
	if r.Answered {
		r.RTT = max(connect-resolve, time.Nanosecond)
		r.Resolved = true
	}
	if p.Host != "" {
		r.Answers = addresses(p.Family, append(tried(o.err), parseAddr(report["ip"]))...)
		r.Resolved = r.Resolved || len(r.Answers) > 0
	}
	said := lastLine(o.err, "curl: (")
	switch o.code {
	case 0:
		if o.report == "" {
			r.Answered, r.Failed = false, "curl left out its report"
		}
	case curlStopped:
		// The server sent more than we read. Old versions of curl print their report after that, where it is lost.
		r.Answered, r.Resolved = true, true
		r.Status = cmp.Or(r.Status, statusIn(o.err))
	case curlNoHost:
		r.Resolved, r.Said = false, said
	case curlNoConnect, curlTimedOut:
		if r.Answered {
			r.TimedOut, r.Said = true, said
			return
		}
		resolved := r.Resolved
		if !newPhrases().connect(r, o.err) {
			r.TimedOut, r.Said = o.code == curlTimedOut, said
		}
		r.Resolved = resolved || p.Host != "" && r.Refused
	case curlNoAnswer, curlSendFails, curlRecvFails, curlPartial:
		r.Said = said
	default:
		if !r.Answered {
			r.Failed = failed(&outcome{tool: o.tool, code: o.code, err: said})
		}
		r.Said = said
	}
}

// tried are the addresses to which curl tried to connect.
func tried(verbose string) []netip.Addr {
	var all []netip.Addr
	for _, m := range regexp.MustCompile(`(?m)^\* +Trying (\S+):\d+\.\.\.`).FindAllStringSubmatch(verbose, -1) {
		all = append(all, parseAddr(m[1]))
	}
	return all
}

// duration reads seconds with decimals.
func duration(s string) time.Duration {
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil || seconds < 0 || seconds > 3600 {
		return 0
	}
	return time.Duration(seconds * float64(time.Second))
}

// lastLine returns the last line that begins with a prefix, without line break.
func lastLine(text, prefix string) string {
	last := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, prefix) {
			last = strings.TrimSpace(line)
		}
	}
	return last
}

// statusIn finds the last HTTP status in a tool's messages.
func statusIn(text string) int {
	all := regexp.MustCompile(`\bHTTP/\d(?:\.\d)? (\d{3})\b`).FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return 0
	}
	status, _ := strconv.Atoi(all[len(all)-1][1]) // three digits
	return status
}

// parseWget reads the words of wget. Busybox's wget prints a status only for errors.
func parseWget(r *trace.Result, p trace.Probe, o *outcome) {
	r.Status = statusIn(o.err)
	if r.Status == 0 && (o.code == 0 || o.cut && o.out != "") {
		r.Status = 200 // wget prints bodies only with this status; the script stops it after enough output
	}
	if p.Host != "" {
		connecting := regexp.MustCompile(`(?m)^Connecting to [^|]*\|([^|]+)\|`).FindAllStringSubmatch(o.err, -1)
		for _, m := range connecting {
			r.Answers = addresses(p.Family, append(r.Answers, parseAddr(m[1]))...)
		}
	}
	connected := regexp.MustCompile(`(?m)^Connecting to .*\.\.\. connected\.`).MatchString(o.err)
	switch {
	case r.Status != 0:
		r.Answered, r.Resolved = true, true
	case connected:
		r.Answered, r.Resolved, r.Said = true, true, lastLine(o.err, "")
		r.TimedOut = newPhrases().timedOut.MatchString(o.err)
	case newPhrases().connect(r, o.err):
	case o.code == exitKilled || o.code == exitTimeout:
		r.TimedOut, r.Resolved = true, len(r.Answers) > 0
	default:
		r.Failed = failed(o)
	}
}
