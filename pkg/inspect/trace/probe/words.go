package probe

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

const (
	defaultTimeout = 2 * time.Second
	defaultCount   = 1
	pingInterval   = 200 * time.Millisecond // the least that iputils allows users other than root
	maxCount       = 100
	// ndots is how many dots a name needs to be looked up unchanged. Pods try names with fewer in their search list first
	// (options ndots:5 in resolv.conf); the full names of services have four.
	ndots = 4
)

// listen is the check of Listeners. It is run like a probe, in the same script.
const listen trace.Check = "listen"

// own is the check of Footing. It is run like a probe, too.
const own trace.Check = "own"

// job is one task of the script.
type job struct {
	check  trace.Check
	family inspect.Family
	byName bool
	to     string // an address, a name, or the port of listen
	port   uint16
	count  int
	size   int           // bytes of payload
	wait   int           // seconds; its meaning depends on the check
	server string        // of Ask; the path of Get
	budget time.Duration // the script's time limit
}

// newJob turns a probe into words that are safe arguments of any tool, or says what is wrong with it.
func newJob(p trace.Probe) (job, error) {
	j := job{check: p.Check, family: p.Family, port: p.Port, count: 1}
	if j.family != inspect.IPv4 && j.family != inspect.IPv6 {
		return job{}, errors.New("a probe needs a family")
	}
	if err := j.setTarget(p); err != nil {
		return job{}, err
	}
	timeout := p.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	switch p.Check {
	case trace.Ping:
		j.setPing(p, timeout)
	case trace.TCP, trace.Get:
		if p.Port == 0 {
			return job{}, fmt.Errorf("a probe by %s needs a port", p.Check)
		}
		j.wait = seconds(timeout)
		j.budget = time.Duration(j.wait+1) * time.Second
		if p.Check == trace.Get {
			return j, j.setPath(p.Path)
		}
	case trace.Ask:
		return j, j.setAsk(p, timeout)
	default:
		return job{}, fmt.Errorf("there is no probe by %q", p.Check)
	}
	return j, nil
}

func (j *job) setTarget(p trace.Probe) error {
	if p.Host == "" {
		target := p.Target.Unmap()
		if p.Check == trace.Ask || !target.IsValid() || target.Zone() != "" {
			return errors.New("a probe needs an address or a name")
		}
		if inspect.FamilyOf(target) != p.Family {
			return fmt.Errorf("%s is not an address of %s", target, p.Family)
		}
		j.to = target.String()
		return nil
	}
	if err := checkName(p.Host); err != nil {
		return err
	}
	j.to, j.byName = p.Host, true
	return nil
}

// setPing divides the time between sending and waiting for the last reply.
func (j *job) setPing(p trace.Probe, timeout time.Duration) {
	j.count = min(max(p.Count, defaultCount), maxCount)
	sending := time.Duration(j.count-1) * pingInterval
	j.wait = seconds(timeout - sending)
	j.budget = sending + time.Duration(j.wait+2)*time.Second
	if p.Size > 0 {
		j.size = max(p.Size-headers(p.Family), 1)
	}
}

// headers is the length of an echo request's headers: IP's and ICMP's.
func headers(f inspect.Family) int {
	if f == inspect.IPv6 {
		return 40 + 8
	}
	return 20 + 8
}

// setPath refuses what is no path of a URL: it ends one that begins with "http://", so no tool takes it for an option.
func (j *job) setPath(path string) error {
	if path == "" {
		return nil
	}
	if path[0] != '/' || strings.ContainsFunc(path, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return fmt.Errorf("%.80q is not the path of a URL", path)
	}
	j.server = path
	return nil
}

// setAsk prepares a question that may be sent twice: a datagram may get lost.
func (j *job) setAsk(p trace.Probe, timeout time.Duration) error {
	j.wait = seconds(timeout / 2)
	j.budget = time.Duration(2*j.wait+1) * time.Second
	if p.Server.IsValid() {
		if p.Server.Zone() != "" {
			return fmt.Errorf("the DNS server's address %s has a zone", p.Server)
		}
		j.server = p.Server.Unmap().String()
	}
	switch {
	case strings.HasSuffix(p.Host, "."):
	case j.server == "" && strings.Count(p.Host, ".") < ndots:
		j.server = "search" // no address looks like this
	default:
		j.to += "."
	}
	return nil
}

// seconds rounds up to whole seconds, at least one: old tools take no fractions.
func seconds(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }

// checkName refuses anything but a DNS name, and so anything that looks like an option.
func checkName(name string) error {
	if problems := validation.IsDNS1123Subdomain(strings.ToLower(strings.TrimSuffix(name, "."))); len(problems) > 0 {
		return fmt.Errorf("%.80q is not a DNS name", name)
	}
	return nil
}

// newListenJob asks for the sockets that listen on a port.
func newListenJob(port uint16) job {
	return job{check: listen, family: inspect.IPv4, to: fmt.Sprintf("%04X", port), wait: 1, budget: time.Second}
}

// newOwnJob asks what the pod's network has for an address. The kernel writes IPv6 as 32 digits.
func newOwnJob(a netip.Addr) job {
	j := job{check: own, family: inspect.FamilyOf(a), to: a.String(), wait: 1, budget: time.Second}
	if a.Is6() {
		j.to = fmt.Sprintf("%x", a.As16())
	}
	return j
}

// words are the script's ten words for the job.
func (j job) words(index int) []string {
	byName := "0"
	if j.byName {
		byName = "1"
	}
	return []string{
		strconv.Itoa(index), string(j.check), strconv.Itoa(int(j.family)), byName, j.to,
		strconv.Itoa(int(j.port)), strconv.Itoa(j.count), strconv.Itoa(j.size), strconv.Itoa(j.wait), j.server,
	}
}

// parseAddr reads an address that a tool printed; the zone of a link-local one is dropped.
func parseAddr(s string) netip.Addr {
	a, err := netip.ParseAddr(strings.Trim(s, "[]():,"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}
