//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/test/offline"
)

// checkFault is something that people report, the codes of its root causes, and how it is made and healed on a lab.
type checkFault struct {
	name, want   string
	inject, heal func(t *testing.T)
	long         bool // it takes a minute, where the others take seconds
	again        bool // it heals itself: inject it before each look
}

// checkFaults lists them. Those that are quick come first.
func checkFaults(t *testing.T, l *lab) []checkFault {
	return append(append(objectFaults(t, l), nodeFaults(l)...), rolloutFaults(l)...)
}

// kubectls returns a step that runs kubectl.
func kubectls(l *lab, args ...string) func(*testing.T) {
	return func(t *testing.T) { l.kubectl(t, args...) }
}

// patched is a fault of a pool.
func patched(l *lab, name, want, pool, inject, heal string) checkFault {
	patch := func(json string) func(*testing.T) {
		return kubectls(l, "patch", "ippool", pool, "--type=merge", "--patch", json)
	}
	return checkFault{name: name, want: want, inject: patch(inject), heal: patch(heal)}
}

// created is a fault that an object makes.
func created(t *testing.T, l *lab, name, want, manifest string) checkFault {
	file := manifestFile(t, manifest) // of the whole test: it is still there when the fault is healed
	return checkFault{name: name, want: want, inject: kubectls(l, "create", "-f", file), heal: kubectls(l, "delete", "-f", file)}
}

// objectFaults are those of the API's objects.
func objectFaults(t *testing.T, l *lab) []checkFault {
	const pool = "default-ipv6-ippool"
	annotated := func(name, want, value string) checkFault {
		annotate := func(value string) func(*testing.T) {
			return kubectls(l, "annotate", "--overwrite", "node", l.name+"-worker", "projectcalico.org/IPv6Address="+value)
		}
		return checkFault{name: name, want: want, inject: annotate(value), heal: annotate("fd00:10:10::11/64")}
	}
	tunnel := annotated("address of the tunnel", "DS306", "")
	tunnel.inject = func(t *testing.T) {
		address := l.kubectl(t, "get", "node", l.name+"-worker", "-o", `jsonpath={.metadata.annotations.projectcalico\.org/IPv6VXLANTunnelAddr}`)
		annotated("", "", address+"/64").inject(t)
	}
	nat := patched(l, "natOutgoing off", "DS405", pool, `{"spec":{"natOutgoing":false}}`, `{"spec":{"natOutgoing":true}}`)
	policy := created(t, l, "IPv4-only policy", "DS1001", `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy,
  metadata: {name: ipv4-only, namespace: default},
  spec: {podSelector: {}, policyTypes: [Ingress], ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}}`)
	both := checkFault{name: "two faults at once", want: "DS1001 DS405",
		inject: func(t *testing.T) { nat.inject(t); policy.inject(t) }, heal: func(t *testing.T) { nat.heal(t); policy.heal(t) }}
	return []checkFault{
		patched(l, "IPv6 pool disabled", "DS401", pool, `{"spec":{"disabled":true}}`, `{"spec":{"disabled":false}}`),
		patched(l, "IPv6 pool selects no node", "DS402", pool, `{"spec":{"nodeSelector":"rack == 'none'"}}`, `{"spec":{"nodeSelector":"all()"}}`),
		patched(l, "IPv6 pool without encapsulation", "DS409", pool, `{"spec":{"vxlanMode":"Never"}}`, `{"spec":{"vxlanMode":"Always"}}`),
		nat,
		annotated("network address", "DS304", "fd00:10:10::/64"),
		annotated("address of another node", "DS305", "fd00:10:10::12/64"),
		annotated("moved address", "DS303", "fd00:10:10::99/64"),
		tunnel,
		both,
		policy,
		created(t, l, "traffic policy Local", "DS708", fmt.Sprintf(`{apiVersion: v1, kind: Service, metadata: {name: local, namespace: default},
  spec: {ipFamilyPolicy: RequireDualStack, internalTrafficPolicy: Local, selector: {on: one-node}, ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Pod, metadata: {name: on-one-node, namespace: default, labels: {on: one-node}},
  spec: {nodeName: %s-worker, terminationGracePeriodSeconds: 0, containers: [{name: pause, image: %s}]}}`, l.name, pause)),
		fullPool(t, l),
	}
}

// pause is an image that every Kind node has.
const pause = "registry.k8s.io/pause:" + offline.PauseVersion

// fullPool has pods take all the addresses of the only pool of a family. It is outside of kubeadm's range, which is a
// fault of its own.
func fullPool(t *testing.T, l *lab) checkFault {
	const blocks = "10-99-0-"
	disable := patched(l, "", "", "default-ipv4-ippool", `{"spec":{"disabled":true}}`, `{"spec":{"disabled":false}}`)
	tiny := created(t, l, "", "", `{apiVersion: crd.projectcalico.org/v1, kind: IPPool, metadata: {name: tiny},
  spec: {cidr: 10.99.0.0/28, blockSize: 30, vxlanMode: Always, ipipMode: Never, natOutgoing: true, nodeSelector: all(), allowedUses: [Workload, Tunnel]}}`)
	many := created(t, l, "", "", `{apiVersion: apps/v1, kind: Deployment, metadata: {name: many, namespace: default},
  spec: {replicas: 18, selector: {matchLabels: {app: many}}, template: {metadata: {labels: {app: many}},
    spec: {terminationGracePeriodSeconds: 0, containers: [{name: pause, image: "`+pause+`"}]}}}}`)
	return checkFault{name: "IPv4 pool full", want: "DS106 DS404", long: true,
		inject: func(t *testing.T) { tiny.inject(t); disable.inject(t); many.inject(t) },
		heal: func(t *testing.T) {
			disable.heal(t)
			many.heal(t)
			l.kubectl(t, "wait", "--namespace", "default", "--for=delete", "pod", "--selector", "app=many", "--timeout", "2m")
			tiny.heal(t)
			// Calico keeps blocks of a pool that is gone. The tunnels leave theirs first.
			tunnelsMove(t, l, "no tunnel has an address of the pool", func(annotations string) bool { return !strings.Contains(annotations, `"10.99.0.`) })
			for _, kind := range []string{"ipamblocks", "blockaffinities"} {
				for name := range strings.FieldsSeq(l.kubectl(t, "get", kind, "-o", "name")) {
					if strings.Contains(name, blocks) {
						l.kubectl(t, "delete", name)
					}
				}
			}
		}}
}

