package render

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-dualstack/kubectl-dualstack/internal/testutil"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/lab/spec"
)

// other is a lab in which no value is the default's, so that a template that forgot one shows it.
func other() spec.Lab {
	p, a := netip.MustParsePrefix, netip.MustParseAddr
	return spec.Lab{
		Name: "other", Workers: 1, VLAN: 20, KubeProxyMode: "nftables",
		IPv4: spec.Net{Fabric: p("172.30.0.0/22"), Gateway: a("172.30.3.254"), FirstNode: a("172.30.0.7"), External: a("9.9.9.9"),
			ExternalRoute: p("9.9.9.0/24"), Pods: p("10.200.0.0/17"), BlockSize: 28, Encapsulation: spec.VXLAN, Services: p("10.97.0.0/20")},
		IPv6: spec.Net{Fabric: p("fd01::/96"), Gateway: a("fd01::ff"), FirstNode: a("fd01::7"), External: a("2001:db8:9::9"),
			ExternalRoute: p("2001:db8:9::/48"), Pods: p("fd02::/56"), BlockSize: 120, Encapsulation: spec.VXLANCrossSubnet, Services: p("fd03::/110")},
	}
}

func TestGoldens(t *testing.T) {
	for _, l := range []spec.Lab{spec.Default(), other()} {
		if err := l.Validate(); err != nil {
			t.Fatal(err)
		}
		for name, f := range map[string]func(spec.Lab) (string, error){
			"kind.yaml":  func(l spec.Lab) (string, error) { return Kind(l, true, l.Name == "other") },
			"eos.config": EOS, "installation.yaml": Installation,
			"pools.yaml": func(l spec.Lab) (string, error) { return Pools(l, l.Name == "other") },
			"tools.yaml": func(l spec.Lab) (string, error) { return Tools(l, "example/multitool:1") },
		} {
			got, err := f(l)
			if err != nil {
				t.Fatal(err)
			}
			testutil.Golden(t, l.Name+"-"+name, []byte(got))
			if strings.HasSuffix(name, ".yaml") {
				if _, err := Objects(got); err != nil {
					t.Errorf("%s of %s is not a manifest: %v", name, l.Name, err)
				}
			}
		}
	}
}

func TestObjects(t *testing.T) {
	tests := []struct {
		name, in string
		want     []string
		err      string
	}{
		{"two documents and an empty one", "kind: A\napiVersion: v1\n---\n# nothing\n---\nkind: B\napiVersion: v1\n", []string{"A", "B"}, ""},
		{"a list", "kind: List\napiVersion: v1\nitems:\n- {kind: A, apiVersion: v1}\n- {kind: B, apiVersion: v1}\n", []string{"A", "B"}, ""},
		{"no kind", "apiVersion: v1\n", nil, "no kind"},
		{"no YAML", "a: b: c", nil, "document 1"},
		{"nothing", "", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			objects, err := Objects(tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			var got []string
			for _, o := range objects {
				got = append(got, o.GetKind())
			}
			if err != nil || !cmp.Equal(tt.want, got) {
				t.Errorf("got %v, %v, want %v", got, err, tt.want)
			}
		})
	}
}

const calicoText = `
kind: ConfigMap
apiVersion: v1
metadata: {name: calico-config, namespace: kube-system}
data:
  cni_network_config: '{"mtu": __CNI_MTU__, "ipam": {"type": "calico-ipam"}}'
---
kind: DaemonSet
apiVersion: apps/v1
metadata: {name: calico-node, namespace: kube-system}
spec:
  template:
    spec:
      initContainers:
      - {name: upgrade-ipam, image: docker.io/calico/cni:v3.28.5}
      - {name: install-cni, image: docker.io/calico/cni:v3.28.5}
      containers:
      - name: calico-node
        image: docker.io/calico/node:v3.28.5
        livenessProbe: {exec: {command: [/bin/calico-node, -felix-live]}, timeoutSeconds: 10}
        readinessProbe: {exec: {command: [/bin/calico-node, -felix-ready]}, periodSeconds: 10}
        env:
        - {name: FELIX_IPV6SUPPORT, value: "false"}
        - {name: IP, value: autodetect}
`

func TestCalicoManifest(t *testing.T) {
	objects, err := CalicoManifest(calicoText, spec.Default())
	if err != nil {
		t.Fatal(err)
	}
	cni, _, _ := unstructured.NestedString(objects[1].Object, "data", "cni_network_config")
	if want := `{"mtu": __CNI_MTU__, "ipam": {"type": "calico-ipam", "assign_ipv4": "true", "assign_ipv6": "true"}}`; cni != want {
		t.Errorf("CNI configuration %s, want %s", cni, want)
	}
	containers, _, _ := unstructured.NestedSlice(objects[2].Object, "spec", "template", "spec", "containers")
	got := map[string]any{}
	for _, e := range containers[0].(map[string]any)["env"].([]any) {
		v := e.(map[string]any)
		if _, twice := got[v["name"].(string)]; twice {
			t.Errorf("%s is set twice", v["name"])
		}
		got[v["name"].(string)] = v["value"]
	}
	want := map[string]any{
		"FELIX_IPV6SUPPORT": "true", "IP": "autodetect", "IP_AUTODETECTION_METHOD": "cidr=10.10.10.0/24", "IP6": "autodetect",
		"IP6_AUTODETECTION_METHOD": "cidr=fd00:10:10::/64", "NO_DEFAULT_POOLS": "true",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("environment (-want +got):\n%s", d)
	}
	host, _, _ := unstructured.NestedString(objects[0].Object, "data", "KUBERNETES_SERVICE_HOST")
	if objects[0].GetName() != "kubernetes-services-endpoint" || host != "dual-stack-control-plane" {
		t.Errorf("the API server's name comes first and is %q", host)
	}
	felix := func(path string) map[string]any {
		return map[string]any{"host": "127.0.0.1", "port": int64(9099), "path": path}
	}
	for probe, want := range map[string]map[string]any{
		"livenessProbe":  {"httpGet": felix("/liveness"), "timeoutSeconds": int64(10)},
		"readinessProbe": {"httpGet": felix("/readiness"), "periodSeconds": int64(2)},
	} {
		if d := cmp.Diff(want, containers[0].(map[string]any)[probe]); d != "" {
			t.Errorf("%s (-want +got):\n%s", probe, d)
		}
	}
	if init, _, _ := unstructured.NestedSlice(objects[2].Object, "spec", "template", "spec", "initContainers"); len(init) != 1 {
		t.Errorf("init containers %v", init)
	}
	if v := CalicoVersion(objects); v != "v3.28.5" {
		t.Errorf("version %q", v)
	}
}

