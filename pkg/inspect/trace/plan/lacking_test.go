package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	it "github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/plan"
)

// TestLacking holds that a path which is skipped for want of an address says why the pod has none, as check does; and that
// it says no more where no rule knows.
func TestLacking(t *testing.T) {
	const lacks = "pod multitool-worker has no IPv6 address"
	shortened := func(s *inspect.Snapshot) {
		for i := range s.Pods {
			if s.Pods[i].Name == "multitool-worker" {
				s.Pods[i].IPs, s.Pods[i].CalicoCNI = s.Pods[i].IPs[:1], true
			}
		}
	}
	freed := func(s *inspect.Snapshot) { // Calico gave the pod no IPv6 address either
		for i := range s.Pods {
			if s.Pods[i].Name == "multitool-worker" {
				s.Pods[i].CalicoIPs = s.Pods[i].IPs
			}
		}
		for i := range s.Blocks {
			b := &s.Blocks[i]
			b.Allocations = slices.DeleteFunc(slices.Clone(b.Allocations), func(a inspect.Allocation) bool {
				return a.Pod == "multitool-worker" && inspect.FamilyOf(a.IP) == inspect.IPv6
			})
		}
	}
	for name, test := range map[string]struct {
		change it.Change
		want   string
	}{
		"not in its status": {shortened, lacks + " (DS501: Calico gave pod default/multitool-worker the address "},
		"the pool is disabled": {it.All(shortened, freed, it.Pools(inspect.IPv6, func(p *inspect.IPPool) { p.Disabled = true })),
			lacks + " (DS401: no IPv6 pool is enabled for pods: default-ipv6-ippool)"},
		"older than the pool":    {it.All(shortened, freed), lacks + " (DS502: "},
		"no pools may be read":   {it.All(shortened, it.Lacking(inspect.FactPools, "permission denied")), lacks},
		"nothing asks for IPv6":  {it.Only(inspect.IPv4), lacks},
		"all pods have the same": {func(*inspect.Snapshot) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var skipped []string
			for _, p := range build(t, lab(test.change), plan.Request{}) {
				if strings.HasPrefix(p.Skip, lacks) && !slices.Contains(skipped, p.Skip) {
					skipped = append(skipped, p.Skip)
				}
			}
			got := strings.Join(skipped, "; ")
			if test.want == "" && got != "" || !strings.HasPrefix(got, test.want) || test.want == lacks && got != lacks {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
