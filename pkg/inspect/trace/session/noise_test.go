package session

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// TestNoise keeps apart what moves with time and what a reading moves itself, however far two readings are apart.
func TestNoise(t *testing.T) {
	wire, cable := trace.Meter{Node: "a", Device: "eth1", Direction: trace.TX}, trace.Meter{Node: "a", Device: "cali1", Direction: trace.RX}
	n := noise{reading: trace.Readings{wire: 40}, other: trace.Readings{wire: 2, cable: 3}, watched: 2 * time.Second}
	for d, want := range map[time.Duration]trace.Readings{
		0:                {wire: 42, cable: 3},
		n.watched:        {wire: 42, cable: 3},
		10 * time.Second: {wire: 50, cable: 15},
	} {
		if diff := cmp.Diff(want, n.during(d)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", d, diff)
		}
	}
	if got := (noise{}).during(time.Second); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
