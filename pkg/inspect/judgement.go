package inspect

import (
	"fmt"
	"strings"
)

// Status says how an entry on a node, or its absence, compares with the expected one.
type Status string

// The statuses of a row.
const (
	StatusOK         Status = "ok"         // there, as expected
	StatusMissing    Status = "missing"    // expected, not there
	StatusUnexpected Status = "unexpected" // there, not expected
	StatusWrong      Status = "wrong"      // there, with another value than expected
	StatusUnknown    Status = "unknown"    // could not be read
)

// Judgement compares what was found with what was expected. Every verified row embeds it.
type Judgement struct {
	Status Status `json:"status"`
	// Expected is the expected value of a wrong row, as the ip command spells it.
	Expected string `json:"expected,omitempty"`
	// Problems are the differences, one sentence each, or why an unknown row is unknown.
	Problems []string `json:"problems,omitempty"`
}

// Judged returns the judgement itself. Generic code reads it from rows of any type that embeds a Judgement.
func (j Judgement) Judged() Judgement { return j }

// Details says in one line what is wrong: each problem, or else the expected value.
func (j Judgement) Details() string {
	if len(j.Problems) > 0 {
		return strings.Join(j.Problems, "; ")
	}
	if j.Expected != "" {
		return "expected " + j.Expected
	}
	return ""
}

// Health is the health of a part. All states (a row's status, a path's verdict, a part of a graph) map to it, and
// only it decides colours.
type Health uint8

// The states of health, from good to bad: the worse of two is the greater.
const (
	Neutral  Health = iota // says nothing about health: planned
	Healthy                // as expected
	Doubtful               // not known, or passing
	Broken                 // not as expected
)

// String returns the word for people.
func (h Health) String() string { return [...]string{"neutral", "ok", "unknown", "broken"}[h] }

// Health returns the health of a row with this status.
func (s Status) Health() Health {
	switch s {
	case StatusOK:
		return Healthy
	case StatusMissing, StatusUnexpected, StatusWrong:
		return Broken
	case StatusUnknown:
		return Doubtful
	default:
		return Neutral
	}
}

// Omission is a part that a report leaves out, and why.
type Omission struct {
	Reason string `json:"reason"`         // in two or three words: "eBPF", "IPIP pool"
	Part   string `json:"part,omitempty"` // of a node's tables: "routes"
	Family Family `json:"family,omitzero"`
	// Subjects are the nodes or pools that are left out, sorted.
	Subjects []string `json:"subjects,omitempty"`
	// Explanation says in a sentence what the reason means for the reader.
	Explanation string `json:"explanation,omitempty"`
}

// String returns the omission as a sentence for people.
func (o Omission) String() string {
	what := strings.TrimSpace(o.Family.String() + " " + o.Part)
	return fmt.Sprintf("%s of %s are not verified (%s): %s", what, enumerate(o.Subjects), o.Reason, o.Explanation)
}

// enumerate names a few and counts the others.
func enumerate(names []string) string {
	const few = 3
	if len(names) <= few {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
}
