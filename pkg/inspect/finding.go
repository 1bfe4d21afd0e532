package inspect

// Finding is one thing that is wrong, or that contradicts something else. A rule of `check`, a mark of `graph` and a
// cause of `trace` are all findings.
type Finding struct {
	// Code names the kind of finding. It is permanent: scripts and pages refer to it.
	Code     Code     `json:"code"`
	Section  string   `json:"section,omitempty"` // of `check`, in which the rule is listed
	Severity Severity `json:"severity"`
	Subject  string   `json:"subject,omitempty"` // what it is about: "node a", "pod default/b"
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
