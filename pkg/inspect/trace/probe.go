package trace

import (
	"net/netip"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Check is the way in which a path is probed.
type Check string

// The checks.
const (
	Ping Check = "ping" // ICMP echo
	TCP  Check = "tcp"  // a connection, opened and closed
	Get  Check = "http" // GET by HTTP, of / unless a path is given
	Ask  Check = "dns"  // A or AAAA of a name
)

// Probe is one attempt from a pod.
type Probe struct {
	Check  Check          `json:"check"`
	Family inspect.Family `json:"family"`
	// Target is the destination; not set if the probe uses Host.
	Target netip.Addr `json:"target,omitzero"`
	// Host is the name to ask for (Ask) or to use (Ping, TCP, Get). It was validated: a DNS name, no option.
	Host string `json:"host,omitempty"`
	Port uint16 `json:"port,omitempty"`
	// Path is what Get asks for, with its query; empty is "/". It was validated: plain ASCII without quotes and spaces.
	Path string `json:"path,omitempty"`
	// Server is the DNS server to ask; not set is the pod's own resolver.
	Server netip.Addr `json:"server,omitzero"`
	Count  int        `json:"count,omitempty"` // echo requests
	// Size is the size of the IP packet in bytes, sent with "do not fragment"; 0 is the tool's default.
	Size    int           `json:"size,omitempty"`
	Timeout time.Duration `json:"timeout,omitempty"` // nanoseconds; for the whole probe
}

// Result is the outcome of a probe, as the tool in the pod reported it.
type Result struct {
	// Failed says why the probe did not run, or why it proves nothing: no tool in the image, a broken exec, no output. A
	// Result with Failed is evidence neither for the path nor against it.
	Failed string `json:"failed,omitempty"`
	// Silent is set if it failed since the kubelet of the source's node does not answer.
	Silent   bool   `json:"silent,omitempty"`
	Tool     string `json:"tool,omitempty"`     // "iputils ping", "busybox wget", …
	Command  string `json:"command,omitempty"`  // as run, for -v
	Output   string `json:"output,omitempty"`   // raw and bounded, for -v
	ExitCode int    `json:"exitCode,omitempty"` // of the tool

	Answered bool          `json:"answered"`     // there was an echo reply, a connection, a DNS response
	RTT      time.Duration `json:"rtt,omitzero"` // nanoseconds; of the fastest reply, or of the connection

	// Of Ping.
	Sent     int `json:"sent,omitempty"`
	Received int `json:"received,omitempty"`
	TTL      int `json:"ttl,omitempty"` // of the last reply
	// From sent an ICMP error that the target cannot be reached, and Said is its text.
	From netip.Addr `json:"from,omitzero"`
	Said string     `json:"said,omitempty"`
	MTU  int        `json:"mtu,omitempty"` // bytes; from an ICMP "too big"

	// Of TCP and Get.
	Refused  bool   `json:"refused,omitempty"`  // by a reset, or by an ICMP "port unreachable"
	TimedOut bool   `json:"timedOut,omitempty"` // nothing came back at all
	NoRoute  bool   `json:"noRoute,omitempty"`  // the pod or a router had no route
	Status   int    `json:"status,omitempty"`   // of HTTP
	Body     string `json:"body,omitempty"`     // its beginning, bounded; untrusted
	Resolved bool   `json:"resolved,omitempty"` // a name was resolved before the connection was tried

	// Of Ask, and the address that a Host led to.
	Answers []netip.Addr `json:"answers,omitempty"`
	Code    string       `json:"code,omitempty"` // NOERROR, NXDOMAIN, SERVFAIL, …; empty when nothing answered
}
