package judge

import (
	"cmp"
	"fmt"
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

// Frontend is the address that a failed probe went to and that a node translates: that of the DNS service, if the name was not
// resolved. It is nil for other paths.
func Frontend(p *trace.Path) *inspect.Frontend {
	if p.Probe.Check != trace.Ask && (p.Probe.Host == "" || p.Result.Resolved) {
		return p.Expect.Frontend
	}
	server := cmp.Or(p.Probe.Server, p.Expect.Resolver)
	if !server.IsValid() {
		return nil
	}
	return &inspect.Frontend{Kind: inspect.ClusterIP, Node: p.Source.Node, Address: server, Port: portDNS}
}

func ipFlag(f inspect.Family) string { return fmt.Sprintf("-%d", f) }

func iptables(f inspect.Family) string {
	if f == inspect.IPv6 {
		return "ip6tables"
	}
	return "iptables"
}

// sourceText names the source of a path.
func sourceText(e trace.Endpoint) string { return string(e.Kind) + " " + e.Name }

// podCommand is a command to run in a pod, or on a node.
func podCommand(pod trace.Endpoint, command ...string) string {
	if pod.Kind == trace.Node {
		return trace.OnNode(pod.Node, command...)
	}
	return trace.Kubectl(append([]string{"exec", "-n", pod.Namespace, pod.Name, "--"}, command...)...)
}

func digCommand(p *trace.Path) string {
	host := p.Probe.Host
	if host == "" {
		return ""
	}
	return podCommand(p.Source, "nslookup", "-type="+trace.RecordType(p.Family), host)
}
