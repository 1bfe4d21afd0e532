//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// The services of frontends, by what they are for. The addresses outside of the cluster are of the ranges for documentation.
const (
	balancedService = "balanced"
	localService    = "local-only"
	headlessService = "headless"
	namedService    = "elsewhere"
	hostPortPod     = "host-port"
	// toolsImage is that of the lab's own pods.
	toolsImage = "docker.io/wbitt/network-multitool:alpine-extra"
)

// frontends are a service of each kind for the lab's pods, and a pod with a host port on worker2, where the service with the traffic
// policies Local has its only endpoint.
func frontends(l *lab) string {
	const both = "ipFamilyPolicy: RequireDualStack, ports: [{name: http, port: 80}]"
	service := func(name, spec string) string {
		return fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {name: %s, namespace: default}, spec: {%s}}\n---\n", name, spec)
	}
	return service(balancedService, "type: LoadBalancer, selector: {app: multitool}, "+both+", externalIPs: [198.51.100.9, '2001:db8:9::9']") +
		service(localService, "type: NodePort, externalTrafficPolicy: Local, internalTrafficPolicy: Local, selector: {app: host-port}, "+both) +
		service(headlessService, "clusterIP: None, selector: {app: multitool}, "+both) +
		service(namedService, "type: ExternalName, externalName: multitool-dual-stack.default.svc.cluster.local") +
		fmt.Sprintf(`{apiVersion: v1, kind: Pod, metadata: {name: %s, namespace: default, labels: {app: host-port}}, spec: {nodeName: %s-worker2,
  terminationGracePeriodSeconds: 0, containers: [{name: multitool, image: %q, ports: [{name: http, containerPort: 80, hostPort: 18080}]}]}}`,
			hostPortPod, l.name, toolsImage)
}

// withFrontends creates them for a test, with an address of a load balancer in each family, as its controller would give it.
func withFrontends(t *testing.T, l *lab) {
	t.Helper()
	file := manifestFile(t, frontends(l))
	l.kubectl(t, "create", "-f", file)
	t.Cleanup(func() {
		l.kubectl(t, "delete", "-f", file)
		eventually(t, "every path passes again", func() bool { return l.plugin(t, "trace").code == 0 })
	})
	l.kubectl(t, "patch", "service", balancedService, "--subresource=status", "--type=merge", "-p",
		`{"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.7"},{"ip":"2001:db8:7::7"}]}}}`)
	l.kubectl(t, "wait", "--for=condition=Ready", "pod/"+hostPortPod, "--timeout=2m")
	eventually(t, "the rules are there", func() bool {
		return l.plugin(t, "trace", "svc/"+localService, "--from-node", l.name+"-worker2").code == 0
	})
}

// TestTraceFrontends traces each kind of service, and a host port, from a pod and from a node itself, in both families.
func TestTraceFrontends(t *testing.T) {
	l := shared(t)
	withFrontends(t, l)
	worker, worker2 := l.name+"-worker", l.name+"-worker2"
	type want map[trace.Class]int // paths of each class that pass, in each family
	for _, tt := range []struct {
		target, from string
		want         want
	}{
		{"svc/" + balancedService, "pod", want{trace.Service: 1, trace.NodePort: 2, trace.Balancer: 2, trace.Name: 1, trace.Web: 1}},
		{"svc/" + balancedService, "node", want{trace.Service: 1, trace.NodePort: 2, trace.Balancer: 2, trace.Name: 1, trace.Web: 1}},
		{"svc/" + headlessService, "pod", want{trace.CrossNode: 2, trace.Name: 1}},
		{"svc/" + headlessService, "node", want{trace.SameNode: 1, trace.CrossNode: 2, trace.Name: 1}},
		{"svc/" + namedService, "pod", want{trace.Service: 1, trace.Name: 1}},
		{"pod/" + hostPortPod, "pod", want{trace.CrossNode: 2, trace.HostPort: 1}},
		{"pod/" + hostPortPod, "node", want{trace.CrossNode: 2, trace.HostPort: 1}},
		{"node/" + worker2, "node", want{trace.ToNode: 1}},
		{"", "node", want{trace.SameNode: 1, trace.CrossNode: 4, trace.External: 1}},
	} {
		t.Run(tt.from+" to "+tt.target, func(t *testing.T) {
			args := []string{"--from-node", worker}
			if tt.from == "node" {
				args = []string{"--from", "node/" + worker}
			}
			if tt.target != "" {
				args = append(args, tt.target)
			} else {
				args = append(args, "--skip", localService) // which is refused on this node, as it should be
			}
			paths, r := tracePaths(t, l, args...)
			check(t, paths, r)
			for _, f := range inspect.Families() {
				for class, n := range tt.want {
					got := slices.DeleteFunc(slices.Clone(paths), func(p trace.Path) bool {
						return p.Family != f || p.Class != class || p.Verdict != trace.Pass
					})
					if len(got) != n {
						t.Errorf("%d paths of class %s pass in %s, want %d: %s", len(got), class, f, n, r.out)
					}
				}
			}
		})
	}
	if pods := l.kubectl(t, "get", "pods,jobs", "--all-namespaces", "-l", "app.kubernetes.io/managed-by=kubectl-dualstack", "-o", "name"); pods != "" {
		t.Errorf("left in the cluster: %s", pods)
	}
}

