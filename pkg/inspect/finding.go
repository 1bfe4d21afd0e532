package inspect

import "net/netip"

// Finding is one thing that is wrong, or that contradicts something else. A rule of `check`, a mark of `graph` and a
// cause of `trace` are all findings.
type Finding struct {
	// Code names the kind of finding. It is permanent: scripts and pages refer to it.
	Code     Code     `json:"code"`
	Section  string   `json:"section,omitempty"` // of `check`, in which the rule is listed
	Severity Severity `json:"severity"`
	// Subject is what it is about, as the functions for subjects word it, so that subjects can be compared.
	Subject string `json:"subject,omitempty"`
	// About lists what else it is about, if one finding speaks for several: the pods without an address on a node.
	About []string `json:"-"`
	// Summary is one sentence, without a full stop, with the values seen.
	Summary string `json:"summary"`
	// Evidence holds the facts that contradict each other, one sentence each.
	Evidence []string `json:"evidence,omitempty"`
	// Command shows the finding: something to paste into a shell.
	Command string `json:"command,omitempty"`
	// Mend says how to repair it: the exact setting, or a command.
	Mend string `json:"mend,omitempty"`
	// CausedBy lists the codes of the findings that this one follows from.
	CausedBy []Code `json:"causedBy,omitempty"`
	Node     string `json:"node,omitempty"` // where it is, if it is on a node
	// RemoteNode is the other node, if it is between two.
	RemoteNode string `json:"remoteNode,omitempty"`
	Family     Family `json:"family,omitzero"`
}

// NodeSubject words a node as the subject of a finding.
func NodeSubject(name string) string { return "node " + name }

// PodSubject words a pod as the subject of a finding.
func PodSubject(namespace, name string) string { return "pod " + namespace + "/" + name }

// ServiceSubject words a service as the subject of a finding.
func ServiceSubject(namespace, name string) string { return "service " + namespace + "/" + name }

// PoolSubject words an IP pool as the subject of a finding.
func PoolSubject(name string) string { return "pool " + name }

// BlockSubject words an IPAM block as the subject of a finding.
func BlockSubject(cidr netip.Prefix) string { return "block " + cidr.String() }

// Code is the permanent name of a kind of finding.
type Code string

// Severity says how much a finding matters.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"   // traffic fails, or will
	SeverityWarning Severity = "warning" // a deviation that does not stop packets by itself
	SeverityInfo    Severity = "info"    // worth knowing
	SeverityUnknown Severity = "unknown" // could not be verified
)

// Health returns the health of a part with a finding of this severity.
func (s Severity) Health() Health {
	switch s {
	case SeverityError:
		return Broken
	case SeverityWarning, SeverityUnknown:
		return Doubtful
	default:
		return Neutral
	}
}
