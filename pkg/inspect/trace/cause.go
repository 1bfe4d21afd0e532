package trace

import (
	"fmt"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Cause returns a finding that stops packets: why a path fails, or what in the facts contradicts it. The summary is one
// sentence, without a full stop.
func Cause(code inspect.Code, node, command, format string, args ...any) *inspect.Finding {
	return &inspect.Finding{Code: code, Severity: inspect.SeverityError, Node: node, Command: command,
		Summary: fmt.Sprintf(format, args...)}
}

// Reworded returns a copy of a finding that stops packets, with another summary.
func Reworded(f *inspect.Finding, format string, args ...any) *inspect.Finding {
	again := *f
	again.Severity, again.Summary = inspect.SeverityError, fmt.Sprintf(format, args...)
	return &again
}

// Stops reports whether a finding stops packets. A deviation that does not (an MTU, a metric) is a warning.
func Stops(f *inspect.Finding) bool { return f != nil && f.Severity == inspect.SeverityError }

// The causes.
const (
	NodeSilent     inspect.Code = "node-silent"      // the kubelet of a node does not answer
	NoRoute        inspect.Code = "no-route"         // the kernel has none, or one through the wrong device
	NoSession      inspect.Code = "bgp"              // no BGP session brings the route to another node's pods
	Blackhole      inspect.Code = "blackhole"        // the kernel drops it: blackhole, unreachable, prohibit
	WrongRoute     inspect.Code = "wrong-route"      // it leads to another node
	AddressLost    inspect.Code = "address"          // a node does not hold its own address
	NeighborWrong  inspect.Code = "neighbor"         // missing, or with another node's Ethernet address
	PodGateway     inspect.Code = "pod-gateway"      // the node does not answer a pod for its gateway
	FDBWrong       inspect.Code = "fdb"              // missing, or to another node
	TunnelDown     inspect.Code = "tunnel-device"    // the device is down, missing or misconfigured
	UnderlayBlocks inspect.Code = "underlay"         // sent by one node, not received by the other
	Forwarding     inspect.Code = "forwarding"       // the node does not forward this family
	PolicyDrops    inspect.Code = "policy"           // a network policy or a firewall drops it
	NoReturn       inspect.Code = "no-return"        // not translated, and no route back
	NoEndpoint     inspect.Code = "no-endpoint"      // the service has no ready endpoint in this family
	NoTranslation  inspect.Code = "no-service-rule"  // kube-proxy has no rule for the address on this node
	NotListening   inspect.Code = "not-listening"    // nothing listens in this family
	NoRecord       inspect.Code = "no-record"        // the name has no such record
	DNSSilent      inspect.Code = "dns"              // the DNS server does not answer, or with an error
	PathMTU        inspect.Code = "mtu"              // large packets do not pass
	Offload        inspect.Code = "checksum-offload" // ICMP passes, TCP does not
	Unreachable    inspect.Code = "unreachable"      // a router says so, or the target does not answer
	NoTool         inspect.Code = "no-tool"          // nothing to probe with
	Unknown        inspect.Code = "unknown"
)