// TestTraceFrontendFaults breaks the ways to services one by one, in one family: only the paths that take that way fail, each for the
// right cause.
func TestTraceFrontendFaults(t *testing.T) {
	l := shared(t)
	withFrontends(t, l)
	worker, worker2, control := l.name+"-worker", l.name+"-worker2", l.name+"-control-plane"
	nodePort := l.kubectl(t, "get", "service", balancedService, "-o", "jsonpath={.spec.ports[0].nodePort}")
	onNode := func(node string, args ...string) func(*testing.T) {
		return func(t *testing.T) { docker(t, append([]string{"exec", node}, args...)...) }
	}
	firewall := func(node, how, port string) func(*testing.T) {
		return onNode(node, "ip6tables", "-w", "-t", "mangle", how, "PREROUTING", "-p", "tcp", "--dport", port, "-j", "DROP")
	}
	rule := func(node, chain, text string) (remove, restore func(*testing.T)) {
		const file = "/tmp/rule"
		remove = onNode(node, "sh", "-ec", `ip6tables-save -t nat | grep -- "^-A `+chain+` .*`+text+`" >`+file+`
{ echo '*nat'; sed 's/^-A/-D/' `+file+`; echo COMMIT; } | ip6tables-restore -w --noflush`)
		restore = onNode(node, "sh", "-ec", "{ echo '*nat'; cat "+file+"; echo COMMIT; } | ip6tables-restore -w --noflush")
		return remove, restore
	}
	removeNodePort, restoreNodePort := rule(control, "KUBE-NODEPORTS", "--dport "+nodePort+" ")
	removeHostPort, restoreHostPort := rule(worker2, "CNI-HOSTPORT-DNAT", "18080")
	for _, tt := range []struct {
		name         string
		target       string
		from         []string
		inject, heal func(*testing.T)
		fails        func(*trace.Path) bool
		cause        inspect.Code
		node, says   string
	}{
		{"node port dropped in one family", "svc/" + balancedService, nil, firewall(control, "-I", nodePort), firewall(control, "-D", nodePort),
			func(p *trace.Path) bool { return p.Class == trace.NodePort && p.Target.Node == control }, trace.PolicyDrops, control, "a firewall"},
		{"no rule for a node port", "svc/" + balancedService, nil, removeNodePort, restoreNodePort,
			func(p *trace.Path) bool { return p.Class == trace.NodePort && p.Target.Node == control }, trace.NoTranslation, control, "node port " + nodePort},
		{"no rule for a host port", "pod/" + hostPortPod, nil, removeHostPort, restoreHostPort,
			func(p *trace.Path) bool { return p.Class == trace.HostPort }, trace.NoTranslation, worker2, "portmap"},
		{"traffic policy Local", "svc/" + localService, nil, func(*testing.T) {}, func(*testing.T) {},
			func(p *trace.Path) bool { return p.Class == trace.Service || p.Class == trace.Web }, trace.NoEndpoint, worker, "its traffic policy is Local"},
		{"a node without a default route", "svc/" + balancedService, []string{"--from", "node/" + worker},
			onNode(worker, "sh", "-ec", "ip -6 route save default >/tmp/default; ip -6 route del default"), onNode(worker, "sh", "-ec", "ip -6 route restore </tmp/default"),
			func(p *trace.Path) bool { return p.Class == trace.Service || p.Class == trace.Web }, trace.NoRoute, worker, "a default route"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Cleanup(func() { tt.heal(t) })
			tt.inject(t)
			both := tt.name == "traffic policy Local"
			from := tt.from
			if from == nil {
				from = []string{"--from-node", worker}
			}
			paths, r := tracePaths(t, l, append([]string{tt.target}, from...)...)
			failed := check(t, paths, r, damage{fails: func(p *trace.Path) bool {
				return (both || p.Family == inspect.IPv6) && tt.fails(p)
			}}.because(tt.node, tt.cause))
			for _, p := range failed {
				if !strings.Contains(p.Cause.Summary, tt.says) {
					t.Errorf("%s: %s", p.Name, p.Cause.Summary)
				}
			}
			showsSomething(t, l, failed)
		})
	}
}
