package trace

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

// Verdict is the judgement of a path.
type Verdict string

// The verdicts.
const (
	// Pass: it works, with separate evidence that the packets went the predicted way.
	Pass Verdict = "pass"
	Fail Verdict = "fail"
	// Skip: there is nothing to probe, for the reason in Path.Skip.
	Skip Verdict = "skip"
	// Inconclusive: it was not probed, or was answered without evidence of the way.
	Inconclusive Verdict = "inconclusive"
	// NotSent: a dry run planned it, and sent nothing.
	NotSent Verdict = "planned"
)

// Health returns the health of a path with this verdict.
func (v Verdict) Health() inspect.Health {
	switch v {
	case Pass:
		return inspect.Healthy
	case Fail:
		return inspect.Broken
	case Skip, Inconclusive:
		return inspect.Doubtful
	default:
		return inspect.Neutral
	}
}

// Evidence holds what the answer and the counters show of a path.
type Evidence struct {
	TTL    int          `json:"ttl,omitempty"`
	DNS    []netip.Addr `json:"dns,omitempty"`
	Status int          `json:"httpStatus,omitempty"`
	// Endpoint is the pod that answered for a service, if the answer names it.
	Endpoint string `json:"endpoint,omitempty"`
	// Counters are the counters along the path, read before and after.
	Counters []Count `json:"counters,omitempty"`
	// Notes are sentences about evidence that is missing, or odd without being a failure.
	Notes []string `json:"notes,omitempty"`
}

// Count is how much a counter moved during probes.
type Count struct {
	Meter
	Packets uint64 `json:"packets"`
	// Want is the least that a counter must move by, or the packets of the path for a counter that must be still.
	Want  uint64 `json:"want,omitempty"`
	Still bool   `json:"still,omitempty"` // it must not move by as much as Want
}