// tunnelsMove waits until the annotations of every node, which have the tunnels' addresses, are as they should be. The calico-node of
// v3.28.5 may miss the change of a pool that comes right after another one, and then keeps what it has: check says so (DS307), and its
// mend is to restart calico-node, which this does.
func tunnelsMove(t *testing.T, l *lab, what string, moved func(annotations string) bool) {
	t.Helper()
	const patience = 40 // looks, of half a second or so; ten are usual
	looks := 0
	eventually(t, what, func() bool {
		all := true
		for _, node := range l.nodes() {
			if moved(l.kubectl(t, "get", "node", node, "-o", "jsonpath={.metadata.annotations}")) {
				continue
			}
			all = false
			if looks == patience {
				t.Logf("%s: not yet on %s: its calico-node is restarted", what, node)
				l.kubectl(t, "delete", "pod", "--namespace", w.release.namespace(), "--selector", "k8s-app=calico-node", "--field-selector", "spec.nodeName="+node)
			}
		}
		looks++
		return all
	})
}

// nodeFaults are those of a node, its kubelet and what it reports.
func nodeFaults(l *lab) []checkFault {
	worker := l.name + "-worker"
	sysctl := func(name, want, key, inject, heal string) checkFault {
		set := func(value string) func(*testing.T) {
			return func(t *testing.T) { docker(t, "exec", worker, "sysctl", "-w", key+"="+value) }
		}
		return checkFault{name: name, want: want, inject: set(inject), heal: set(heal)}
	}
	const flags = "/var/lib/kubelet/kubeadm-flags.env"
	shell := func(script string) func(*testing.T) {
		return func(t *testing.T) { docker(t, "exec", worker, "sh", "-ec", script) }
	}
	return []checkFault{
		sysctl("forwarding off", "DS202", "net.ipv6.conf.all.forwarding", "0", "1"),
		sysctl("IPv6 off on a node", "DS201", "net.ipv6.conf.default.disable_ipv6", "1", "0"),
		{name: "kubelet with one address", want: "DS101",
			inject: shell("cp " + flags + " /tmp/flags; sed -i 's/,fd00:10:10::11//' " + flags + "; ! cmp -s " + flags + " /tmp/flags; systemctl restart kubelet"),
			heal:   shell("mv /tmp/flags " + flags + "; systemctl restart kubelet")},
		{name: "status without the IPv6 address", want: "DS501", again: true,
			// The kubelet puts it right when it next looks, and so it heals itself, sometimes before check looks.
			inject: func(t *testing.T) {
				pod := strings.Fields(l.kubectl(t, "get", "pods", "-n", "default", "-o", "name", "--field-selector", "spec.nodeName="+worker))[0]
				ip := l.kubectl(t, "get", "-n", "default", pod, "-o", "jsonpath={.status.podIP}")
				l.kubectl(t, "patch", "-n", "default", pod, "--subresource=status", "--type=merge", "-p", `{"status":{"podIPs":[{"ip":"`+ip+`"}]}}`)
			}, heal: func(*testing.T) {}},
	}
}

// rolloutFaults are those of system DaemonSets, which are rolled out twice.
func rolloutFaults(l *lab) []checkFault {
	rollout := func(t *testing.T, daemonSet string) {
		l.kubectl(t, "rollout", "status", "--namespace", "kube-system", "--timeout", "3m", "daemonset/"+daemonSet)
	}
	const label = "e2e.example/keeps-its-daemons"
	gone := func(daemonSet, want string) checkFault {
		selects := func(t *testing.T, value string) {
			l.kubectl(t, "patch", "--namespace", "kube-system", "daemonset", daemonSet, "--type=merge", "-p",
				`{"spec":{"template":{"spec":{"nodeSelector":{"`+label+`":`+value+`}}}}}`)
			rollout(t, daemonSet)
		}
		return checkFault{name: daemonSet + " gone from a node", want: want, long: true,
			inject: func(t *testing.T) {
				l.kubectl(t, "label", "node", l.name+"-control-plane", l.name+"-worker2", label+"=yes")
				selects(t, `"yes"`)
			},
			heal: func(t *testing.T) {
				selects(t, "null")
				l.kubectl(t, "label", "node", l.name+"-control-plane", l.name+"-worker2", label+"-")
			}}
	}
	support := func(value string) func(*testing.T) {
		return func(t *testing.T) {
			l.kubectl(t, "set", "env", "--namespace", w.release.namespace(), "daemonset/calico-node", "--containers", "calico-node", "FELIX_IPV6SUPPORT="+value)
			rollout(t, "calico-node")
		}
	}
	return []checkFault{
		gone("kube-proxy", "DS703"),
		gone("calico-node", "DS309"),
		{name: "IPv6 support off in Felix", want: "DS301", inject: support("false"), heal: support("true"), long: true},
	}
}
