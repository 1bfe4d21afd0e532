package judge

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

func meterText(m trace.Meter) string {
	return fmt.Sprintf("%s of %s on %s", m.Direction, m.Device, m.Node)
}

// most is how many items a sentence names.
const most = 4

func listed(names []string) string {
	if rest := len(names) - most; rest > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", rest)
	}
	return strings.Join(names, ", ")
}

func addressText(e trace.Endpoint) string {
	if e.IP.IsValid() {
		return e.IP.String()
	}
	return "the pod"
}

func targetText(p *trace.Path) string {
	t := p.Target
	switch t.Kind {
	case trace.Pod, trace.Svc, trace.Node, trace.Switch:
		text := string(t.Kind)
		if t.Name != "" {
			text += " " + t.Name
		}
		if t.IP.IsValid() {
			text += " (" + t.IP.String() + ")"
		}
		return text
	}
	if t.IP.IsValid() {
		return t.IP.String()
	}
	return cmp.Or(t.Name, "the target")
}

const portDNS = 53

// ServiceAddress is the cluster address and port that a failed probe went to: those of the DNS service, if its
// name was not resolved. The zero AddrPort is none.
func ServiceAddress(p *trace.Path) netip.AddrPort {
	switch {
	case p.Probe.Check == trace.Ask, p.Probe.Host != "" && !p.Result.Resolved:
		return netip.AddrPortFrom(cmp.Or(p.Probe.Server, p.Expect.Resolver), portDNS)
	case p.Target.Kind == trace.Svc:
		return netip.AddrPortFrom(p.Target.IP, p.Target.Port)
	}
	return netip.AddrPort{}
}

func ipFlag(f inspect.Family) string { return fmt.Sprintf("-%d", f) }

func iptables(f inspect.Family) string {
	if f == inspect.IPv6 {
		return "ip6tables"
	}
	return "iptables"
}

// podCommand is a command to run in a pod.
func podCommand(pod trace.Endpoint, command ...string) string {
	return trace.Kubectl(append([]string{"exec", "-n", pod.Namespace, pod.Name, "--"}, command...)...)
}

func digCommand(p *trace.Path) string {
	host := p.Probe.Host
	if host == "" {
		return ""
	}
	return podCommand(p.Source, "nslookup", "-type="+trace.RecordType(p.Family), host)
}
