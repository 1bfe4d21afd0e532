package probe

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// pingLines are the lines of ping: of iputils, of busybox, of inetutils.
type pingLines struct{ head, reply, icmpError, summary, mtu, local *regexp.Regexp }

func newPingLines() pingLines {
	return pingLines{
		head:  regexp.MustCompile(`(?m)^PING \S+? ?\(([0-9a-fA-F.:]+)\)`),
		reply: regexp.MustCompile(`(?m)^\d+ bytes from ([0-9a-fA-F.:%\w]+?)[:,]? .*\b(?:ttl|hlim)=(\d+) .*time[=<]([\d.]+) ?ms(.*)$`),
		icmpError: regexp.MustCompile(
			`(?m)^(?:From ([0-9a-fA-F.:%\w]+?)[:,]? (?:\([^)]*\):? )?(?:icmp_)?seq[= ]\d+|\d+ bytes from (\S+):) ` +
				`((?:Destination|Time|Packet|Frag|Parameter|Source|Redirect|Communication)\b.*)$`),
		summary: regexp.MustCompile(`(?m)^(\d+) packets transmitted, (\d+) (?:packets )?received`),
		mtu:     regexp.MustCompile(`mtu ?= ?(\d+)`),
		local:   regexp.MustCompile(`(?m)^ping6?: (.+)$`),
	}
}

// parsePing reads the output of ping.
func parsePing(r *trace.Result, p trace.Probe, o *outcome) {
	lines, said := newPingLines(), newPhrases()
	if m := lines.head.FindStringSubmatch(o.out); m != nil && p.Host != "" {
		r.Resolved = true
		r.Answers = addresses(p.Family, parseAddr(m[1]))
	}
	lines.replies(r, o.out)
	if m := lines.icmpError.FindStringSubmatch(o.both); m != nil {
		r.From, r.Said = parseAddr(m[1]+m[2]), strings.TrimSpace(m[3])
		r.NoRoute = said.noRoute.MatchString(r.Said)
	}
	if m := lines.mtu.FindStringSubmatch(o.both); m != nil {
		r.MTU, _ = strconv.Atoi(m[1])
	}
	m := lines.summary.FindStringSubmatch(o.out)
	if m != nil {
		r.Sent, _ = strconv.Atoi(m[1])
		r.Received, _ = strconv.Atoi(m[2])
	} else if r.TTL > 0 {
		r.Sent = max(p.Count, r.Received) // it was stopped before it could count
	}
	r.Answered = r.Received > 0 && r.TTL > 0
	if r.Answered || r.From.IsValid() {
		return
	}
	lines.silence(r, o, said, m != nil)
}

// replies reads the echo replies.
func (l pingLines) replies(r *trace.Result, out string) {
	for _, m := range l.reply.FindAllStringSubmatch(out, -1) {
		if strings.Contains(m[4], "BAD CHECKSUM") || strings.Contains(m[4], "DIFFERENT ADDRESS") {
			continue
		}
		r.TTL, _ = strconv.Atoi(m[2])
		r.Received++
		ms, err := strconv.ParseFloat(m[3], 64)
		if rtt := time.Duration(ms * float64(time.Millisecond)); err == nil && (r.RTT == 0 || rtt < r.RTT) {
			r.RTT = max(rtt, time.Nanosecond)
		}
	}
}

// silence says why there was no reply, as far as ping knows.
func (l pingLines) silence(r *trace.Result, o *outcome, said phrases, summary bool) {
	m := l.local.FindStringSubmatch(o.both)
	switch {
	case m == nil && summary:
		// It sent, and received nothing.
	case m == nil:
		r.Failed = failed(o)
	case said.unresolved.MatchString(m[1]):
		r.Resolved, r.Said = false, m[1]
	case said.noRoute.MatchString(m[1]):
		r.NoRoute, r.Said = true, m[1]
	case r.MTU > 0, strings.Contains(strings.ToLower(m[1]), "message too long"):
		r.Said = m[1]
	case strings.HasPrefix(m[1], "sendmsg:"), strings.HasPrefix(m[1], "sendto:"), strings.HasPrefix(m[1], "connect:"):
		r.Said = m[1] // the kernel refused to send: a firewall in the pod, a blackhole
	default:
		r.Failed = failed(o) // a missing permission or option
	}
}