// TestCalicoManifestWithBGP makes of calico-vxlan.yaml what Calico's calico.yaml is: BIRD runs, and the probes ask that of IPv4.
func TestCalicoManifestWithBGP(t *testing.T) {
	l := spec.Default()
	l.IPv6.Encapsulation = spec.None
	objects, err := CalicoManifest(calicoText, l)
	if err != nil {
		t.Fatal(err)
	}
	if backend, _, _ := unstructured.NestedString(objects[1].Object, "data", "calico_backend"); backend != "bird" {
		t.Errorf("backend %q", backend)
	}
	containers, _, _ := unstructured.NestedSlice(objects[2].Object, "spec", "template", "spec", "containers")
	for probe, want := range map[string]map[string]any{
		"livenessProbe":  {"exec": map[string]any{"command": []any{"/bin/calico-node", "-felix-live", "-bird-live"}}, "timeoutSeconds": int64(10)},
		"readinessProbe": {"exec": map[string]any{"command": []any{"/bin/calico-node", "-felix-ready", "-bird-ready"}}, "periodSeconds": int64(5)},
	} {
		if d := cmp.Diff(want, containers[0].(map[string]any)[probe]); d != "" {
			t.Errorf("%s (-want +got):\n%s", probe, d)
		}
	}
	for encapsulation, want := range map[string]string{spec.None: "Never", spec.VXLAN: "Always", spec.VXLANCrossSubnet: "CrossSubnet"} {
		if got := VXLANMode(encapsulation); got != want {
			t.Errorf("%s is vxlanMode %s", encapsulation, got)
		}
	}
	if text, err := Installation(l); err != nil || !strings.Contains(text, "bgp: Enabled") {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestSetPodMTU(t *testing.T) {
	objects, err := CalicoManifest(calicoText, spec.Default())
	if err != nil {
		t.Fatal(err)
	}
	installation, err := Installation(spec.Default())
	if err != nil {
		t.Fatal(err)
	}
	more, err := Objects(installation)
	if err != nil {
		t.Fatal(err)
	}
	if err := SetPodMTU(append(objects, more...), 1430); err != nil {
		t.Fatal(err)
	}
	cni, _, _ := unstructured.NestedString(objects[1].Object, "data", "cni_network_config")
	mtu, _, _ := unstructured.NestedInt64(more[0].Object, "spec", "calicoNetwork", "mtu")
	if !strings.HasPrefix(cni, `{"mtu": 1430, `) || mtu != 1430 {
		t.Errorf("CNI configuration %s, Installation %d", cni, mtu)
	}
}

func TestProbesThatAskMoreThanFelixStay(t *testing.T) {
	p := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/calico-node", "-felix-ready", "-bird-ready"}}}}
	if askFelix(p, "-felix-ready", "/readiness"); p.HTTPGet != nil || p.Exec == nil {
		t.Errorf("BIRD is not asked any more: %v", p)
	}
}

func TestCalicoControllersHaveTime(t *testing.T) {
	const controllers = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: calico-kube-controllers}, spec: {template: {spec: {containers: [
{name: calico-kube-controllers, livenessProbe: {timeoutSeconds: 20}, readinessProbe: {periodSeconds: 10}}]}}}}`
	objects, err := CalicoManifest(calicoText+"---\n"+controllers, spec.Default())
	if err != nil {
		t.Fatal(err)
	}
	containers, _, _ := unstructured.NestedSlice(objects[len(objects)-1].Object, "spec", "template", "spec", "containers")
	for probe, want := range map[string]int64{"livenessProbe": 20, "readinessProbe": 10} {
		if got, _, _ := unstructured.NestedInt64(containers[0].(map[string]any), probe, "timeoutSeconds"); got != want {
			t.Errorf("%s: %d s, want %d s", probe, got, want)
		}
	}
}

func TestCalicoManifestRefusesWhatItDoesNotKnow(t *testing.T) {
	for name, in := range map[string]string{
		"another manifest":       "kind: Pod\napiVersion: v1\n",
		"another CNI template":   strings.Replace(calicoText, "calico-ipam", "host-local", 1),
		"no calico-node in it":   strings.Replace(calicoText, "- name: calico-node", "- name: other", 1),
		"no DaemonSet":           calicoText[:strings.Index(calicoText, "---")],
		"a DaemonSet of no kind": strings.Replace(calicoText, "containers:", "containers: 5\n      x:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := CalicoManifest(in, spec.Default()); err == nil {
				t.Error("no error")
			}
		})
	}
}
