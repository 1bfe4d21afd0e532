package session

import (
	"context"
	"maps"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// calm is how long the counters are watched with no probe running.
const calm = time.Second

// noise is how much the counters move with no probe running. Reading them moves some too: an exec goes to the kubelet over
// the same wire. That part does not grow with the time between two readings; the rest does.
type noise struct {
	reading trace.Readings // by reading them
	other   trace.Readings // by other traffic while they are watched: the kubelet's own probes, say
	watched time.Duration
}

// during is the noise between two readings this far apart; a shorter time counts as that of the watch.
func (n noise) during(d time.Duration) trace.Readings {
	all := maps.Clone(n.reading)
	for m, packets := range n.other {
		all[m] += uint64(float64(packets) * max(1, d.Seconds()/n.watched.Seconds()))
	}
	return all
}

// listen measures the noise on the counters along paths.
func (r *proof) listen(ctx context.Context, suspects []*suspect) (noise, error) {
	paths := make([]trace.Planned, len(suspects))
	for i, s := range suspects {
		paths[i] = s.planned
	}
	nodes := nodesOf(paths)
	first, _ := r.prober.Counters(ctx, nodes)
	second, _ := r.prober.Counters(ctx, nodes)
	started := time.Now()
	select {
	case <-ctx.Done():
		return noise{}, interrupted(ctx)
	case <-time.After(r.options.Calm):
	}
	third, _ := r.prober.Counters(ctx, nodes)
	n := noise{reading: moved(first, second), other: moved(second, third), watched: time.Since(started)}
	for m, packets := range n.other { // both contain a reading
		n.other[m] = packets - min(packets, n.reading[m])
	}
	return n, nil
}

// moved is how much counters grew from one reading to another.
func moved(before, after trace.Readings) trace.Readings {
	all := trace.Readings{}
	for m, packets := range after {
		if was, ok := before[m]; ok && packets > was {
			all[m] = packets - was
		}
	}
	return all
}
