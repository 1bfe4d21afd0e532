//go:build e2e

package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// What policies and a firewall deny, and what they let pass.
const (
	egressIPv4Only = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: e2e-egress-ipv4, namespace: default}
spec: {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}
`
	tcpDenied = `
apiVersion: crd.projectcalico.org/v1
kind: GlobalNetworkPolicy
metadata: {name: default.e2e-no-tcp}
spec:
  selector: app == 'multitool'
  namespaceSelector: kubernetes.io/metadata.name == 'default'
  order: 10
  types: [Ingress]
  ingress: [{action: Deny, protocol: TCP, ipVersion: 6}, {action: Allow}]
---
apiVersion: crd.projectcalico.org/v1
kind: GlobalNetworkPolicy
metadata: {name: default.e2e-elsewhere}
spec: {selector: all(), namespaceSelector: kubernetes.io/metadata.name == 'elsewhere', order: 1, types: [Ingress, Egress]}
`
)

// policyFaults are policies that treat the families or protocols differently, and a firewall that looks like one.
func policyFaults() []traceFault {
	tcp := func(p *trace.Path) bool { return p.Probe.Check == trace.TCP || p.Probe.Check == trace.Get }
	firewall := func(action string) func(testing.TB, site) {
		return func(t testing.TB, s site) {
			rule := []string{"ip6tables", "--wait", action, "FORWARD", "-p", "tcp", "-m", "multiport", "--dports", "80,8080", "-j", "DROP"}
			if action == "-I" {
				s.run(t, rule...)
				return
			}
			s.try(t, rule...)
		}
	}
	return []traceFault{
		{
			name:   "EgressIPv4Only",
			inject: func(t testing.TB, s site) { s.apply(t, egressIPv4Only) },
			heal:   func(t testing.TB, s site) { s.remove(t, egressIPv4Only) },
			damage: func(site) damage {
				return damage{fails: func(p *trace.Path) bool { return p.Family == inspect.IPv6 && p.Class != trace.Name }}.because("", trace.PolicyDrops)
			},
		},
		{
			name:   "PolicyDeniesTCP",
			inject: func(t testing.TB, s site) { s.apply(t, tcpDenied) },
			heal:   func(t testing.TB, s site) { s.remove(t, tcpDenied) },
			damage: func(site) damage {
				return damage{fails: func(p *trace.Path) bool { return p.Family == inspect.IPv6 && tcp(p) }}.because("", trace.PolicyDrops)
			},
		},
		{
			name:   "FirewallDropsPort",
			args:   []string{"--run", "^cross-node/"},
			inject: firewall("-I"),
			heal:   firewall("-D"),
			damage: func(s site) damage {
				return damage{fails: func(p *trace.Path) bool {
					return p.Family == inspect.IPv6 && tcp(p) && (p.Source.Node == s.node.name || p.Target.Node == s.node.name)
				}}.because("", trace.PolicyDrops)
			},
			frozen: true, // it puts its rules before others
		},
	}
}

// showsSomething runs the command of each cause while the fault is there: it must succeed, and show something. What would run
// in a debug pod runs on the node, since the image is not to be had here.
func showsSomething(t *testing.T, l *lab, failed []trace.Path) {
	t.Helper()
	var seen []string
	for i := range failed {
		if failed[i].Cause == nil || failed[i].Cause.Command == "" || slices.Contains(seen, failed[i].Cause.Command) {
			continue
		}
		line := failed[i].Cause.Command
		seen = append(seen, line)
		words := strings.Fields(line)
		var r result
		switch {
		case strings.Contains(line, " tcpdump "):
			continue // it listens until it is ended
		case words[1] == "debug" && !strings.HasPrefix(words[2], "node/"):
			continue // an ephemeral container with an image that is not to be had here
		case words[1] == "dualstack":
			r = l.plugin(t, words[2:]...)
		case words[1] == "debug":
			node, _ := strings.CutPrefix(words[2], "node/")
			at := slices.Index(words, "--")
			r = command(t, nil, "docker", append([]string{"exec", node}, words[at+1:]...)...)
		default:
			r = command(t, l.env(), filepath.Join(w.env.BinDir, words[0]), words[1:]...)
		}
		if strings.Contains(line, " route get ") {
			r.out += r.errOut // where there is none, ip says so there
			r.code = 0
		}
		if strings.TrimSpace(r.out) == "" || r.code != 0 && words[1] != "dualstack" && !strings.Contains(line, "nslookup") {
			t.Errorf("the command shown shows nothing: %s\n%s", line, r)
		}
	}
}
