package probe

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/access"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// killed are the exit codes of a command ended from outside: by timeout, or by a signal.
const (
	exitTimeout = 124
	exitKilled  = 137
)

// result reads the outcome of a probe.
func result(p trace.Probe, o *outcome) trace.Result {
	r := trace.Result{Tool: o.tool, Command: o.command, Output: o.both + o.report, ExitCode: o.code}
	switch {
	case o.none:
		r.Failed = "the pod has no " + tools(p.Check)
	case o.cannot != "":
		r.Failed = o.cannot
	case !o.ended:
		r.Failed = "the exec broke off before the probe had ended"
	case !o.settled():
		r.Failed = o.tool + " printed nothing"
	default:
		switch p.Check {
		case trace.Ping:
			parsePing(&r, p, o)
		case trace.TCP:
			parseTCP(&r, p, o)
		case trace.Get:
			parseGet(&r, p, o)
		case trace.Ask:
			parseAsk(&r, p, o)
		}
	}
	return r
}

// tools names the tools of a check.
func tools(c trace.Check) string {
	switch c {
	case trace.Ping:
		return "ping"
	case trace.TCP:
		return "nc, bash or curl to connect with"
	case trace.Get:
		return "curl or wget"
	case trace.Ask:
		return "dig, nslookup, host or getent"
	default:
		return "tool"
	}
}

// failed says why a tool's output proves nothing.
func failed(o *outcome) string {
	said := access.FirstLine([]byte(o.err))
	if said == "" {
		said = access.FirstLine([]byte(o.both))
	}
	if o.code == exitKilled || o.code == exitTimeout {
		return strings.TrimSuffix(fmt.Sprintf("%s did not end in time: %s", o.tool, said), ": ")
	}
	return strings.TrimSuffix(fmt.Sprintf("%s ended with exit code %d: %s", o.tool, o.code, said), ": ")
}

// words matches any of several phrases, in any case.
func words(phrases ...string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)(` + strings.Join(phrases, "|") + `)`)
}

// phrases are the words of tools and C libraries for the outcome of a connection.
type phrases struct{ refused, timedOut, noRoute, unresolved *regexp.Regexp }

func newPhrases() phrases {
	return phrases{
		refused:  words(`connection refused`, `port unreachable`),
		timedOut: words(`timed out`, `time-?out`, `operation now in progress`),
		noRoute: words(`no route to host`, `network (is )?unreachable`, `host (is )?unreachable`,
			`destination unreachable: no route`, `destination net unreachable`),
		unresolved: words(`could not resolve`, `couldn't resolve`, `resolving timed out`, `name or service not known`,
			`bad address`, `unable to resolve`, `host lookup failed`, `temporary failure in name resolution`,
			`name does not resolve`, `unknown host`, `address family for hostname`, `no address associated with`),
	}
}

// connect reads why a connection failed, and reports whether the text tells.
func (w phrases) connect(r *trace.Result, text string) bool {
	switch {
	case w.unresolved.MatchString(text):
		r.TimedOut = w.timedOut.MatchString(text)
		r.Said = w.unresolved.FindString(text)
		return true
	case w.refused.MatchString(text):
		r.Refused = true
	case w.noRoute.MatchString(text):
		r.NoRoute = true
		r.Said = w.noRoute.FindString(text)
	case w.timedOut.MatchString(text):
		r.TimedOut = true
	default:
		return false
	}
	r.Resolved = true
	return true
}
