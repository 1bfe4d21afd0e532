//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// mustBreak returns what the faults of the inspectors do to the paths of a trace. Felix is stopped: what only changes
// the datastore changes nothing in the kernels, so nothing fails. IPv4 is not tunnelled in the lab.
func mustBreak(name string, s site) []damage {
	onlyTo := func(to string) func(a, b string) bool {
		return func(a, b string) bool { return a == s.node.name && b == to }
	}
	tunnelled := s.family == inspect.IPv6
	between := cut(s.family, onlyTo(s.remote.name))
	all := cut(s.family, func(a, b string) bool { return a == s.node.name && b != a })
	switch {
	case name == "RouteDeleted":
		return []damage{between.because(s.node.name, trace.NoRoute, trace.WrongRoute)}
	case name == "RouteMoved":
		// The third node passes on what it sees begin, and drops answers to what it has not seen.
		between.fails = func(p *trace.Path) bool {
			return p.Class == trace.CrossNode && p.Family == s.family && p.Source.Node == s.remote.name && p.Target.Node == s.node.name
		}
		return []damage{between.because(s.node.name, trace.WrongRoute)}
	case !tunnelled:
		return nil
	}
	switch name {
	case "FDBDeleted", "FDBMoved":
		return []damage{between.because(s.node.name, trace.FDBWrong)}
	case "NeighborDeleted", "NeighborChanged":
		return []damage{between.because(s.node.name, trace.NeighborWrong)}
	case "DeviceDown", "DeviceDeleted":
		return []damage{all.because(s.node.name, trace.TunnelDown)}
	}
	return nil
}

// traceFault is a fault that the tables of Calico do not show, and what a trace must say of it.
type traceFault struct {
	name   string
	args   []string // of the trace
	inject func(testing.TB, site)
	// heal puts back what was there. It can be run again, and without inject.
	heal func(testing.TB, site)
	// damage is what must come of it.
	damage func(site) damage
	frozen bool // Felix would repair it
}

// onSwitch runs a program on the lab's switch.
func (s site) onSwitch(t testing.TB, args ...string) {
	t.Helper()
	docker(t, slices.Concat([]string{"exec", s.lab.name + "-switch"}, args)...)
}

// apply creates the objects of a manifest, or changes them.
func (s site) apply(t testing.TB, manifest string) {
	t.Helper()
	s.lab.kubectl(t, "apply", "-f", manifestFile(t, manifest))
}

// remove deletes the objects of a manifest, where they are.
func (s site) remove(t testing.TB, manifest string) {
	t.Helper()
	s.lab.kubectl(t, "delete", "--ignore-not-found", "--grace-period", "1", "-f", manifestFile(t, manifest))
}

