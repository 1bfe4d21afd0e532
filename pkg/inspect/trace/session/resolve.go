package session

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// Resolve looks a name up in a pod, in both families. A name without addresses gives none; it is an error when no answer
// was had for either.
func Resolve(ctx context.Context, prober trace.Prober, pod inspect.Pod, host string, timeout time.Duration) ([]netip.Addr, error) {
	var probes []trace.Probe
	for _, f := range inspect.Families() {
		probes = append(probes, trace.Probe{Check: trace.Ask, Family: f, Host: host, Timeout: timeout})
	}
	results, err := prober.Probe(ctx, pod, probes)
	if err != nil {
		return nil, fmt.Errorf("look up %s in pod %s: %w", host, pod.Name, err)
	}
	var addresses []netip.Addr
	answered := false
	for _, r := range results {
		answered = answered || r.Answered
		addresses = append(addresses, r.Answers...)
	}
	if !answered {
		why := "no answer: trace a service, to see whether DNS works"
		if len(results) > 0 && results[0].Failed != "" {
			why = results[0].Failed
		}
		return nil, fmt.Errorf("look up %s in pod %s: %s", host, pod.Name, why)
	}
	return addresses, nil
}
