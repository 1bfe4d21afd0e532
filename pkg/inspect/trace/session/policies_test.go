package session_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/inspecttest"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace/session"
)

// TestPredictPolicies: a dry run says of each path what policies will do with it, in the family that they are for, and nothing where
// none selects an end.
func TestPredictPolicies(t *testing.T) {
	admit := func(net string) inspect.Policy { // lets in one range
		return inspect.Policy{Kind: "NetworkPolicy", Namespace: "default", Name: "admit", Ingress: true, Rules: []inspect.PolicyRule{
			{Number: 1, Action: "Allow", Source: inspect.PolicyEnd{Nets: []netip.Prefix{netip.MustParsePrefix(net)}}}}}
	}
	egress := inspect.Policy{Kind: "NetworkPolicy", Namespace: "default", Name: "silent", Egress: true}
	for name, tt := range map[string]struct {
		policies []inspect.Policy
		says     map[inspect.Family]string // of the hop, for paths between pods; "" is no hop
	}{
		"none": {},
		"IPv4 alone is let in": {[]inspect.Policy{admit("0.0.0.0/0")}, map[inspect.Family]string{
			inspect.IPv4: "allowed: NetworkPolicy default/admit, ingress rule 1", inspect.IPv6: "denied: no ingress rule of NetworkPolicy default/admit"}},
		"both may send nothing": {[]inspect.Policy{egress}, map[inspect.Family]string{
			inspect.IPv4: "denied: no egress rule of NetworkPolicy default/silent", inspect.IPv6: "denied: no egress rule of NetworkPolicy default/silent"}},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := session.Cluster{Facts: func(context.Context) (*inspect.Snapshot, error) {
				s := inspecttest.Lab()
				s.Policies = tt.policies
				return s, nil
			}}
			report, err := session.Run(t.Context(), cluster, session.Request{DryRun: true}, session.Options{})
			if err != nil {
				t.Fatal(err)
			}
			between := 0
			for _, p := range report.Items {
				if p.Class != trace.CrossNode {
					continue
				}
				between++
				got, stops := "", false
				for i, hop := range p.Hops {
					if hop.Component == trace.ComponentPolicy {
						got += hop.Action + ": " + hop.Detail
						stops = stops || trace.Stops(hop.Problem) && hop.Problem.Code == trace.PolicyDrops
						if i == 0 || hop.Return {
							t.Errorf("%s: hop %d of %+v", p.Name, i, p.Hops)
						}
					}
				}
				if want := tt.says[p.Family]; got != want || stops != strings.HasPrefix(want, "denied") {
					t.Errorf("%s: got %q, stops %v; want %q", p.Name, got, stops, want)
				}
			}
			if between == 0 {
				t.Error("no path between pods")
			}
		})
	}
}
