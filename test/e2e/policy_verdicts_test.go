//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// TestPolicyVerdicts makes policies of each kind, and holds what a dry run says of every path between pods, and to a service, against what
// a probe then meets.
func TestPolicyVerdicts(t *testing.T) {
	l := shared(t)
	takesTurns(t, true)
	pods := multitools(t, l)
	kubernetes := func(spec string) string {
		return "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: verdict, namespace: default}, spec: {" + spec + "}}\n---\n"
	}
	global := func(name string, order int, spec string) string {
		return fmt.Sprintf("{apiVersion: crd.projectcalico.org/v1, kind: GlobalNetworkPolicy, metadata: {name: default.%s}, spec: {order: %d, selector: app == 'multitool', %s}}\n---\n",
			name, order, spec)
	}
	for name, manifest := range map[string]string{
		"IPv4 is let in":             kubernetes("podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"),
		"IPv6 is let in but for one": kubernetes("podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: '::/0', except: ['" + pods[1].v6 + "/128']}}]}]"),
		"nothing is let out":         kubernetes("podSelector: {}, policyTypes: [Egress]"),
		"pods by their labels":       kubernetes("podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{podSelector: {matchLabels: {app: multitool}}}]}]"),
		"one port":                   kubernetes("podSelector: {}, policyTypes: [Ingress], ingress: [{ports: [{port: 80}]}]"),
		"another namespace":          kubernetes("podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}}]}]"),
		"no ICMPv6":                  global("verdict", 10, "types: [Ingress], ingress: [{action: Deny, protocol: ICMPv6}, {action: Allow}]"),
		"TCP of one family":          global("verdict", 10, "types: [Egress], egress: [{action: Deny, protocol: TCP, ipVersion: 4, destination: {ports: [80]}}, {action: Allow}]"),
		"the order decides": global("verdict", 20, "types: [Ingress], ingress: [{action: Deny}]") +
			global("verdict-first", 10, "types: [Ingress], ingress: [{action: Allow, ipVersion: 6}]"),
		"both kinds": kubernetes("podSelector: {}, policyTypes: [Ingress], ingress: [{}]") +
			global("verdict", 10, "types: [Ingress], ingress: [{action: Deny, ipVersion: 4}]"),
	} {
		t.Run(name, func(t *testing.T) {
			file := manifestFile(t, manifest)
			l.kubectl(t, "create", "-f", file)
			t.Cleanup(func() {
				l.kubectl(t, "delete", "-f", file)
				eventually(t, "every path passes again", func() bool { return l.plugin(t, "trace", "--run", "^cross-node/").code == 0 })
			})
			last := []string{"nothing was compared"}
			defer func() {
				if t.Failed() {
					t.Logf("%q", last)
				}
			}()
			eventually(t, "verdict and probe agree", func() bool { // Felix takes a moment
				last = disagreements(t, l)
				return len(last) == 0
			})
		})
	}
}

// disagreements names the paths on which a dry run and a probe do not agree.
func disagreements(t *testing.T, l *lab) []string {
	t.Helper()
	const between = "^cross-node/|^service/.*dual-stack"
	denied := map[string]bool{}
	for _, p := range items[trace.Path](t, l.mustPlugin(t, "trace", "--dry-run", "-o", "json", "--run", between)) {
		denied[p.Name] = slices.ContainsFunc(p.Hops, func(h trace.Hop) bool { return h.Component == trace.ComponentPolicy && trace.Stops(h.Problem) })
	}
	var all []string
	paths, _ := tracePaths(t, l, "--run", between)
	for _, p := range paths {
		failed := p.Verdict == trace.Fail && p.Cause != nil && p.Cause.Code == trace.PolicyDrops
		if denied[p.Name] != failed || !failed && p.Verdict != trace.Pass {
			all = append(all, fmt.Sprintf("%s: denied %v, %s%s", p.Name, denied[p.Name], p.Verdict, said(&p)))
		}
	}
	return all
}
