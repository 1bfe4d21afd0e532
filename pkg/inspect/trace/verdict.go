package trace

import (
	"net/netip"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
)

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
	// NotSent: a dry run planned it, and sent nothing.
	NotSent Verdict = "planned"
)

// Health returns how well a path with this verdict is.
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