// traceFaults are those beside the ones of the inspectors.
func traceFaults() []traceFault {
	const loopback, pods = "2001:db8::1", "fd00:10:244::/48"
	external := func(match func(*trace.Path) bool) func(*trace.Path) bool {
		return func(p *trace.Path) bool {
			return p.Class == trace.External && p.Family == inspect.IPv6 && (match == nil || match(p))
		}
	}
	class := func(f inspect.Family, classes ...trace.Class) func(*trace.Path) bool {
		return func(p *trace.Path) bool { return p.Family == f && slices.Contains(classes, p.Class) }
	}
	iptables := func(t testing.TB, s site, action string) {
		rule := []string{"ip6tables", "--wait", action, "INPUT", "-p", "udp", "--dport", "4789", "-j", "DROP"}
		if action == "-I" {
			s.run(t, rule...)
		} else {
			s.try(t, rule...)
		}
	}
	natOutgoing := func(t testing.TB, s site, on bool) {
		s.lab.kubectl(t, "patch", w.release.kind("ippools"), "default-ipv6-ippool", "--type", "merge", "-p",
			fmt.Sprintf(`{"spec":{"natOutgoing":%v}}`, on))
		eventually(t, "the node's NAT follows the pool", func() bool {
			r := command(t, nil, "docker", "exec", s.node.name, "ipset", "list", "cali60masq-ipam-pools", "-o", "save")
			return r.code == 0 && strings.Contains(r.out, "add ") == on
		})
	}
	coreDNS := func(t testing.TB, s site, replicas int) {
		s.lab.kubectl(t, "scale", "--namespace", "kube-system", "deployment/coredns", fmt.Sprint("--replicas=", replicas))
		// One that is about to end still answers, and kube-proxy sends to it where none is ready.
		eventually(t, "the endpoints of DNS follow", func() bool {
			out := s.lab.mustPlugin(t, "services", "--namespace", "kube-system", "kube-dns", "-o",
				"jsonpath={.items[0].endpoints.ipv4.ready} {.items[0].endpoints.ipv4.total}")
			return strings.TrimSpace(out) == fmt.Sprintf("%d %[1]d", replicas)
		})
	}
	return []traceFault{
		{
			name:   "UnderlayDropsVXLAN",
			inject: func(t testing.TB, s site) { iptables(t, s, "-I") },
			heal:   func(t testing.TB, s site) { iptables(t, s, "-D") },
			damage: func(s site) damage {
				return cut(inspect.IPv6, func(a, b string) bool { return a == s.node.name && a != b }).because(s.node.name, trace.UnderlayBlocks)
			},
			frozen: true, // it puts its rules, which let VXLAN in, before others
		},
		{
			name: "NodeAddressLost",
			args: []string{"--run", "^cross-node/"}, // the way out goes by another address
			inject: func(t testing.TB, s site) {
				s.run(t, "ip", "-6", "address", "del", s.node.address.String(), "dev", "eth1")
			},
			heal: func(t testing.TB, s site) {
				s.run(t, "ip", "-6", "address", "replace", s.node.address.String(), "dev", "eth1", "nodad")
			},
			damage: func(s site) damage {
				return cut(inspect.IPv6, func(a, b string) bool { return a == s.node.name && a != b }).because(s.node.name, trace.AddressLost)
			},
			frozen: true, // it would take the node's tunnel away
		},
		{
			name:   "ExternalRouteRemoved",
			inject: func(t testing.TB, s site) { s.run(t, "ip", "-6", "route", "del", "2001:db8::/32") },
			heal: func(t testing.TB, s site) {
				s.run(t, "ip", "-6", "route", "replace", "2001:db8::/32", "via", "fd00:10:10::1", "dev", "eth1")
			},
			damage: func(s site) damage {
				return damage{fails: external(func(p *trace.Path) bool { return p.Source.Node == s.node.name })}.because(s.node.name, trace.NoRoute)
			},
		},
		{
			name:   "LoopbackRemoved",
			inject: func(t testing.TB, s site) { s.onSwitch(t, "ip", "addr", "del", loopback+"/128", "dev", "lo") },
			heal:   func(t testing.TB, s site) { s.onSwitch(t, "ip", "addr", "replace", loopback+"/128", "dev", "lo") },
			damage: func(site) damage { return damage{fails: external(nil)}.because("", trace.Unreachable) },
		},
		{
			name: "NoRouteBack",
			inject: func(t testing.TB, s site) {
				natOutgoing(t, s, false)
				s.onSwitch(t, "ip", "-6", "route", "del", pods)
			},
			heal: func(t testing.TB, s site) {
				s.onSwitch(t, "ip", "-6", "route", "replace", pods, "via", "fd00:10:10::10")
				natOutgoing(t, s, true)
			},
			damage: func(site) damage { return damage{fails: external(nil)}.because("", trace.NoReturn) },
		},
		{
			name:   "DNSScaledToZero",
			inject: func(t testing.TB, s site) { coreDNS(t, s, 0) },
			heal:   func(t testing.TB, s site) { coreDNS(t, s, 2) },
			damage: func(site) damage {
				return damage{fails: func(p *trace.Path) bool { return p.Class == trace.Name || p.Class == trace.Web }}.
					because("", trace.DNSSilent, trace.NoEndpoint)
			},
		},
		{
			name:   "ListensOnIPv4Only",
			args:   []string{"svc/e2e-ipv4-listener"},
			inject: func(t testing.TB, s site) { s.apply(t, listener()); s.ready(t, "e2e-ipv4-listener") },
			heal:   func(t testing.TB, s site) { s.remove(t, listener()) },
			damage: func(site) damage {
				return damage{fails: func(p *trace.Path) bool { return p.Family == inspect.IPv6 && p.Class != trace.Name }}.
					because("", trace.NotListening)
			},
		},
		{
			name:   "NoEndpoints",
			args:   []string{"svc/e2e-no-endpoints"},
			inject: func(t testing.TB, s site) { s.apply(t, lonely()) },
			heal:   func(t testing.TB, s site) { s.remove(t, lonely()) },
			damage: func(site) damage {
				return damage{fails: func(p *trace.Path) bool { return p.Class != trace.Name }}.because("", trace.NoEndpoint)
			},
		},
		{
			name:   "PolicyDeniesIPv6",
			inject: func(t testing.TB, s site) { s.apply(t, denyIPv6) },
			heal:   func(t testing.TB, s site) { s.remove(t, denyIPv6) },
			damage: func(site) damage {
				return damage{fails: class(inspect.IPv6, trace.CrossNode, trace.Service, trace.Web)}.because("", trace.PolicyDrops)
			},
		},
		{
			name:   "ForwardingOff",
			inject: func(t testing.TB, s site) { s.run(t, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=0") },
			heal:   func(t testing.TB, s site) { s.run(t, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1") },
			damage: func(s site) damage {
				d := cut(inspect.IPv6, func(a, b string) bool { return a == s.node.name && a != b })
				cross := d.fails
				d.fails = func(p *trace.Path) bool {
					own := p.Source.Node == s.node.name && p.Family == inspect.IPv6
					return cross(p) || own && (p.Class == trace.External || p.Class == trace.SameNode || p.Class == trace.Service || p.Class == trace.Web)
				}
				return d.because(s.node.name, trace.Forwarding)
			},
			frozen: true,
		},
		{
			name: "ServiceRulesFlushed",
			inject: func(t testing.TB, s site) {
				s.run(t, "sh", "-c", "ip6tables-save -t nat >/run/e2e-nat6 && ip6tables --wait -t nat -F KUBE-SERVICES")
			},
			heal: func(t testing.TB, s site) {
				s.run(t, "sh", "-c", "if [ -e /run/e2e-nat6 ]; then ip6tables-restore --wait -T nat </run/e2e-nat6 && rm /run/e2e-nat6; fi")
			},
			damage: func(s site) damage {
				return damage{fails: func(p *trace.Path) bool {
					return p.Source.Node == s.node.name && p.Family == inspect.IPv6 && (p.Class == trace.Service || p.Class == trace.Web)
				}}.because(s.node.name, trace.NoTranslation)
			},
		},
		{
			name:   "TunnelMTULowered",
			args:   []string{"--mtu"},
			inject: func(t testing.TB, s site) { s.setMTU(t, 1300) },
			heal:   func(t testing.TB, s site) { s.setMTU(t, s.mtu()) },
			damage: func(s site) damage {
				d := cut(inspect.IPv6, func(a, b string) bool { return a == s.node.name && a != b })
				cross := d.fails
				// Its own pods get to know of it; those of others are answered in pieces, but for the first time.
				d.fails = func(p *trace.Path) bool { return cross(p) && p.Probe.Size > 0 && p.Source.Node == s.node.name }
				return d.because("", trace.PathMTU)
			},
			frozen: true,
		},
	}
}

// TestTraceFaults breaks what the tables of Calico do not show, and looks at which paths fail, and why. A third of the faults has its
// turn with each commit; "make faults-doc" and "make e2e ALL=1" run all of them.
func TestTraceFaults(t *testing.T) {
	l := shared(t)
	s := siteOf(t, l, inspect.IPv6)
	t.Cleanup(func() {
		if *record == "" {
			return
		}
		if err := writePage(); err != nil {
			t.Error(err)
		}
	})
	turn := turnOf(t, 3)
	for i, f := range slices.Concat(traceFaults(), policyFaults(), wireFaults()) {
		t.Run(f.name, func(t *testing.T) {
			if i%3 != turn && *record == "" && !*runAll {
				t.Skip("it has its turn with another commit; \"make e2e ALL=1\" runs all")
			}
			t.Cleanup(func() {
				eventually(t, "every path passes again", func() bool { return l.plugin(t, "trace").code == 0 })
			})
			t.Cleanup(func() { f.heal(t, s) })
			if f.frozen {
				t.Cleanup(func() { thaw(t, l) })
				freezeHealthy(t, l)
			}
			f.inject(t, s)
			paths, r := tracePaths(t, l, f.args...)
			failed := check(t, paths, r, f.damage(s))
			if len(failed) == 0 {
				t.Error("no path fails")
			}
			showsSomething(t, l, failed)
			tell(t, f.name, f.args, failed)
		})
	}
}

// ready waits until a Deployment of the tests has its pods.
func (s site) ready(t testing.TB, deployment string) {
	t.Helper()
	s.lab.kubectl(t, "rollout", "status", "--timeout", "3m", "deployment/"+deployment)
}

// manifestFile writes a manifest to a file for kubectl.
func manifestFile(t testing.TB, manifest string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// listener is a service of both families whose pod listens in IPv4 only.
func listener() string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: e2e-ipv4-listener}
spec:
  selector: {matchLabels: {app: e2e-ipv4-listener}}
  template:
    metadata: {labels: {app: e2e-ipv4-listener}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: static, image: %q, imagePullPolicy: Never, args: [-family, ipv4]}
---
apiVersion: v1
kind: Service
metadata: {name: e2e-ipv4-listener}
spec:
  ipFamilyPolicy: RequireDualStack
  selector: {app: e2e-ipv4-listener}
  ports: [{port: 80, targetPort: 8080}]
`, w.env.StaticImage)
}

// lonely is a service that selects no pod.
func lonely() string {
	return `
apiVersion: v1
kind: Service
metadata: {name: e2e-no-endpoints}
spec:
  ipFamilyPolicy: RequireDualStack
  selector: {app: e2e-nobody}
  ports: [{port: 80}]
`
}

// denyIPv6 lets in IPv4 only.
const denyIPv6 = `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: e2e-deny-ipv6}
spec:
  podSelector: {matchLabels: {app: multitool}}
  policyTypes: [Ingress]
  ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]
`
