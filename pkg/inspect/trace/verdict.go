package trace

import "net/netip"

// Verdict is what is to be thought of a path.
type Verdict string

// The verdicts.
const (
	// Pass: it works, and the evidence says that the packets went the way that was predicted.
	Pass Verdict = "pass"
	Fail Verdict = "fail"
	// Skip: there is nothing to probe, for the reason in Path.Skip.
	Skip Verdict = "skip"
	// Inconclusive: it was not probed, or answered without evidence of the way.
	Inconclusive Verdict = "inconclusive"
	// Planned: a dry run; nothing was sent.
	Planned Verdict = "planned"
)

// Evidence is what was seen of a path, beside the answer itself.
type Evidence struct {
	TTL    int          `json:"ttl,omitempty"`
	DNS    []netip.Addr `json:"dns,omitempty"`
	Status int          `json:"httpStatus,omitempty"`
	// Endpoint is the pod that answered for a service, where the answer tells.
	Endpoint string `json:"endpoint,omitempty"`
	// Counters are the counters along the path that were read before and after.
	Counters []Count `json:"counters,omitempty"`
	// Notes are sentences about evidence that is lacking, or odd without being a failure.
	Notes []string `json:"notes,omitempty"`
}

// Count is by how much a counter moved while probes were under way.
type Count struct {
	Meter
	Packets uint64 `json:"packets"`
	// Want is the least for a counter that must move; for one that must be still, the number of packets of the path.
	Want  uint64 `json:"want,omitempty"`
	Still bool   `json:"still,omitempty"` // it must not move by as much as Want
}

// Cause is why a path fails, or what in the facts contradicts it.
type Cause struct {
	Code CauseCode `json:"code"`
	// Node is where, if it is on a node.
	Node string `json:"node,omitempty"`
	// Message is one sentence, without a full stop.
	Message string `json:"message"`
	// Command shows it: something to be pasted into a shell.
	Command string `json:"command,omitempty"`
	// Harmless is set for a deviation that does not stop packets by itself (an MTU, a metric).
	Harmless bool `json:"harmless,omitempty"`
}

// CauseCode is a stable name for a cause.
type CauseCode string

// The causes.
const (
	NoRoute        CauseCode = "no-route"         // the kernel has none, or one that leads out of the wrong door
	Blackhole      CauseCode = "blackhole"        // the kernel drops it: blackhole, unreachable, prohibit
	WrongRoute     CauseCode = "wrong-route"      // it leads to another node
	NeighborWrong  CauseCode = "neighbor"         // missing, or with another node's Ethernet address
	FDBWrong       CauseCode = "fdb"              // missing, or to another node
	TunnelDown     CauseCode = "tunnel-device"    // the device is down, missing or misconfigured
	UnderlayBlocks CauseCode = "underlay"         // sent by one node, not received by the other
	Forwarding     CauseCode = "forwarding"       // the node does not forward this family
	PolicyDrops    CauseCode = "policy"           // a network policy or a firewall drops it
	NoReturn       CauseCode = "no-return"        // not translated, and no route back
	NoEndpoint     CauseCode = "no-endpoint"      // the service has no ready endpoint in this family
	NoTranslation  CauseCode = "no-service-rule"  // kube-proxy has no rule for the address on this node
	NotListening   CauseCode = "not-listening"    // nothing listens in this family
	NoRecord       CauseCode = "no-record"        // the name has no such record
	DNSSilent      CauseCode = "dns"              // the DNS server does not answer, or with an error
	PathMTU        CauseCode = "mtu"              // large packets do not pass
	Offload        CauseCode = "checksum-offload" // ICMP passes, TCP does not
	Unreachable    CauseCode = "unreachable"      // a router says so, or the target does not answer
	NoTool         CauseCode = "no-tool"          // nothing to probe with
	Unknown        CauseCode = "unknown"
)
