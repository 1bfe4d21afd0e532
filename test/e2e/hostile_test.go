//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect"
	"github.com/kubectl-dualstack/kubectl-dualstack/pkg/inspect/trace"
)

// hostile are a tenant's objects. They say that they are calico-node, the DNS service, the lab and a debug pod of ours, in
// the tenant's own namespace and in one that the tenant has named as Calico's operator names its own. The pods are on the
// nodes' network, so that they take no address of a pool; %[1]s is a node, %[2]s an image.
const hostile = `
apiVersion: v1
kind: Namespace
metadata: {name: tenant}
---
apiVersion: v1
kind: Namespace
metadata: {name: calico-system}
---
apiVersion: v1
kind: Pod
metadata:
  name: calico-node-aaaaa
  namespace: tenant
  labels: &calico {k8s-app: calico-node, app.kubernetes.io/managed-by: kubectl-dualstack}
  annotations: &text {note: "\e[2J\u202e$(touch /tmp/pwned)\n::error::x"}
spec: &fake
  nodeName: %[1]s
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  containers:
  - {name: calico-node, image: %[2]s, command: [sleep, "3600"]}
---
apiVersion: v1
kind: Pod
metadata: {name: calico-node-aaaaa, namespace: calico-system, labels: *calico, annotations: *text}
spec: *fake
---
apiVersion: v1
kind: Pod
metadata: {name: dualstack-tables-aaaaaaaaaa, namespace: tenant, labels: *calico}
spec: *fake
---
apiVersion: v1
kind: ConfigMap
metadata: {name: dualstack-lab, namespace: tenant}
data: {externalIPv4: 127.0.0.1, externalIPv6: "::1", name: "\e[2J"}
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: tenant, labels: {k8s-app: kube-dns}}
spec:
  selector: {k8s-app: kube-dns}
  ports: [{name: dns, port: 53, protocol: UDP}]
`

// TestHostileTenant: with the objects of a hostile tenant beside the lab's, everything that looks at the cluster says what
// it says without them.
func TestHostileTenant(t *testing.T) {
	l := shared(t)
	before := observe(t, l)
	file := filepath.Join(w.dir, "hostile.yaml")
	// kubectl knows no anchors across documents: each is one YAML text of its own.
	text := strings.ReplaceAll(fmt.Sprintf(hostile, l.name+"-worker", w.env.MultitoolImage), "*calico", "{k8s-app: calico-node, app.kubernetes.io/managed-by: kubectl-dualstack}")
	spec := text[strings.Index(text, "spec: &fake")+len("spec: &fake"):]
	spec, _, _ = strings.Cut(spec, "---")
	text = strings.NewReplacer("&calico ", "", "&text ", "", "*text", "{}", "&fake", "", "*fake", spec).Replace(text)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		l.kubectl(t, "delete", "--ignore-not-found", "--timeout", "2m", "namespace", "tenant", "calico-system")
	})
	l.kubectl(t, "apply", "-f", file)
	l.kubectl(t, "wait", "--namespace", "tenant", "--for", "condition=Ready", "--timeout", "2m", "pod", "--all")
	l.kubectl(t, "wait", "--namespace", "calico-system", "--for", "condition=Ready", "--timeout", "2m", "pod", "--all")
	if diff := cmp.Diff(before, observe(t, l)); diff != "" {
		t.Errorf("without the tenant (-), with it (+):\n%s", diff)
	}
}

// observe runs what looks at the cluster, and returns what it says by command line.
func observe(t *testing.T, l *lab) map[string]string {
	t.Helper()
	said := map[string]string{}
	for _, line := range []string{
		"nodes", "ippools", "blocks", "vxlan", "routes", "neighbors", "fdb", "fdb --node-access debug", "fdb --node-access runtime",
		"pods", "services", "graph -n default", "__complete trace ", "__complete trace pod/", "__complete fdb --node ",
	} {
		r := l.plugin(t, strings.Split(line, " ")...)
		said[line] = fmt.Sprintf("%s\nexit code %d\n%s", r.out, r.code, r.errOut)
	}
	file := filepath.Join(w.dir, "hostile.snapshot")
	l.mustPlugin(t, "snapshot", file)
	said["fdb of a snapshot"] = l.plugin(t, "fdb", "--snapshot", file).out
	var paths struct{ Items []trace.Path }
	if err := json.Unmarshal([]byte(l.plugin(t, "trace", "-o", "json").out), &paths); err != nil {
		t.Fatal(err)
	}
	var verdicts strings.Builder
	for _, p := range paths.Items {
		fmt.Fprintf(&verdicts, "%s %s\n", p.Name, p.Verdict)
	}
	said["trace"] = verdicts.String()
	var findings struct{ Items []inspect.Finding }
	if err := json.Unmarshal([]byte(l.plugin(t, "check", "-o", "json").out), &findings); err != nil {
		t.Fatal(err)
	}
	for _, f := range findings.Items {
		if f.Subject != "service tenant/kube-dns" { // which has one family, as check says
			said["check"] += fmt.Sprintf("%s %s %s %s\n", f.Code, f.Severity, f.Subject, f.Summary)
		}
	}
	return said
}
