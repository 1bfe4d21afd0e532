package probe

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// noError is the code of a response that is not an error, also of one without an answer.
const noError = "NOERROR"

// parseAsk reads the DNS answer that a tool printed.
func parseAsk(r *trace.Result, p trace.Probe, o *outcome) {
	switch o.tool {
	case "dig":
		parseDig(r, p, o)
	case "getent":
		parseGetent(r, p, o)
	default:
		parseLookup(r, p, o)
	}
	r.Answered = r.Code != ""
	if r.Answered || r.Failed != "" {
		return
	}
	said := newPhrases()
	silent := words(`no servers could be reached`, `communications error`)
	switch {
	case o.code == exitKilled || o.code == exitTimeout:
		r.Failed = failed(o) // tools time out by themselves, unless the machine is overloaded
	case said.refused.MatchString(o.both):
		r.Refused = true
	case said.noRoute.MatchString(o.both):
		r.NoRoute, r.Said = true, said.noRoute.FindString(o.both)
	case said.timedOut.MatchString(o.both), silent.MatchString(o.both):
		r.TimedOut = true
	default:
		r.Failed = failed(o)
	}
}

// parseDig reads a response as dig prints it. With a search list there is one for each try, and the last one counts.
func parseDig(r *trace.Result, p trace.Probe, o *outcome) {
	if all := regexp.MustCompile(`(?m)^;; ->>HEADER<<- .*status: (\w+)`).FindAllStringSubmatch(o.out, -1); all != nil {
		r.Code = all[len(all)-1][1]
	}
	var found []netip.Addr
	for _, m := range regexp.MustCompile(`(?m)^[^;\s]\S*\s+\d+\s+IN\s+(?:A|AAAA)\s+(\S+)$`).FindAllStringSubmatch(o.out, -1) {
		found = append(found, parseAddr(m[1]))
	}
	r.Answers = addresses(p.Family, found...)
	if m := regexp.MustCompile(`(?m)^;; Query time: (\d+) msec`).FindStringSubmatch(o.out); m != nil {
		ms, _ := strconv.Atoi(m[1])
		r.RTT = time.Duration(ms) * time.Millisecond
	}
}

// parseLookup reads the words of nslookup, bind's and busybox's, and of host.
func parseLookup(r *trace.Result, p trace.Probe, o *outcome) {
	var found []netip.Addr
	named := false
	address := regexp.MustCompile(`^Address(?: \d+)?:\s*(\S+)|has (?:IPv6 |AAAA )?address (\S+)`)
	for line := range strings.Lines(o.out) {
		named = named || strings.HasPrefix(line, "Name:") || strings.Contains(line, " has ")
		if m := address.FindStringSubmatch(line); m != nil && named {
			found = append(found, parseAddr(m[1]+m[2]))
		}
	}
	r.Answers = addresses(p.Family, found...)
	code := words(`NXDOMAIN`, `SERVFAIL`, `REFUSED`, `NOTIMP`, `FORMERR`).FindString(
		strings.Join(regexp.MustCompile(`(?m)^(\*\* server can't find .*|\*\*\* .*|Host .* not found: .*)$`).FindAllString(o.both, -1), " "))
	switch {
	case len(r.Answers) > 0:
		r.Code = noError
	case code != "":
		r.Code = strings.ToUpper(code)
	case words(`no answer`, `has no \w+ record`).MatchString(o.both):
		r.Code = noError
	case o.code == 0 && strings.Contains(o.out, "Server:"):
		r.Code = noError // busybox has no words for a name without such a record
	}
}

// parseGetent reads the addresses that the C library found. If it found none, the name may have no such record, or no server
// answered.
func parseGetent(r *trace.Result, p trace.Probe, o *outcome) {
	var found []netip.Addr
	for line := range strings.Lines(o.out) {
		if fields := strings.Fields(line); len(fields) > 0 {
			// An IPv4-mapped address stands for a name without an IPv6 address.
			found = append(found, parseAddr(fields[0]))
		}
	}
	r.Answers = addresses(p.Family, found...)
	if len(r.Answers) > 0 {
		r.Code = noError
		return
	}
	r.Failed = "getent found no address and does not say whether the DNS answered; dig or nslookup would"
}

// addresses returns the valid addresses of the family, in order and without duplicates.
func addresses(family inspect.Family, all ...netip.Addr) []netip.Addr {
	all = slices.DeleteFunc(slices.Clone(all), func(a netip.Addr) bool { return inspect.FamilyOf(a) != family })
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}
