//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/calico"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// podDevice returns the node's end of the cable of the multitool pod on a site's node, and the pod's IPv4 address.
func (s site) podDevice(t testing.TB) (device, address string) {
	t.Helper()
	name := strings.TrimSpace(s.lab.kubectl(t, "get", "pods", "-l", "app=multitool", "--field-selector", "spec.nodeName="+s.node.name, "-o", "jsonpath={.items[0].metadata.name}"))
	address = strings.TrimSpace(s.lab.kubectl(t, "get", "pod", name, "-o", "jsonpath={.status.podIP}"))
	return calico.PodInterface("default", name), address
}

// forget takes from the pod on a site's node what it knows of its neighbours: it asks for its gateway again.
func (s site) forget(t testing.TB) {
	t.Helper()
	_, address := s.podDevice(t)
	s.run(t, "sh", "-c", `for n in $(ip netns list | cut -d' ' -f1); do
  if ip -n "$n" address show eth0 2>/dev/null | grep -q " $1/"; then ip -n "$n" neigh flush all; ip -n "$n" -6 neigh flush all; fi
done`, "forget", address)
}

// wireFaults are faults of the links between machines, and of the cable between a pod and its node.
func wireFaults() []traceFault {
	const stranger = "02:00:00:00:00:99"
	crossing := []string{"--run", "^cross-node/"}
	neighbor := func(name, ip string, args []string, what damage) traceFault {
		return traceFault{
			name: name, args: args,
			inject: func(t testing.TB, s site) {
				s.run(t, "ip", "neigh", "replace", ip, "lladdr", stranger, "dev", "eth1", "nud", "permanent")
			},
			heal:   func(t testing.TB, s site) { s.try(t, "ip", "neigh", "del", ip, "dev", "eth1") },
			damage: func(s site) damage { return what.because(s.node.name, trace.NeighborWrong) },
		}
	}
	setting := func(name, key, off, on string, f inspect.Family, code inspect.Code) traceFault {
		set := func(value string) func(testing.TB, site) {
			return func(t testing.TB, s site) {
				device, _ := s.podDevice(t)
				s.run(t, "sysctl", "-qw", strings.ReplaceAll(key, "DEVICE", device)+"="+value)
				s.forget(t)
			}
		}
		return traceFault{name: name, args: crossing, inject: set(off), heal: set(on), frozen: true,
			damage: func(s site) damage {
				return cut(f, func(a, b string) bool { return a == s.node.name && a != b }).because(s.node.name, code)
			}}
	}
	onPod := func(name string, inject, heal []string, f inspect.Family, code inspect.Code) traceFault {
		run := func(args []string) func(testing.TB, site) {
			return func(t testing.TB, s site) {
				device, _ := s.podDevice(t)
				s.run(t, append(args, device)...)
				s.forget(t)
			}
		}
		return traceFault{name: name, args: crossing, inject: run(inject), heal: run(heal), frozen: true,
			damage: func(s site) damage {
				return cut(f, func(a, b string) bool { return a == s.node.name && a != b }).because(s.node.name, code)
			}}
	}
	const gateway = "fe80::ecee:eeff:feee:eeee/64"
	return []traceFault{
		neighbor("GatewayOfAnotherMachine", "fd00:10:10::1", nil, damage{fails: func(p *trace.Path) bool {
			return p.Class == trace.External && p.Family == inspect.IPv6 && strings.HasSuffix(p.Source.Node, "-worker2")
		}}),
		neighbor("NodeOfAnotherMachine", "10.10.10.11", nil, cut(inspect.IPv4, func(a, b string) bool {
			return strings.HasSuffix(a, "-worker2") && strings.HasSuffix(b, "-worker")
		})),
		neighbor("TunnelToAnotherMachine", "fd00:10:10::11", nil, cut(inspect.IPv6, func(a, b string) bool {
			return strings.HasSuffix(a, "-worker2") && strings.HasSuffix(b, "-worker")
		})),
		setting("ProxyARPOff", "net.ipv4.conf.DEVICE.proxy_arp", "0", "1", inspect.IPv4, trace.PodGateway),
		setting("ForwardingOffOnPodDevice", "net.ipv4.conf.DEVICE.forwarding", "0", "1", inspect.IPv4, trace.Forwarding),
		onPod("PodGatewayLost", []string{"ip", "-6", "address", "del", gateway, "dev"}, []string{"ip", "-6", "address", "replace", gateway, "dev"},
			inspect.IPv6, trace.PodGateway),
	}
}
